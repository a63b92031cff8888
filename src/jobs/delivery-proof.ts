import { createHash } from 'node:crypto';
import type { Bucket } from '../aws/objects.js';
import type { WritebackProgress } from '../catalog/runs.js';
import type { PendingDelivery } from '../catalog/writebacks.js';
import { isAppError } from '../errors.js';
import { encryptionOf, type Destination } from '../pipeline/destination.js';
import { isDivided, manifestKey } from '../pipeline/object-names.js';
import type { Target } from './writeback-target.js';

/** An object that proves a delivery to be whole. */
export interface Proof {
  readonly key: string;
  /** Rows of imports up to this one are in the delivery. */
  readonly upTo: number;
  readonly rows: number;
  readonly etag: string;
  readonly size: number;
}

type WrittenObject = WritebackProgress['objects'][number];

/** The key of the object that is there only when all of a delivery is: the only one, or the manifest. */
export function proofKey(key: string, destination: Destination): string {
  return isDivided(destination) ? manifestKey(key, destination) : key;
}

/** What a delivery's objects say of it. */
export function deliveryMetadata(
  { deliveryId, upTo }: PendingDelivery,
  rows: number,
): Readonly<Record<string, string>> {
  return {
    'bucketql-delivery': deliveryId,
    'bucketql-up-to': String(upTo),
    'bucketql-delivery-rows': String(rows),
  };
}

/**
 * Looks whether a delivery is whole.
 * @returns 'absent' when it is not, 'unknown' when that cannot be seen
 * @throws what may pass, such as S3_UNAVAILABLE: then it can be seen later
 */
export async function findProof(
  { reader, destination }: Pick<Target, 'reader' | 'destination'>,
  { deliveryId, proof: key }: PendingDelivery,
): Promise<Proof | 'absent' | 'unknown'> {
  const encryption = encryptionOf(destination);
  // Whoever may write need not be allowed to read.
  const found = await reader.metadataOf(key, encryption).catch((error: unknown) => {
    if (isAppError(error) && error.retryable) throw error;
    return 'unknown' as const;
  });
  if (found === 'unknown') return found;
  const { etag, size, metadata = {} } = found ?? {};
  if (etag === undefined || size === undefined) return 'absent';
  if (metadata['bucketql-delivery'] !== deliveryId) return 'absent';
  const upTo = Number(metadata['bucketql-up-to']);
  return { key, upTo, rows: Number(metadata['bucketql-delivery-rows']), etag, size };
}

/** What a delivery wrote, as far as its proof can be read; an object that cannot has no checksum. */
export async function provenProgress(
  { reader, destination, signal }: Pick<Target, 'reader' | 'destination' | 'signal'>,
  { key, rows, etag, size }: Proof,
): Promise<WritebackProgress> {
  const isManifest = isDivided(destination) && size <= longestManifest;
  const body = await readBody(reader, key, { etag, size, signal }, isManifest).catch(
    () => undefined,
  );
  const itself: WrittenObject = { key, bytes: size, rows, etag, checksum: body?.checksum ?? '' };
  const objects = (isManifest && body && listedIn(body.text)) || [itself];
  const bytes = objects.reduce((total, object) => total + object.bytes, 0);
  return { rows, bytes, objects };
}

const longestManifest = 64 * 2 ** 20;

async function readBody(
  reader: Bucket,
  key: string,
  options: { readonly etag: string; readonly size: number; readonly signal: AbortSignal },
  keepsText: boolean,
): Promise<{ checksum: string; text: string }> {
  const hash = createHash('sha256');
  const chunks: Buffer[] = [];
  for await (const chunk of (await reader.open(key, options)) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    if (keepsText) chunks.push(chunk);
  }
  return { checksum: `sha256:${hash.digest('hex')}`, text: Buffer.concat(chunks).toString() };
}

/** The objects that a manifest lists; undefined when it is none. */
function listedIn(text: string): readonly WrittenObject[] | undefined {
  try {
    const { objects } = JSON.parse(text) as { readonly objects: readonly WrittenObject[] };
    return objects.map(({ key, bytes, rows, etag, checksum }) => ({
      key,
      bytes,
      rows,
      etag,
      checksum,
    }));
  } catch {
    return undefined;
  }
}
