import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The thread's code as compile-worker.mjs made it. */
export const rowWorker = pathToFileURL(
  join(process.env.ROW_WORKER_DIR ?? '', 'pipeline/row-worker.js'),
);
