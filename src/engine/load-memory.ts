import { isAppError, messageOf } from '../errors.js';
import type { Company } from './company.js';

/** What the engine lets its memory be told. */
export interface MemoryControls {
  /** Bytes that it may hold when nothing is loaded; undefined: it is never bounded. */
  readonly full: number | undefined;
  /** Bytes that it holds. */
  readonly held: () => Promise<number>;
  /** Bounds it, and gives what was freed back to the system. Fails when more is in use. */
  readonly bound: (bytes: number) => Promise<void>;
  /** Has rows that were loaded put into the database file often, or as seldom as usual: until then they are held. */
  readonly storeOften: (often: boolean) => Promise<void>;
  /** Bytes of the process. */
  readonly resident: () => number;
}

/** What the engine held when so many queries had been asked. */
interface Held {
  readonly bytes: number;
  readonly visits: number;
}

/** What modest work may take beside what the engine holds already, in bytes. */
const modestBytes = 256 * 2 ** 20;
/** How often memory that was freed meanwhile is given back at most, in milliseconds. */
const givingBackMs = 60;
/** Bytes that may be given back in a millisecond: whoever needs them again has to fetch them, which takes time. */
const givenBackPerMs = 2 ** 18;
/** How long after a load what came after it is given back, too, in milliseconds. */
const tidyingMs = 1_000;
/** The engine takes no smaller bound, in bytes. */
const leastBytes = 2 ** 20;

/**
 * Keeps the engine small while it loads. What it writes it also keeps in memory, as far as it may, although nobody may ever ask
 * for it; and what it frees stays with the process. So while modest work is under way and nobody asks, it is held to what it had
 * and some more, and at the end to what it had. Whoever asks gets all of it at once.
 */
export class LoadMemory {
  readonly #controls: MemoryControls;
  readonly #company: Company;
  #modest = 0;
  #ample = 0;
  #isBounded = false;
  /** How often it was bounded. */
  #bounds = 0;
  /** From before it was bounded the last time. */
  #before: Held | undefined;
  #timer: NodeJS.Timeout | undefined;
  #tidying: NodeJS.Timeout | undefined;
  /** When memory is given back again. */
  #next = 0;
  #turn: Promise<void> = Promise.resolve();

  constructor(controls: MemoryControls, company: Company) {
    this.#controls = controls;
    this.#company = company;
  }

  /** Modest work begins. @returns what ends it */
  async begin(): Promise<() => Promise<void>> {
    if (this.#modest++ === 0) {
      this.#timer = setInterval(() => void this.#settle(), givingBackMs).unref();
    }
    await this.#settle();
    return async () => {
      if (--this.#modest === 0) clearInterval(this.#timer);
      await this.#settle();
      // The commit, for one, comes after the load.
      clearTimeout(this.#tidying);
      this.#tidying = setTimeout(() => void this.#inTurn(() => this.#tidy()), tidyingMs).unref();
    };
  }

  /** Runs a statement; again with all memory, where it turns out to need more than there was. */
  async modest<T>(run: () => Promise<T>): Promise<T> {
    const wasBounded = this.#isBounded;
    const bounds = this.#bounds;
    try {
      return await run();
    } catch (error) {
      if (!(wasBounded || this.#bounds > bounds) || !isAboutRoom(error)) throw error;
      return this.ample(run);
    }
  }

  /** Runs what may need all memory there is. */
  async ample<T>(run: () => Promise<T>): Promise<T> {
    const done = await this.needAll();
    try {
      return await run();
    } finally {
      done();
    }
  }

  /** Asks for all memory there is. @returns a function that says that it is not needed any more */
  async needAll(): Promise<() => void> {
    this.#ample++;
    // Not bounded yet, it may be about to be.
    if (this.#isBounded || this.#modest > 0) await this.#settle();
    return () => this.#ample--;
  }

  /** Nobody may be told anything any more. */
  close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#tidying);
  }

  get #isAlone(): boolean {
    return this.#ample === 0 && !this.#company.isHere;
  }

  #settle(): Promise<void> {
    return this.#inTurn(() => this.#tell());
  }

  #inTurn(step: () => Promise<void>): Promise<void> {
    // What cannot be told now is told the next time.
    return (this.#turn = this.#turn.then(step).catch(() => undefined));
  }

  async #tell(): Promise<void> {
    const { bound, storeOften, resident, full } = this.#controls;
    if (full === undefined) return;
    if (this.#modest > 0 && this.#isAlone) {
      if (this.#isBounded && performance.now() < this.#next) return;
      if (!this.#isBounded) {
        await this.#measure();
        await storeOften(true);
      }
      this.#isBounded = true;
      this.#bounds++;
      const had = resident();
      await bound(Math.min(full, (this.#before?.bytes ?? full) + modestBytes));
      this.#next = performance.now() + (had - resident()) / givenBackPerMs;
    } else if (this.#isBounded) {
      await this.#shrink();
      await storeOften(false);
      this.#isBounded = false;
    }
  }

  // What nobody asked for does not become more from load to load.
  async #measure(): Promise<void> {
    const { visits } = this.#company;
    const held = await this.#controls.held();
    const known = this.#before?.visits === visits ? this.#before.bytes : held;
    this.#before = { bytes: Math.min(known, held), visits };
  }

  // Where nobody asks, back to what was held before.
  async #shrink(): Promise<void> {
    const { bound, full } = this.#controls;
    if (full === undefined) return;
    const before = Math.max(leastBytes, this.#before?.bytes ?? full);
    if (this.#isAlone && before < full) await bound(before).catch(() => undefined);
    await bound(full);
  }

  async #tidy(): Promise<void> {
    if (this.#modest > 0 || this.#before?.visits !== this.#company.visits) return;
    this.#isBounded = true;
    this.#bounds++;
    await this.#shrink();
    this.#isBounded = false;
  }
}

// Bounded, it may also want to spill what there is no room for on the disk.
// A commit that failed for that leaves the table in disorder (DuckDB 1.5.6): nothing may be added to it any more.
function isAboutRoom(error: unknown): boolean {
  return (
    isAppError(error) &&
    (error.code === 'OUT_OF_MEMORY' || error.code === 'NO_SPACE') &&
    !/failed to commit/i.test(messageOf(error.cause))
  );
}
