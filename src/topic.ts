/** What a watcher of a {@link Topic} asks for. */
export interface Watch<T> {
  /** Only what is published under this key. (Default: everything) */
  readonly key?: string | undefined;
  /** Ends the watch. */
  readonly signal?: AbortSignal | undefined;
  /** Shortest time between two values, in milliseconds; what comes sooner waits, and only the latest of it. (Default: 0) */
  readonly paceMs?: number;
  /** Values that do not wait for the pace. (Default: none) */
  readonly urgent?: (value: T) => boolean;
}

/**
 * States that change, published by key to whoever watches. A watcher holds no more than the latest state of each key: one
 * that reads slowly misses states in between, never the last one, and costs no more memory than there are keys.
 */
export class Topic<T> {
  readonly #watchers = new Map<string | undefined, Set<Watcher<T>>>();

  /** How many are watching. */
  get watchers(): number {
    return [...this.#watchers.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Tells those who watch this key, and those who watch everything. */
  publish(key: string, value: T): void {
    for (const watched of [key, undefined]) {
      for (const watcher of this.#watchers.get(watched) ?? []) watcher.put(key, value);
    }
  }

  /** What is published from now on, until the signal is aborted or the iterator is returned. */
  watch(watch: Watch<T> = {}): AsyncIterableIterator<T> {
    const { key } = watch;
    const watchers = this.#watchers.get(key) ?? new Set();
    this.#watchers.set(key, watchers);
    const watcher = new Watcher(watch, () => {
      watchers.delete(watcher);
      if (watchers.size === 0 && this.#watchers.get(key) === watchers) this.#watchers.delete(key);
    });
    watchers.add(watcher);
    if (watch.signal?.aborted) watcher.end();
    return watcher;
  }
}

// No async generator: `return` of one would wait for the next value when it is waiting already.
class Watcher<T> implements AsyncIterableIterator<T> {
  readonly #watch: Watch<T>;
  readonly #forget: () => void;
  readonly #pending = new Map<string, T>();
  #wake: () => void = () => undefined;
  #notBefore = 0;
  #ended = false;

  constructor(watch: Watch<T>, forget: () => void) {
    this.#watch = watch;
    this.#forget = forget;
    watch.signal?.addEventListener('abort', this.end, { once: true });
  }

  put(key: string, value: T): void {
    this.#pending.set(key, value);
    this.#wake();
  }

  readonly end = (): void => {
    this.#ended = true;
    this.#pending.clear();
    this.#watch.signal?.removeEventListener('abort', this.end);
    this.#forget();
    this.#wake();
  };

  async next(): Promise<IteratorResult<T, undefined>> {
    const { paceMs = 0, urgent } = this.#watch;
    while (!this.#ended) {
      const wait = this.#notBefore - performance.now();
      for (const [key, value] of this.#pending) {
        if (wait > 0 && !urgent?.(value)) continue;
        this.#pending.delete(key);
        this.#notBefore = performance.now() + paceMs;
        return { done: false, value };
      }
      await this.#woken(this.#pending.size > 0 ? wait : undefined);
    }
    return { done: true, value: undefined };
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #woken(afterMs: number | undefined): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (afterMs !== undefined) timer = setTimeout(resolve, afterMs);
    });
    clearTimeout(timer);
  }
}
