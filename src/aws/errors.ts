import { AppError, isAppError, messageOf } from '../errors.js';
import { namedRegion } from './region.js';

/** What was being done when the SDK threw. */
export interface Attempt {
  /** The IAM action, such as "s3:GetObject". */
  readonly action: string;
  readonly bucket: string;
  readonly key?: string;
  /** Region the request was signed for. */
  readonly region: string;
}

/**
 * Turns an error of the AWS SDK into ours. The status decides where the name says nothing: HEAD answers have no body,
 * and S3-compatible services leave names out.
 */
export function awsError(error: unknown, attempt: Attempt): AppError {
  if (isAppError(error)) return error;
  const { name, status, message, headers } = facts(error);
  const what = attempt.key === undefined ? `bucket ${attempt.bucket}` : `object ${attempt.key}`;
  const details = {
    action: attempt.action,
    bucket: attempt.bucket,
    ...(attempt.key === undefined ? {} : { file: attempt.key, key: attempt.key }),
    ...(status === undefined ? {} : { status }),
  };
  const build = (code: ConstructorParameters<typeof AppError>[0], text: string, more = {}) =>
    new AppError(code, text, { details: { ...details, ...more }, cause: error });

  if (name === 'AbortError') {
    const doing = attempt.action === 's3:PutObject' ? 'Writing' : 'Reading';
    return build('CANCELLED', `${doing} ${what} was cancelled`);
  }
  if (name === 'NoSuchBucket') {
    return build(
      'BUCKET_NOT_FOUND',
      `Bucket ${attempt.bucket} does not exist; check the connection's bucket name`,
    );
  }
  const region = headers['x-amz-bucket-region'] ?? namedRegion(error);
  if (
    name === 'PermanentRedirect' ||
    name === 'AuthorizationHeaderMalformed' ||
    status === 301 ||
    status === 307
  ) {
    return build(
      'WRONG_REGION',
      `Bucket ${attempt.bucket} is not in region ${attempt.region}${region ? ` but in ${region}; set the connection's region to ${region}` : ''}`,
      region ? { region } : {},
    );
  }
  if (name === 'NoSuchKey' || (name === 'NotFound' && attempt.key !== undefined)) {
    return build(
      'OBJECT_NOT_FOUND',
      `Object ${attempt.key} does not exist in bucket ${attempt.bucket}`,
    );
  }
  if (status === 404) {
    return attempt.key === undefined
      ? build('BUCKET_NOT_FOUND', `Bucket ${attempt.bucket} does not exist`)
      : build('OBJECT_NOT_FOUND', `Object ${attempt.key} does not exist`);
  }
  if (name === 'PreconditionFailed' || status === 412) {
    return attempt.action === 's3:PutObject'
      ? build('OBJECT_EXISTS', existsText(String(attempt.key)))
      : build(
          'OBJECT_CHANGED',
          `Object ${attempt.key} changed after it was listed; run the import again`,
        );
  }
  if (name === 'ConditionalRequestConflict' || name === 'OperationAborted') {
    return build(
      'S3_UNAVAILABLE',
      `Somebody else wrote or deleted ${what} at the same moment (${name}); nothing of it was stored`,
    );
  }
  if (name === 'ExpiredToken' || name === 'ExpiredTokenException') {
    return build('CREDENTIALS_EXPIRED', `The session's credentials expired while reading ${what}`);
  }
  if (
    [
      'InvalidAccessKeyId',
      'InvalidClientTokenId',
      'SignatureDoesNotMatch',
      'InvalidToken',
    ].includes(name) ||
    name === 'CredentialsProviderError'
  ) {
    return build('CREDENTIALS_INVALID', `The credentials were refused (${name}): ${message}`);
  }
  if (name === 'AccessDenied' || status === 403 || status === 401) {
    // One request may need several: tags and keys of KMS have actions of their own.
    const action =
      /not authorized to perform: ((?:s3|kms):\w+)/.exec(message)?.[1] ?? attempt.action;
    return build(
      'ACCESS_DENIED',
      `${action} on ${what} was refused; allow ${action} in the role's policy (the connection's readPolicy and writePolicy are ready to paste)${message && message !== 'UnknownError' ? `. S3 said: ${message}` : ''}`,
      { action },
    );
  }
  if (isTransient(name, status, error)) {
    return build(
      'S3_UNAVAILABLE',
      `S3 did not answer for ${what} (${name}${status ? ` ${status}` : ''}): ${message}`,
    );
  }
  return build(
    'S3_ERROR',
    `S3 refused ${attempt.action} on ${what} (${name}${status ? ` ${status}` : ''}): ${message}`,
  );
}

/** What OBJECT_EXISTS says of a key. */
export const existsText = (key: string) =>
  `Object ${key} exists already and overwrite is false; choose another name or set overwrite`;

/** The error of an AssumeRole call. AWS answers the same for a role that is not there and one that does not trust us. */
export function assumeRoleError(
  error: unknown,
  role: { readonly roleArn: string; readonly externalId: string | null },
): AppError {
  if (isAppError(error)) return error;
  const { name, status, message } = facts(error);
  const details = { action: 'sts:AssumeRole', roleArn: role.roleArn };
  if (isTransient(name, status, error)) {
    return new AppError('S3_UNAVAILABLE', `STS did not answer (${name}): ${message}`, {
      details,
      cause: error,
    });
  }
  if (
    [
      'InvalidClientTokenId',
      'SignatureDoesNotMatch',
      'CredentialsProviderError',
      'ExpiredToken',
      'ExpiredTokenException',
    ].includes(name)
  ) {
    return new AppError(
      'CREDENTIALS_INVALID',
      `The service's own AWS credentials were refused (${name}): ${message}. They come from the default AWS chain (environment, profile, instance role)`,
      { details, cause: error },
    );
  }
  return new AppError(
    'ASSUME_ROLE_DENIED',
    `Role ${role.roleArn} could not be assumed with external id ${role.externalId ?? '(none)'}: the role does not exist, or its trust policy does not allow this service's principal with this external id. Paste the connection's trustPolicy into the role${message ? `. STS said: ${message}` : ''}`,
    { details, cause: error },
  );
}

/** The HTTP status of the answer that an error of the SDK is about. */
export function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } } | null)?.$metadata?.httpStatusCode;
}

/** How often the SDK sent a request before it gave up. */
export function attemptsOf(error: unknown): number {
  return (error as { $metadata?: { attempts?: number } } | null)?.$metadata?.attempts ?? 1;
}

/** An ETag without the quotes that HTTP wants. */
export function unquoted(etag: string | undefined): string {
  return (etag ?? '').replaceAll('"', '');
}

function isTransient(name: string, status: number | undefined, error: unknown): boolean {
  if (status !== undefined && (status >= 500 || status === 429)) return true;
  if (['SlowDown', 'TimeoutError', 'RequestTimeout', 'InternalError', 'Throttling'].includes(name))
    return true;
  const code =
    typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  return ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'].includes(
    code,
  );
}

function facts(error: unknown) {
  const e = (error ?? {}) as {
    name?: string;
    Code?: string;
    $metadata?: { httpStatusCode?: number };
    $response?: { headers?: Record<string, string> };
  };
  return {
    name: e.Code ?? e.name ?? 'Unknown',
    status: e.$metadata?.httpStatusCode,
    headers: e.$response?.headers ?? {},
    message: messageOf(error),
  };
}
