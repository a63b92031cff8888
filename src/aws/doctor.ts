import { AppError, isAppError, messageOf } from '../errors.js';
import type { BucketAccess } from './access.js';
import { assumeRole } from './credentials.js';
import { openBucket, type Bucket, type BucketSettings, type ObjectSummary } from './objects.js';

/** One thing that was tried on a connection. */
export interface ConnectionCheck {
  readonly name: 'ASSUME_ROLE' | 'EXTERNAL_ID_REQUIRED' | 'REGION' | 'LIST' | 'READ' | 'WRITE';
  readonly outcome: 'PASSED' | 'FAILED' | 'WARNING' | 'SKIPPED';
  /** The IAM action that is missing. */
  readonly action?: string;
  /** What was tried, what came back, what to change. */
  readonly message: string;
}

/** Tries what imports (and, if asked, writebacks) will do, in order; what depends on a failed check is skipped. */
export async function checkConnection(
  access: BucketAccess,
  settings: BucketSettings,
  options: { readonly write: boolean },
): Promise<ConnectionCheck[]> {
  const checks: ConnectionCheck[] = [];
  if (access.auth === 'ASSUME_ROLE') {
    checks.push(await checkAssumeRole(access, settings));
    if (failed(checks)) return checks;
    checks.push(await checkExternalId(access, settings));
  }
  const bucket = openBucket(access, 'read', settings);
  try {
    const listing = await checkList(access, bucket);
    checks.push(...listing.checks);
    if (!listing.checks.some((check) => check.outcome === 'FAILED')) {
      checks.push(await checkRead(bucket, listing.first));
    }
  } finally {
    bucket.close();
  }
  if (options.write && !failed(checks, 'REGION')) checks.push(await checkWrite(access, settings));
  return checks;
}

/** The verdict over a report: the first failure's message, or undefined when the connection is valid. */
export function verdict(checks: readonly ConnectionCheck[]): string | undefined {
  return checks.find((check) => check.outcome === 'FAILED')?.message;
}

const failed = (checks: readonly ConnectionCheck[], name?: ConnectionCheck['name']) =>
  checks.some((check) => check.outcome === 'FAILED' && (name === undefined || check.name === name));

async function checkAssumeRole(
  access: BucketAccess,
  settings: BucketSettings,
): Promise<ConnectionCheck> {
  try {
    await assumeRole(access, { ...settings, purpose: 'read' });
    return {
      name: 'ASSUME_ROLE',
      outcome: 'PASSED',
      message: `Role ${access.roleArn} was assumed`,
    };
  } catch (error) {
    return { name: 'ASSUME_ROLE', outcome: 'FAILED', ...failure(error) };
  }
}

// The confused deputy: a role that can be assumed without this connection's id can be reached through anybody's connection.
async function checkExternalId(
  access: BucketAccess,
  settings: BucketSettings,
): Promise<ConnectionCheck> {
  const name = 'EXTERNAL_ID_REQUIRED';
  for (const [externalId, how] of [
    [null, 'without an external id'],
    [`${access.externalId}-wrong`, 'with a wrong external id'],
  ] as const) {
    try {
      await assumeRole(access, { ...settings, purpose: 'read', externalId });
      return {
        name,
        outcome: 'FAILED',
        message: `Role ${access.roleArn} can be assumed ${how}; add the condition StringEquals sts:ExternalId ${access.externalId} to its trust policy (the connection's trustPolicy is ready to paste)`,
      };
    } catch (error) {
      if (isAppError(error) && error.code === 'ASSUME_ROLE_DENIED') continue;
      return { name, outcome: 'WARNING', message: `Could not be checked: ${messageOf(error)}` };
    }
  }
  return {
    name,
    outcome: 'PASSED',
    message: 'Assuming the role without or with another external id is refused',
  };
}

async function checkList(
  access: BucketAccess,
  bucket: Bucket,
): Promise<{ checks: ConnectionCheck[]; first?: ObjectSummary }> {
  const region: ConnectionCheck = {
    name: 'REGION',
    outcome: 'PASSED',
    message: `Bucket ${access.bucket} answers in region ${access.region}`,
  };
  try {
    let first: ObjectSummary | undefined;
    for await (const object of bucket.list(access.prefix)) {
      first = object;
      break;
    }
    const found = first ? `; the first object is ${first.key}` : '; there are no objects yet';
    const list: ConnectionCheck = {
      name: 'LIST',
      outcome: 'PASSED',
      message: `s3://${access.bucket}/${access.prefix} was listed${found}`,
    };
    return first ? { checks: [region, list], first } : { checks: [region, list] };
  } catch (error) {
    if (isAppError(error) && error.code === 'WRONG_REGION') {
      return { checks: [{ name: 'REGION', outcome: 'FAILED', message: error.message }] };
    }
    return { checks: [region, { name: 'LIST', outcome: 'FAILED', ...failure(error) }] };
  }
}

async function checkRead(
  bucket: Bucket,
  object: ObjectSummary | undefined,
): Promise<ConnectionCheck> {
  if (!object) {
    return {
      name: 'READ',
      outcome: 'SKIPPED',
      message: 'There is no object below the prefix to read',
    };
  }
  try {
    const body = await bucket.open(object.key, { etag: object.etag });
    body.destroy();
    return { name: 'READ', outcome: 'PASSED', message: `Object ${object.key} was opened` };
  } catch (error) {
    return { name: 'READ', outcome: 'FAILED', ...failure(error) };
  }
}

async function checkWrite(
  access: BucketAccess,
  settings: BucketSettings,
): Promise<ConnectionCheck> {
  const bucket = openBucket(access, 'write', settings);
  try {
    await bucket.probeWrite(`${access.prefix}.bucketql-write-check`);
    return {
      name: 'WRITE',
      outcome: 'PASSED',
      message:
        'A multipart upload was started, given one part and aborted; nothing was left behind',
    };
  } catch (error) {
    return { name: 'WRITE', outcome: 'FAILED', ...failure(error) };
  } finally {
    bucket.close();
  }
}

function failure(error: unknown): { message: string; action?: string } {
  if (!(error instanceof AppError)) return { message: messageOf(error) };
  const { action } = error.details;
  return { message: error.message, ...(typeof action === 'string' ? { action } : {}) };
}
