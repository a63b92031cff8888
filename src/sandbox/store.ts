import { createHash, randomBytes, randomUUID } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline as join, Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AppError } from '../errors.js';
import type { Checksum } from './payload.js';
import { decrypt, encrypt } from './sse.js';
import type { Encryption } from './sse.js';
import { compareUtf8 } from './utf8.js';

/** Bytes on disk that never change once written: an object is one, or one a part. */
export interface Segment {
  readonly file: string;
  readonly size: number;
  /** Hexadecimal; present when the customer's key encrypted the bytes. */
  readonly iv?: string;
}

/** Everything about an object but its bytes. */
export interface StoredObject {
  readonly key: string;
  readonly size: number;
  /** In the quotes HTTP wants. */
  readonly etag: string;
  readonly lastModified: string;
  readonly segments: readonly Segment[];
  /** Content-Type and its kin, user metadata and storage class, as they are sent back. */
  readonly headers: Readonly<Record<string, string>>;
  readonly encryption: Encryption;
  readonly checksum?: Checksum;
  /** As `x-amz-tagging` brought it. */
  readonly tagging?: string;
}

/** A part that waits for its upload's end. */
export interface Part {
  readonly number: number;
  readonly segment: Segment;
  readonly md5: Buffer;
  readonly etag: string;
  readonly checksum?: Checksum;
  readonly lastModified: string;
}

/** A multipart upload under way. Uploads do not outlive the process; objects do. */
export interface Upload {
  readonly id: string;
  readonly key: string;
  readonly startedAt: string;
  readonly parts: Map<number, Part>;
  readonly describe: Pick<StoredObject, 'headers' | 'encryption' | 'tagging'>;
}

/** Where a bucket is and whose it is. */
export interface BucketDescription {
  readonly name: string;
  readonly accountId: string;
  readonly region: string;
  readonly createdAt: string;
}

/** A slice of an object: first byte, last byte, both included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** A bucket's objects on disk, with an index of them in memory. */
export interface Bucket extends BucketDescription {
  readonly uploads: Map<string, Upload>;
  /** What the last completed uploads became, so that a repeated completion gets the same answer. */
  readonly completed: Map<string, StoredObject>;
  find(key: string): StoredObject | undefined;
  /** Keys in the order of their UTF-8 bytes. */
  keys(): readonly string[];
  write(source: Readable, key?: Buffer): Promise<{ segment: Segment; md5: Buffer }>;
  discard(segments: readonly Segment[]): void;
  /** Makes the object visible at once; `check` sees the object it replaces and may refuse by throwing. */
  commit(object: StoredObject, check?: (current: StoredObject | undefined) => void): void;
  /** Gives an object other tags; its bytes and its date stay. */
  retag(key: string, tagging: string): void;
  remove(key: string): void;
  read(object: StoredObject, range: ByteRange, key?: Buffer): Readable;
}

/** The buckets in a folder. */
export interface Store {
  readonly buckets: ReadonlyMap<string, Bucket>;
  createBucket(description: BucketDescription): Promise<Bucket>;
  deleteBucket(name: string): Promise<void>;
}

/** Opens the folder, with what an earlier run left in it. */
export async function openStore(dir: string): Promise<Store> {
  const root = path.join(dir, 'buckets');
  const buckets = new Map<string, Bucket>();
  await mkdir(root, { recursive: true });
  for (const name of await readdir(root)) {
    const bucketDir = path.join(root, name);
    const file = path.join(bucketDir, 'bucket.json');
    if (!existsSync(file)) {
      // Half created, or half deleted: nobody was told that it is there.
      await rm(bucketDir, { recursive: true });
      continue;
    }
    const description = JSON.parse(await readFile(file, 'utf8')) as BucketDescription;
    buckets.set(name, await openBucket(bucketDir, description));
  }
  return {
    buckets,
    async createBucket(description) {
      const { name } = description;
      // The rule for names is also what keeps them inside the folder.
      if (!isBucketName(name)) {
        throw new AppError('INVALID_INPUT', `"${name}" is not a valid bucket name`);
      }
      if (buckets.has(name)) throw new AppError('ALREADY_EXISTS', `Bucket ${name} exists already`);
      const bucketDir = path.join(root, name);
      await mkdir(bucketDir, { recursive: true });
      const bucket = await openBucket(bucketDir, description);
      replaceFile(path.join(bucketDir, 'bucket.json'), JSON.stringify(description));
      buckets.set(name, bucket);
      return bucket;
    },
    async deleteBucket(name) {
      buckets.delete(name);
      await rm(path.join(root, name), { recursive: true, force: true });
    },
  };
}

/** Whether S3 takes the name for a general purpose bucket. */
export function isBucketName(name: string): boolean {
  return /^[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]$/.test(name);
}

