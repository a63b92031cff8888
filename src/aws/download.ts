import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { GetObjectCommand, type GetObjectCommandOutput, type S3Client } from '@aws-sdk/client-s3';
import { AppError, messageOf } from '../errors.js';
import { awsError, type Attempt } from './errors.js';

/** Which object to read, and how patiently. */
export interface DownloadOptions {
  readonly client: S3Client;
  readonly key: string;
  /** What errors say was tried. */
  readonly attempt: Attempt;
  /** Only while the object has this ETag, without quotes. (Default: the one it has at the start) */
  readonly etag?: string | undefined;
  /** Stored size in bytes, as listed. (Default: what S3 says at the start) */
  readonly size?: number | undefined;
  /** Longest silence of S3, before an answer and within one. */
  readonly readTimeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

// Tries in a row that bring no byte. As long as bytes come, a download goes on: each costs less than starting over.
const fruitlessTries = 5;
const firstPauseMs = 100;
const longestPauseMs = 5_000;

/**
 * The bytes of an object. An answer that breaks off (closed, too short, silent) is continued at the byte where it broke,
 * with credentials of that moment and only while the object is the same; the reader does not notice.
 * @throws the errors of aws/errors.ts, from the call until there is a first answer, afterwards from the stream:
 * OBJECT_CHANGED when the object was replaced, S3_UNAVAILABLE after five tries in a row without a byte
 */
export async function download(options: DownloadOptions): Promise<Readable> {
  const source = new Source(options);
  await source.connect();
  return source.readable;
}

/** Where an object comes from: one answer after the other, at most one at a time. */
class Source {
  readonly readable: Readable;
  readonly #options: DownloadOptions;
  readonly #stop = new AbortController();
  readonly #cancel: () => void;
  readonly #silence: NodeJS.Timeout;
  #etag: string | undefined;
  #size: number | undefined;
  /** Bytes handed to the reader. */
  #at = 0;
  #fruitless = 0;
  #body: Readable | undefined;
  /** Why there is no body, while nobody has asked for the next byte. */
  #broken: unknown;
  #wanted = false;

  constructor(options: DownloadOptions) {
    const { signal, etag, size, readTimeoutMs } = options;
    this.#options = options;
    this.#etag = etag === '' ? undefined : etag;
    this.#size = size;
    this.readable = new Readable({
      read: () => this.#read(),
      destroy: (error, done) => {
        this.#close();
        done(error);
      },
    });
    // Cancelled before anybody reads, it must not end the process. Who reads sees the error all the same.
    this.readable.on('error', () => undefined);
    this.#cancel = () => this.readable.destroy(awsError(abortError, options.attempt));
    signal?.addEventListener('abort', this.#cancel, { once: true });
    if (signal?.aborted) this.#stop.abort();
    // One timer for the whole download, pushed back by each chunk. A reader who takes time is no silence.
    this.#silence = setTimeout(() => {
      if (this.#wanted && this.#body) {
        this.#lose(new Error(`no byte for ${readTimeoutMs / 1000} s`));
      }
    }, readTimeoutMs);
  }

