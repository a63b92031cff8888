import { createHash, randomUUID } from 'node:crypto';
import type { ExecutionResult } from 'graphql';
import { LRUCache } from 'lru-cache';
import { RawJson } from './tables/raw-json.js';

/** The datasets that an answer was made of, each with the version that was read. */
export type Reads = Map<string, string>;

/** An operation that reads nothing but tables. */
export interface Asked {
  /** Equal for equal operations only: the document, the operation's name, the variables, and what the caller may see. */
  readonly key: string;
  /** The version of a dataset that would be read now; undefined if there is none. */
  readonly versionOf: (dataset: string) => string | undefined;
}

/** An answer, and the tag that no other answer has. */
export interface Answer {
  readonly result: ExecutionResult;
  /** Strong, without quotes; none if the answer may differ when it is asked for again. */
  readonly etag?: string;
}

/** What a cache did and holds. */
export interface AnswerCacheFigures {
  readonly hits: number;
  readonly misses: number;
  readonly answers: number;
  readonly bytes: number;
}

interface Kept extends Answer {
  readonly reads: ReadonlyMap<string, string>;
  readonly bytes: number;
}

// What an entry takes beside its text.
const overhead = 1024;
/** One answer may take this part of all: copying a large one costs about as much as making it again. */
const largestPart = 64;

/**
 * Keeps answers as long as everything they were made of is as it was: a generation never changes, so what is kept is what
 * would be read again. The least recently used ones leave.
 */
export class AnswerCache {
  readonly #kept: LRUCache<string, Kept> | undefined;
  readonly #maxBytes: number;
  // Versions are counted from the start of the process, and a tag must not mean something else after the next one.
  readonly #process = randomUUID();
  #hits = 0;
  #misses = 0;

  /** @param maxBytes 0 keeps nothing */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    if (maxBytes > 0) {
      this.#kept = new LRUCache({ maxSize: maxBytes, sizeCalculation: ({ bytes }) => bytes });
    }
  }

  get figures(): AnswerCacheFigures {
    return {
      hits: this.#hits,
      misses: this.#misses,
      answers: this.#kept?.size ?? 0,
      bytes: this.#kept?.calculatedSize ?? 0,
    };
  }

  /** The answer that is kept, or the one that `execute` makes. It tells what it has read. */
  async answer(
    { key, versionOf }: Asked,
    execute: (reads: Reads) => Promise<ExecutionResult>,
  ): Promise<Answer> {
    const kept = this.#kept?.get(key);
    const isCurrent = (reads: Kept['reads']) =>
      [...reads].every(([name, version]) => versionOf(name) === version);
    if (kept && isCurrent(kept.reads)) {
      this.#hits++;
      return kept;
    }
    this.#misses++;
    const reads: Reads = new Map();
    const result = await execute(reads);
    // A tag stands for one version: fields may have read several, when one was published between them.
    if (result.errors || reads.size === 0 || !isCurrent(reads)) return { result };
    const answer = { result, etag: this.#etag(key, reads) };
    this.#keep(key, answer, reads);
    return answer;
  }

  #keep(key: string, { result, etag }: Required<Answer>, reads: Reads): void {
    if (!this.#kept) return;
    const answers = Object.entries((result.data ?? {}) as Readonly<Record<string, unknown>>);
    const texts = answers.map(([, one]) => (one instanceof RawJson ? one.bytes : 0));
    const bytes = texts.reduce((sum, one) => sum + one, overhead + key.length);
    if (bytes > this.#maxBytes / largestPart) return;
    // The engine's bytes may be a part of something much larger.
    const own = answers.map(([name, one]): [string, unknown] => [
      name,
      one instanceof RawJson ? new RawJson([Buffer.concat(one.chunks)]) : one,
    ]);
    this.#kept.set(key, { result: { data: Object.fromEntries(own) }, etag, reads, bytes });
  }

  #etag(key: string, reads: Reads): string {
    const versions = [...reads].sort(([a], [b]) => (a < b ? -1 : 1));
    const identity = JSON.stringify([this.#process, key, versions]);
    return createHash('sha256').update(identity).digest('base64url');
  }
}
