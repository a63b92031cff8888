import type { NotedUpload, Uploads } from '../../src/aws/objects.js';

/** Every upload is noted so. */
export function noting(upload: NotedUpload): Uploads {
  return { begins: () => Promise.resolve(upload) };
}

/** Nobody notes anything. */
export const noUploads = noting({
  began: () => Promise.resolve(),
  ended: () => Promise.resolve(),
});
