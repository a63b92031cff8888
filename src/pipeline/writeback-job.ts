import type { Bucket, Uploads } from '../aws/objects.js';
import type { WritebackProgress } from '../catalog/runs.js';
import type { Dialect } from '../dialect.js';
import type { OwnSession } from '../engine/engine.js';
import type { Query } from '../query/query.js';
import type { Destination } from './destination.js';

/** One query's result on its way to S3. */
export interface WritebackJob {
  readonly query: Query;
  readonly dialect: Dialect;
  readonly session: OwnSession;
  readonly destination: Destination;
  readonly bucket: Bucket;
  readonly uploads: Uploads;
  /** Whether a run is known to have ended without success: it writes nothing any more. (Default: nothing is known of any) */
  readonly isBroken?: (runId: string) => Promise<boolean>;
  /** Of the only object, or what the keys of several are made of. */
  readonly key: string;
  /** Name of the dataset that the query reads. */
  readonly dataset: string;
  readonly runId: string;
  /** What the query reads: the dataset's own first, then those its relations lead to. */
  readonly generations: readonly { readonly dataset: string; readonly generation: string }[];
  /** When the run began. */
  readonly now: Date;
  /** Goes with every object, beside what says where it comes from: names in lower case, plain ASCII. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** An empty folder for this run. The caller removes it. */
  readonly spoolDir: string;
  readonly signal: AbortSignal;
  /** Told how far it is, some times a second at most. */
  readonly onProgress?: (progress: WritebackProgress) => void;
}

/** An object that was written. */
export type WrittenObject = WritebackProgress['objects'][number];