  /** Asks S3 from the next byte on, again and again while it has none; throws what ends the download. */
  async connect(reason?: unknown): Promise<void> {
    let broken = reason;
    try {
      for (;;) {
        if (broken !== undefined) await this.#backOff(broken);
        try {
          this.#follow(...(await this.#request()));
          return;
        } catch (error) {
          const known = awsError(error, this.#options.attempt);
          // A session may end between the signing and the arrival of a request.
          if (known.code !== 'S3_UNAVAILABLE' && known.code !== 'CREDENTIALS_EXPIRED') throw known;
          broken = known;
        }
      }
    } catch (error) {
      const known = awsError(error, this.#options.attempt);
      this.readable.destroy(known);
      throw known;
    }
  }

  async #backOff(reason: unknown): Promise<void> {
    if (this.#fruitless >= fruitlessTries) throw this.#givenUp(reason);
    const longest = Math.min(firstPauseMs * 2 ** this.#fruitless, longestPauseMs);
    await pause(longest * (0.5 + Math.random() / 2), undefined, { signal: this.#stop.signal });
  }

  async #request(): Promise<[body: Readable, repeated: number]> {
    const { client, key, attempt, readTimeoutMs } = this.#options;
    this.#fruitless++;
    const answer = await client.send(
      new GetObjectCommand({
        Bucket: attempt.bucket,
        Key: key,
        ...(this.#etag === undefined ? {} : { IfMatch: `"${this.#etag}"` }),
        ...(this.#at === 0 ? {} : { Range: `bytes=${this.#at}-` }),
      }),
      { abortSignal: this.#stop.signal, requestTimeout: readTimeoutMs },
    );
    const body = answer.Body as Readable | undefined;
    if (!body) throw new AppError('S3_ERROR', `S3 sent no body for object ${key}`);
    // Whatever is refused below, its body may still fail.
    body.on('error', () => undefined);
    try {
      return [body, this.#repeated(answer)];
    } catch (error) {
      body.destroy();
      throw error;
    }
  }

  /** How many bytes of an answer the reader has already; throws unless the rest is what the reader lacks. */
  #repeated(answer: GetObjectCommandOutput): number {
    const etag = answer.ETag?.replaceAll('"', '');
    // A server may ignore If-Match.
    if (etag !== undefined && this.#etag !== undefined && etag !== this.#etag) {
      throw awsError({ name: 'PreconditionFailed' }, this.#options.attempt);
    }
    this.#etag ??= etag;
    if (answer.$metadata.httpStatusCode === 206) {
      this.#checkRange(answer.ContentRange);
      return 0;
    }
    this.#size ??= answer.ContentLength;
    // A server may ignore Range: then all of the object comes again.
    return this.#at;
  }

  #checkRange(range: string | undefined): void {
    const [, from, to, size] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(range ?? '') ?? [];
    const whole = this.#size ?? Number(size);
    const right =
      Number(from) === this.#at &&
      (size === '*' || Number(size) === whole) &&
      Number(to) === whole - 1;
    if (right) return;
    const { key } = this.#options;
    throw new AppError(
      'S3_ERROR',
      `S3 answered with ${range ?? 'no range'} when asked for object ${key} from byte ${this.#at} of ${whole} on; the service at this endpoint does not keep to HTTP ranges`,
      { details: { file: key, key, range: range ?? null } },
    );
  }

  #follow(body: Readable, repeated: number): void {
    if (this.readable.destroyed) {
      body.destroy();
      return;
    }
    let skip = repeated;
    this.#body = body;
    body.on('data', (arrived: Buffer) => {
      if (this.#body !== body) return;
      this.#silence.refresh();
      const chunk = skip > 0 ? arrived.subarray(skip) : arrived;
      skip -= arrived.length - chunk.length;
      if (chunk.length === 0) return;
      this.#at += chunk.length;
      this.#fruitless = 0;
      if (!this.readable.push(chunk)) {
        this.#wanted = false;
        body.pause();
      }
    });
    const over = () => {
      if (this.#body !== body) return;
      if (this.#at !== (this.#size ?? this.#at)) {
        this.#lose(new Error(`it ended after ${this.#at} of ${this.#size} bytes`));
        return;
      }
      this.#body = undefined;
      this.readable.push(null);
    };
    body.once('error', (error) => {
      if (this.#body === body) this.#lose(error);
    });
    body.once('end', over);
    body.once('close', over);
    this.#silence.refresh();
    if (!this.#wanted) body.pause();
  }

  #read(): void {
    if (!this.#wanted) this.#silence.refresh();
    this.#wanted = true;
    if (this.#broken !== undefined) this.#resume();
    else this.#body?.resume();
  }

  #lose(reason: unknown): void {
    const body = this.#body;
    this.#body = undefined;
    body?.destroy();
    // With all bytes there is nothing to go on with: a checksum was wrong, or there are more than there should be.
    if (this.#size !== undefined && this.#at >= this.#size) {
      this.readable.destroy(this.#unavailable(messageOf(reason), reason));
      return;
    }
    this.#broken = reason;
    // A connection that died while the reader was busy is not missed before the next read.
    if (this.#wanted) this.#resume();
  }

  #resume(): void {
    const reason = this.#broken;
    this.#broken = undefined;
    // It tells the reader itself.
    this.connect(reason).catch(() => undefined);
  }

  #close(): void {
    this.#options.signal?.removeEventListener('abort', this.#cancel);
    clearTimeout(this.#silence);
    // A request that is done gives its connection back.
    if (!this.readable.readableEnded) this.#stop.abort();
    const body = this.#body;
    this.#body = undefined;
    body?.destroy();
  }

  #givenUp(reason: unknown): AppError {
    const tries = `${fruitlessTries} tries in a row brought no byte`;
    const size = this.#size === undefined ? '' : ` of ${this.#size}`;
    return this.#unavailable(
      this.#at === 0
        ? `${tries}: ${messageOf(reason)}`
        : `after byte ${this.#at}${size} ${tries}: ${messageOf(reason)}`,
      reason,
    );
  }

  #unavailable(how: string, cause?: unknown): AppError {
    const { key } = this.#options;
    return new AppError('S3_UNAVAILABLE', `Reading ${key} broke off: ${how}`, {
      details: { action: 's3:GetObject', file: key, key },
      cause,
    });
  }
}

const abortError = Object.freeze({ name: 'AbortError', message: 'The download was cancelled' });
