import type { Bucket, ObjectSummary } from '../aws/objects.js';
import type { Dataset } from '../catalog/datasets.js';
import type { Selection } from '../catalog/definition.js';
import { AppError, isAppError } from '../errors.js';
import { keyPrefix, selects } from './select.js';

/** Whose objects are wanted. */
export interface SelectionJob {
  readonly dataset: Dataset;
  readonly bucket: Bucket;
  readonly connectionPrefix: string;
  readonly limits: { readonly maxObjects: number };
  readonly signal: AbortSignal;
}

/** The objects a dataset's selection takes, in key order. */
export async function selectObjects(job: SelectionJob): Promise<ObjectSummary[]> {
  const { selection } = job.dataset.definition;
  const prefix = keyPrefix(job.connectionPrefix, selection);
  const wanted = selects(selection);
  const objects: ObjectSummary[] = [];
  let seen = 0;
  for await (const object of candidates(job, prefix, selection)) {
    seen++;
    if (!wanted(object)) continue;
    objects.push(object);
    if (objects.length > job.limits.maxObjects) {
      throw new AppError(
        'INVALID_INPUT',
        `The selection matches more than ${job.limits.maxObjects} objects; narrow it, or raise BUCKETQL_MAX_OBJECTS`,
        { details: { prefix, limit: job.limits.maxObjects } },
      );
    }
  }
  if (objects.length === 0) {
    throw new AppError(
      'NO_OBJECTS',
      seen === 0
        ? `There is no object below prefix ${JSON.stringify(prefix)}; check the selection's prefix`
        : `None of the ${seen} objects below prefix ${JSON.stringify(prefix)} matches the selection; check fileName, fileNameMatch and modifiedSince`,
      { details: { prefix, objects: seen } },
    );
  }
  return objects;
}

// Where listing is not allowed an exact name is still a key that can be asked for.
async function* candidates(
  { bucket, signal }: Pick<SelectionJob, 'bucket' | 'signal'>,
  prefix: string,
  { fileName, fileNameMatch }: Selection,
): AsyncGenerator<ObjectSummary, void> {
  try {
    yield* bucket.list(prefix, { signal });
  } catch (error) {
    const exact = fileNameMatch === 'EXACT' && fileName !== undefined;
    if (!exact || !isAppError(error) || error.code !== 'ACCESS_DENIED') throw error;
    yield await bucket.head(prefix + fileName, signal);
  }
}
