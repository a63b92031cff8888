import { createHash } from 'node:crypto';
import { HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { Sandbox } from '../../src/sandbox/sandbox.js';
import { bucket } from '../harness/sandbox-process.js';
import { hold } from './experiment.js';
import { header, readRows } from './written-rows.js';

/** One way to write the rows. */
export interface Kind {
  readonly format: string;
  readonly compression: string;
  /** Written in parts, with a manifest behind them. */
  readonly parts: boolean;
}

/** An object as runs and manifests name it. */
export interface Stored {
  readonly key: string;
  readonly bytes: string;
  readonly rows: string;
  readonly etag: string;
  readonly checksum: string;
}

/** What the run of a writeback says. */
export interface Run {
  readonly id: string;
  readonly status: string;
  readonly rows: string;
  readonly error: { readonly code: string } | null;
  readonly objects: readonly Stored[];
}

/** One writeback that is going to be killed. */
export interface Attempt {
  readonly kind: Kind;
  readonly overwrite: boolean;
  /** Below the bucket, without extension. */
  readonly name: string;
}

/** The bucket that is looked at, and what a writeback writes into it. */
export interface Place {
  readonly sandbox: Sandbox;
  readonly owner: S3Client;
  readonly rows: readonly string[];
}

/** What an attempt does, for people. */
export const nameOf = ({ kind, overwrite }: Attempt) =>
  `${kind.format}${kind.compression === 'NONE' ? '' : ` ${kind.compression}`}${kind.parts ? ' in parts' : ''} over ${overwrite ? 'an old object' : 'nothing'}`;

const extensions: Readonly<Record<string, string>> = {
  CSV: '.csv',
  NDJSON: '.ndjson',
  PARQUET: '.parquet',
};
const keyOf = ({ kind, name }: Attempt) =>
  `${name}/rows${extensions[kind.format]}${kind.compression === 'GZIP' ? '.gz' : ''}`;
const manifestOf = ({ name }: Attempt) => `${name}/_rows.manifest.json`;

// An old object, and an old manifest that names it.
const oldText = `${header}\n1,2,old\n`;
const oldManifest = '{"objects":[]}';

/** Puts there what an attempt is to replace. */
export async function putOld(sandbox: Sandbox, attempt: Attempt): Promise<void> {
  if (attempt.kind.parts) await sandbox.putObject(bucket, manifestOf(attempt), oldManifest);
  else await sandbox.putObject(bucket, keyOf(attempt), oldText);
}

/** What lies in the bucket: the key's old bytes, all rows, or nothing. Anything else is a loss. */
export interface Found {
  readonly state: 'none' | 'old' | 'whole';
  /** ETags, sizes and checksums of the objects that are whole, by key. */
  readonly objects: readonly Omit<Stored, 'rows'>[];
  /** Whole parts that no manifest names. */
  readonly stray: number;
}

/** Looks at what an attempt left, and reads all of it. */
export async function lookAt(place: Place, attempt: Attempt): Promise<Found> {
  if (attempt.kind.parts) return lookAtParts(place, attempt);
  const key = keyOf(attempt);
  const bytes = await place.sandbox.readObject(bucket, key);
  if (!bytes) return { state: 'none', objects: [], stray: 0 };
  if (bytes.toString('utf8', 0, 100) === oldText) return { state: 'old', objects: [], stray: 0 };
  await holdRows(attempt, key, bytes, place.rows);
  return { state: 'whole', objects: [await factsOf(place, key, bytes)], stray: 0 };
}

async function lookAtParts(place: Place, attempt: Attempt): Promise<Found> {
  const { sandbox } = place;
  const manifest = (await sandbox.readObject(bucket, manifestOf(attempt)))?.toString();
  const isNew = manifest !== undefined && manifest !== oldManifest;
  const keys = (await sandbox.listKeys(bucket)).filter(
    (key) => key.startsWith(`${attempt.name}/`) && key !== manifestOf(attempt),
  );
  const objects: Found['objects'][number][] = [];
  let at = 0;
  // A part that is there is whole, in or out of a manifest: its rows are those that follow the part before.
  for (const key of keys) {
    const bytes = (await sandbox.readObject(bucket, key))!;
    const { length } = await readRows(bytes, attempt.kind.format, attempt.kind.compression);
    await holdRows(attempt, key, bytes, place.rows.slice(at, at + length));
    at += length;
    objects.push(await factsOf(place, key, bytes));
  }
  if (!isNew) {
    return { state: manifest === undefined ? 'none' : 'old', objects: [], stray: keys.length };
  }
  hold(at === place.rows.length, `there is a manifest, and the parts have ${at} rows`);
  const { objects: named } = JSON.parse(manifest) as { objects: { key: string }[] };
  const names = named.map(({ key }) => key).join(', ');
  hold(names === keys.join(', '), `the manifest names ${names}, and there is ${keys.join(', ')}`);
  return { state: 'whole', objects, stray: 0 };
}

async function holdRows(
  { kind }: Attempt,
  key: string,
  bytes: Buffer,
  expected: readonly string[],
): Promise<void> {
  const found = await readRows(bytes, kind.format, kind.compression).catch((error: unknown) => {
    hold(false, `${key} is there with ${bytes.length} bytes, and broken: ${String(error)}`);
  });
  const wrong = expected.findIndex((row, at) => row !== found[at]);
  hold(
    wrong === -1 && found.length === expected.length,
    `${key} has ${found.length} rows of ${expected.length}, and another one at ${wrong}`,
  );
}

async function factsOf({ owner }: Place, key: string, bytes: Buffer) {
  const { ETag } = await owner.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
  return {
    key,
    bytes: String(bytes.length),
    etag: (ETag ?? '').replaceAll('"', ''),
    checksum: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
  };
}

/** Compares what the run says with what is there. */
export function judge(attempt: Attempt, found: Found, run: Run): keyof typeof truths {
  const said = JSON.stringify(run);
  if (run.status === 'SUCCEEDED') {
    hold(found.state === 'whole', `the run says ${said}, and there is ${found.state}`);
    for (const object of found.objects) {
      const named = run.objects.find(({ key }) => key === object.key);
      const same =
        named &&
        Object.entries(object).every(([name, fact]) => named[name as keyof Stored] === fact);
      hold(same === true, `the run says ${said}, and there is ${JSON.stringify(object)}`);
    }
    return 'whole';
  }
  const isInterrupted = run.status === 'FAILED' && run.error?.code === 'INTERRUPTED';
  hold(isInterrupted, `after the start the run says ${said}`);
  if (found.state === 'whole') return 'unknown';
  const before = attempt.overwrite ? 'old' : 'none';
  hold(found.state === before, `there is ${found.state}, and there was ${before}`);
  return before;
}

/** How a run and the bucket can agree. The last is a run that was killed before it could say so. */
export const truths = {
  none: 'no object, INTERRUPTED',
  old: 'the old object, INTERRUPTED',
  whole: 'the new object, SUCCEEDED',
  unknown: 'the new object, INTERRUPTED',
} as const;
