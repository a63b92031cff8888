import type { Company } from './company.js';

/** What has worked for so long is a load, in milliseconds. */
const longWork = 250;

/**
 * Keeps processors free for queries while something is loaded. A statement works on the thread that calls it and on all the
 * engine's own; when two statements do, each waits for the other. So loads that have company take half of the engine's threads:
 * the engine is told between two statements of a load, for it waits until what runs has ended.
 */
export class Pace {
  readonly #threads: number;
  readonly #set: (threads: number) => Promise<void>;
  readonly #company: Company;
  readonly #now: () => number;
  #current: number;
  #loads = 0;
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
  begin(): { readonly beforeStatement: () => Promise<void>; readonly end: () => Promise<void> } {
    const began = this.#now();
    let isLoad = false;
    return {
      beforeStatement: async () => {
        if (!isLoad && this.#now() - began < longWork) return;
        if (!isLoad) this.#loads++;
        isLoad = true;
        await this.#settle();
      },
      end: async () => {
        if (!isLoad) return;
        this.#loads--;
        await this.#settle();
      },
    };
  }

  #settle(): Promise<void> {
    this.#turn = this.#turn.then(async () => {
      const makesRoom = this.#loads > 0 && this.#company.isHere;
      const wanted = makesRoom ? Math.ceil(this.#threads / 2) : this.#threads;
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
