import type { Run } from '../catalog/runs.js';
import type { Clock } from './clock.js';

const triesApartMs = 30_000;

/**
 * Runs that have ended and whose ends could not be stored, as on a full disk: they are tried again, so that nobody sees
 * them working until the next start.
 */
export class LateEnds {
  /** Stores the end of a run. @returns whether it could be stored */
  readonly #store: (run: Run) => Promise<boolean>;
  readonly #clock: Clock;
  readonly #runs = new Map<string, Run>();
  #sleep: () => void = () => undefined;

  constructor(store: (run: Run) => Promise<boolean>, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** A run of this id that ended, and is stored as if it had not. */
  find(id: string): Run | undefined {
    return this.#runs.get(id);
  }

  /** Stores a run that has ended, now or as soon as can be. */
  async store(run: Run): Promise<void> {
    if (await this.#store(run)) return;
    this.#runs.set(run.id, run);
    this.#arm();
  }

  /** Tries once more, and then no more: the next start finds what is left. */
  async close(): Promise<void> {
    this.#sleep();
    await this.#again();
    this.#runs.clear();
  }

  async #again(): Promise<void> {
    for (const run of [...this.#runs.values()]) {
      if (await this.#store(run)) this.#runs.delete(run.id);
    }
  }

  #arm(): void {
    this.#sleep();
    const next = new Date(this.#clock.now().getTime() + triesApartMs);
    this.#sleep = this.#clock.at(next, async () => {
      await this.#again();
      if (this.#runs.size > 0) this.#arm();
    });
  }
}
