import type { BucketAccess, Purpose } from '../aws/access.js';
import { openBucket, type Bucket, type BucketSettings } from '../aws/objects.js';
import type { Connection } from '../catalog/connections.js';

// STS takes at most 64 of these characters.
const longestSessionName = 64;

/** The session name that the bucket owner's CloudTrail shows for a run: who, over which connection, in which run. */
export function sessionName(
  { roleSessionName, name }: Pick<BucketAccess, 'roleSessionName' | 'name'>,
  runId: string,
): string {
  const who = `${roleSessionName}-${name}`.replace(/[^\w+=,.@-]/g, '_');
  return `${who.slice(0, longestSessionName - runId.length - 1)}-${runId}`;
}

/** The buckets of all connections. What people browse shares one client for each connection and purpose; a run has its own. */
export class Buckets {
  readonly settings: BucketSettings;
  readonly #open = new Map<string, { readonly version: number; readonly bucket: Bucket }>();

  constructor(settings: BucketSettings) {
    this.settings = settings;
  }

  /** The bucket of a connection as it is now. */
  of(connection: Connection, purpose: Purpose): Bucket {
    const key = `${connection.id} ${purpose}`;
    const known = this.#open.get(key);
    if (known?.version === connection.version) return known.bucket;
    const bucket = openBucket(connection.access, purpose, this.settings);
    // Runs that still use a client of an older version keep it; it closes with its last socket.
    this.#open.set(key, { version: connection.version, bucket });
    return bucket;
  }

  /**
   * The bucket of a connection for one run, whose sessions carry the run's name. The caller closes it.
   */
  forRun(connection: Connection, purpose: Purpose, runId: string): Bucket {
    const roleSessionName = sessionName(connection.access, runId);
    return openBucket({ ...connection.access, roleSessionName }, purpose, this.settings);
  }

  close(): void {
    for (const { bucket } of this.#open.values()) bucket.close();
    this.#open.clear();
  }
}
