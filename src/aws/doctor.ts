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
    if (!failed(listing.checks)) {
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
  const message = 'Assuming the role without or with another external id is refused';
  return access.externalId?.startsWith('bucketql-')
    ? { name, outcome: 'PASSED', message }
    : {
        name,
        outcome: 'WARNING',
        message: `${message}. The id was taken over, not made here: whoever else knows it may reach the role; let the role trust an id made here when you can`,
      };
}

async function checkList(
  access: BucketAccess,
  bucket: Bucket,
): Promise<{ checks: ConnectionCheck[]; first?: ObjectSummary }> {
  try {
    let first: ObjectSummary | undefined;
    for await (const object of bucket.list(access.prefix, { pageSize: 1 })) {
      first = object;
      break;
    }
    const found = first ? `; the first object is ${first.key}` : '; there are no objects yet';
    const list: ConnectionCheck = {
      name: 'LIST',
      outcome: 'PASSED',
      message: `s3://${access.bucket}/${access.prefix} was listed${found}`,
    };
    const checks = [await checkRegion(access, bucket), list];
    return first ? { checks, first } : { checks };
  } catch (error) {
    if (isAppError(error) && error.code === 'WRONG_REGION') {
      return { checks: [{ name: 'REGION', outcome: 'FAILED', message: error.message }] };
    }
    const region = await checkRegion(access, bucket);
    const exact = await exactObject(access, bucket);
    const list: ConnectionCheck = exact
      ? {
          name: 'LIST',
          outcome: 'WARNING',
          action: 's3:ListBucket',
          message: `Listing is not allowed, but the object ${exact.key} is there: only imports of exact names will work. Allow s3:ListBucket for the rest`,
        }
      : { name: 'LIST', outcome: 'FAILED', ...failure(error) };
    return exact ? { checks: [region, list], first: exact } : { checks: [region, list] };
  }
}

// A connection's prefix may be one whole key.
async function exactObject(
  access: BucketAccess,
  bucket: Bucket,
): Promise<ObjectSummary | undefined> {
  if (access.prefix === '' || access.prefix.endsWith('/')) return undefined;
  return bucket.head(access.prefix).catch(() => undefined);
}

// After a request, when an answer may have named another region than the connection's.
async function checkRegion(access: BucketAccess, bucket: Bucket): Promise<ConnectionCheck> {
  const name = 'REGION';
  const region = await bucket.region();
  return region === access.region
    ? { name, outcome: 'PASSED', message: `Bucket ${access.bucket} answers in region ${region}` }
    : {
        name,
        outcome: 'WARNING',
        message: `Bucket ${access.bucket} is in region ${region}, not ${access.region}: requests are repeated there; set the connection's region to ${region}`,
      };
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
  const key = `${access.prefix}.bucketql-write-check`;
  try {
    await bucket.probeWrite(key);
    return {
      name: 'WRITE',
      outcome: 'PASSED',
      message:
        'A multipart upload was started, given one part and aborted; nothing was left behind',
    };
  } catch (error) {
    const { message, ...rest } = failure(error);
    const left =
      rest.action === 's3:AbortMultipartUpload'
        ? `. The upload of this check to ${key} stays open until somebody aborts it`
        : '';
    return { name: 'WRITE', outcome: 'FAILED', ...rest, message: message + left };
  } finally {
    bucket.close();
  }
}

function failure(error: unknown): { message: string; action?: string } {
  if (!(error instanceof AppError)) return { message: messageOf(error) };
  const { action } = error.details;
  return { message: error.message, ...(typeof action === 'string' ? { action } : {}) };
}
