import { describe, expect, it } from '@jest/globals';
import { assumeRoleError, awsError } from '../../src/aws/errors.js';
import { AppError } from '../../src/errors.js';

const sdkError = (name: string, status: number, headers: Record<string, string> = {}) =>
  Object.assign(new Error(`${name} said S3`), {
    name,
    $metadata: { httpStatusCode: status },
    $response: { headers },
  });
const get = { action: 's3:GetObject', bucket: 'acme', key: 'a.csv', region: 'us-east-1' };
const list = { action: 's3:ListBucket', bucket: 'acme', region: 'us-east-1' };
const put = { action: 's3:PutObject', bucket: 'acme', key: 'a.csv', region: 'us-east-1' };

describe('errors of S3', () => {
  it.each([
    ['NoSuchBucket', 404, list, 'BUCKET_NOT_FOUND', false],
    ['NoSuchKey', 404, get, 'OBJECT_NOT_FOUND', false],
    ['AccessDenied', 403, get, 'ACCESS_DENIED', false],
    ['PreconditionFailed', 412, get, 'OBJECT_CHANGED', true],
    ['PreconditionFailed', 412, put, 'OBJECT_EXISTS', false],
    ['ExpiredToken', 400, get, 'CREDENTIALS_EXPIRED', true],
    ['InvalidAccessKeyId', 403, get, 'CREDENTIALS_INVALID', false],
    ['SignatureDoesNotMatch', 403, get, 'CREDENTIALS_INVALID', false],
    ['SlowDown', 503, get, 'S3_UNAVAILABLE', true],
    ['InternalError', 500, get, 'S3_UNAVAILABLE', true],
    ['TimeoutError', 0, get, 'S3_UNAVAILABLE', true],
    ['MalformedXML', 400, get, 'S3_ERROR', false],
    // HEAD answers and some services have no names.
    ['Unknown', 403, get, 'ACCESS_DENIED', false],
    ['Unknown', 404, list, 'BUCKET_NOT_FOUND', false],
    ['Unknown', 404, get, 'OBJECT_NOT_FOUND', false],
    ['Unknown', 412, put, 'OBJECT_EXISTS', false],
    ['Unknown', 503, put, 'S3_UNAVAILABLE', true],
  ])('%s %d is told as it is', (name, status, attempt, code, retryable) => {
    const error = awsError(sdkError(name, status), attempt);
    expect(error).toMatchObject({
      code,
      retryable,
      details: { action: attempt.action, bucket: 'acme' },
    });
  });

  it('name the right region', () => {
    const moved = sdkError('PermanentRedirect', 301, { 'x-amz-bucket-region': 'eu-west-3' });
    expect(awsError(moved, list)).toMatchObject({
      code: 'WRONG_REGION',
      message: expect.stringContaining(
        'set the connection’s region to eu-west-3'.replace('’', "'"),
      ),
      details: { region: 'eu-west-3' },
    });
  });

  it('take broken sockets for S3 being out of reach, and leave our own errors alone', () => {
    const reset = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
    expect(awsError(reset, get).code).toBe('S3_UNAVAILABLE');
    const own = new AppError('OBJECT_TOO_LARGE', 'x');
    expect(awsError(own, get)).toBe(own);
  });
});

describe('errors of AssumeRole', () => {
  const role = { roleArn: 'arn:aws:iam::222222222222:role/r', externalId: 'bucketql-1' };

  it.each([
    ['AccessDenied', 403, 'ASSUME_ROLE_DENIED'],
    ['Unknown', 403, 'ASSUME_ROLE_DENIED'],
    ['InvalidClientTokenId', 403, 'CREDENTIALS_INVALID'],
    ['CredentialsProviderError', 0, 'CREDENTIALS_INVALID'],
    ['Throttling', 400, 'S3_UNAVAILABLE'],
  ])('%s %d is %s', (name, status, code) => {
    const error = assumeRoleError(sdkError(name, status), role);
    expect(error).toMatchObject({ code, details: { roleArn: role.roleArn } });
  });
});
