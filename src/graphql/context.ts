import type { Principal } from '../auth/principal.js';
import type { Run } from '../catalog/runs.js';
import type { Secrets } from '../catalog/secrets.js';
import type { Engine } from '../engine/engine.js';
import type { ImportSettings } from '../jobs/import-work.js';
import type { Runner } from '../jobs/runner.js';
import type { WritebackSettings } from '../jobs/writeback-target.js';
import type { Scheduler } from '../jobs/scheduler.js';
import type { Log } from '../log.js';
import type { Buckets } from '../pipeline/buckets.js';
import type { Snapshots } from '../pipeline/snapshots.js';
import type { Topic } from '../topic.js';
import type { Loaders } from './loaders.js';
import type { LiveSchema } from './live-schema.js';
import type { TableContext } from './tables/reader.js';

/** What resolvers work with; made once by app.ts. */
export interface Services {
  readonly engine: Engine;
  readonly secrets: Secrets;
  readonly buckets: Buckets;
  readonly snapshots: Snapshots;
  readonly runner: Runner;
  readonly scheduler: Scheduler;
  /** States of runs, by the run's id. */
  readonly runChanges: Topic<Run>;
  /** Ids of datasets that were defined, redefined, deleted or have a new generation, by themselves. */
  readonly datasetChanges: Topic<string>;
  readonly imports: ImportSettings;
  readonly writebacks: WritebackSettings;
  readonly schema: LiveSchema;
  /** Brings the schema in step with the datasets; call it when one was published, redefined or removed. */
  readonly publishSchema: () => Promise<void>;
  readonly log: Log;
  /** The ARN that trust policies name; null while it is not known. */
  readonly principalArn: () => Promise<string | null>;
  /** Longest answer to `wait: true`, in seconds. */
  readonly waitSeconds: number;
}

/** One request: the services, who asks, and what lives as long as the request. */
export interface Context extends TableContext {
  readonly services: Services;
  readonly principal: Principal;
  readonly loaders: Loaders;
}