async function openBucket(dir: string, description: BucketDescription): Promise<Bucket> {
  const objectDir = path.join(dir, 'objects');
  const segmentDir = path.join(dir, 'segments');
  await mkdir(objectDir, { recursive: true });
  await mkdir(segmentDir, { recursive: true });
  const objects = await loadObjects(objectDir, segmentDir);
  const readers = new Map<StoredObject, number>();
  const doomed = new Set<StoredObject>();
  let sorted: string[] | undefined;

  // Any key is a file name after hashing: no length, no slash and no dots can do harm.
  const fileOf = (key: string) =>
    path.join(objectDir, `${createHash('sha256').update(key).digest('hex')}.json`);

  const discard = (segments: readonly Segment[]) => {
    for (const { file } of segments) rmSync(path.join(segmentDir, file), { force: true });
  };
  const retire = (object: StoredObject) => {
    // Who reads the old object reads it to its end.
    if (readers.has(object)) doomed.add(object);
    else discard(object.segments);
  };
  const release = (object: StoredObject) => {
    const others = (readers.get(object) ?? 1) - 1;
    if (others > 0) {
      readers.set(object, others);
      return;
    }
    readers.delete(object);
    if (doomed.delete(object)) discard(object.segments);
  };

  return {
    ...description,
    uploads: new Map(),
    completed: new Map(),
    find: (key) => objects.get(key),
    keys: () => (sorted ??= [...objects.keys()].sort(compareUtf8)),
    discard,

    async write(source, key) {
      const file = randomUUID();
      const md5 = createHash('md5');
      const iv = key && randomBytes(16);
      let size = 0;
      const measure = new Transform({
        transform(chunk: Buffer, _encoding, callback) {
          md5.update(chunk);
          size += chunk.length;
          callback(null, chunk);
        },
      });
      const target = createWriteStream(path.join(segmentDir, file), { flags: 'wx' });
      try {
        if (key && iv) await pipeline(source, measure, encrypt(key, iv), target);
        else await pipeline(source, measure, target);
      } catch (error) {
        // It may be opened still, and so come into being after it was taken away.
        if (!target.closed) await new Promise<void>((closed) => target.once('close', closed));
        discard([{ file, size }]);
        throw error;
      }
      return {
        segment: { file, size, ...(iv && { iv: iv.toString('hex') }) },
        md5: md5.digest(),
      };
    },

    commit(object, check) {
      // No await from the check to the index: of racing writers one is first, and the others see it.
      const current = objects.get(object.key);
      check?.(current);
      replaceFile(fileOf(object.key), JSON.stringify(object));
      objects.set(object.key, object);
      if (current === undefined) sorted = undefined;
      else retire(current);
    },

    retag(key, tagging) {
      const current = objects.get(key);
      if (current === undefined) return;
      const object = { ...current, tagging };
      replaceFile(fileOf(key), JSON.stringify(object));
      objects.set(key, object);
    },

    remove(key) {
      const current = objects.get(key);
      if (current === undefined) return;
      rmSync(fileOf(key), { force: true });
      objects.delete(key);
      sorted = undefined;
      retire(current);
    },

    read(object, range, key) {
      readers.set(object, (readers.get(object) ?? 0) + 1);
      const streams = slices(object.segments, range).map(({ segment, start, end }) => () => {
        const file = path.join(segmentDir, segment.file);
        const bytes = createReadStream(file, { start, end, highWaterMark: 256 * 1024 });
        if (!key || segment.iv === undefined) return bytes;
        const plain = decrypt(key, Buffer.from(segment.iv, 'hex'), start);
        return join(bytes, plain, () => undefined);
      });
      const [only] = streams;
      const stream =
        streams.length === 1 ? only!() : Readable.from(inTurn(streams), { objectMode: false });
      stream.once('close', () => release(object));
      return stream;
    },
  };
}

function replaceFile(file: string, text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

async function loadObjects(
  objectDir: string,
  segmentDir: string,
): Promise<Map<string, StoredObject>> {
  const objects = new Map<string, StoredObject>();
  const used = new Set<string>();
  for (const name of await readdir(objectDir)) {
    const file = path.join(objectDir, name);
    if (!name.endsWith('.json')) {
      await rm(file);
      continue;
    }
    const object = JSON.parse(await readFile(file, 'utf8')) as StoredObject;
    objects.set(object.key, object);
    for (const segment of object.segments) used.add(segment.file);
  }
  // What no object names was half written, replaced or part of an upload when the last run ended.
  for (const name of await readdir(segmentDir)) {
    if (!used.has(name)) await rm(path.join(segmentDir, name));
  }
  return objects;
}

function slices(segments: readonly Segment[], range: ByteRange) {
  const found: { segment: Segment; start: number; end: number }[] = [];
  let offset = 0;
  for (const segment of segments) {
    const start = Math.max(range.start - offset, 0);
    const end = Math.min(range.end - offset, segment.size - 1);
    if (start <= end) found.push({ segment, start, end });
    offset += segment.size;
  }
  return found;
}

async function* inTurn(streams: readonly (() => Readable)[]): AsyncGenerator<Buffer> {
  for (const open of streams) yield* open() as AsyncIterable<Buffer>;
}
