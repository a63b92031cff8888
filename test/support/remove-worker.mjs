import { rm } from 'node:fs/promises';

/** Removes what compile-worker.mjs made. */
export default async function removeWorker() {
  await rm(process.env.ROW_WORKER_DIR, { recursive: true, force: true });
}
