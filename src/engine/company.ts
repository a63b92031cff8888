/** How long after a query loads still make room for the next, in milliseconds. */
const lingering = 1_000;

/** Whether somebody asks queries of tables. What the service asks for itself does not count. */
export class Company {
  readonly #now: () => number;
  #asking = 0;
  #left = -Infinity;
  #visits = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get isHere(): boolean {
    return this.#asking > 0 || this.#now() - this.#left < lingering;
  }

  /** How many queries have begun so far. */
  get visits(): number {
    return this.#visits;
  }

  /** A query begins. */
  enter(): void {
    this.#visits++;
    this.#asking++;
  }

  /** A query has ended. */
  leave(): void {
    this.#asking--;
    this.#left = this.#now();
  }
}
