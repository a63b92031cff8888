/** Items of a stream, of which the next can be looked at before it is taken. */
export interface LookAhead<T> {
  /** The next item; undefined at the end. */
  readonly peek: () => Promise<T | undefined>;
  /** Takes what was looked at. */
  readonly take: () => void;
  /** Ends the stream, read to its end or not. */
  readonly close: () => Promise<void>;
}

/** Looks one item ahead. */
export function lookAhead<T>(items: AsyncGenerator<T, void, undefined>): LookAhead<T> {
  let next: Promise<T | undefined> | undefined;
  return {
    peek: () => (next ??= items.next().then(({ value }) => value ?? undefined)),
    take: () => {
      next = undefined;
    },
    close: async () => {
      await items.return();
    },
  };
}
