import type { Purpose } from '../aws/access.js';
import { openBucket, type Bucket, type BucketSettings } from '../aws/objects.js';
import type { Connection } from '../catalog/connections.js';

/** The opened buckets of all connections: one client for each connection and purpose, so that sessions are shared. */
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

  close(): void {
    for (const { bucket } of this.#open.values()) bucket.close();
    this.#open.clear();
  }
}
