import type { Company } from './company.js';

/** What has worked for so long is a load, in milliseconds. */
const longWork = 250;

interface Load {
  /** Whether a thread of its own works for it just now. */
  readonly hasThread: () => boolean;
}

/**
 * Keeps processors free for queries while something is loaded. A statement works on the thread that calls it and on all the
 * engine's own; when two statements do, each waits for the other. So loads that have company take half of the engine's threads;
 * and a load that has a thread of its own at work takes one less. The engine is told between two statements of a load, for it
 * waits until what runs has ended.
 */
export class Pace {
  readonly #threads: number;
  readonly #set: (threads: number) => Promise<void>;
  readonly #company: Company;
  readonly #now: () => number;
  readonly #loads = new Set<Load>();
  #current: number;
  #turn: Promise<void> = Promise.resolve();

  constructor(
    threads: number,
    set: (threads: number) => Promise<void>,
    company: Company,
    now: () => number = () => performance.now(),
  ) {
    this.#threads = threads;
    this.#current = threads;
    this.#set = set;
    this.#company = company;
    this.#now = now;
  }

  /** Work begins that may be a load. */
  begin(hasThread: Load['hasThread'] = () => false): {
    readonly beforeStatement: () => Promise<void>;
    readonly end: () => Promise<void>;
  } {
    const began = this.#now();
    const load = { hasThread };
    return {
      beforeStatement: async () => {
        if (this.#now() - began >= longWork) this.#loads.add(load);
        if (this.#loads.has(load)) await this.#settle();
      },
      end: async () => {
        if (this.#loads.delete(load)) await this.#settle();
      },
    };
  }

  #settle(): Promise<void> {
    this.#turn = this.#turn.then(async () => {
      const makesRoom = this.#loads.size > 0 && this.#company.isHere;
      const most = makesRoom ? Math.ceil(this.#threads / 2) : this.#threads;
      const others = [...this.#loads].filter((load) => load.hasThread()).length;
      const wanted = Math.max(1, Math.min(most, this.#threads - others));
      if (wanted === this.#current) return;
      // What cannot be told now is told before the next statement.
      await this.#set(wanted).then(
        () => {
          this.#current = wanted;
        },
        () => undefined,
      );
    });
    return this.#turn;
  }
}
