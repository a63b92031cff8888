import type { BucketAccess } from '../../src/aws/access.js';

/** Access to the bucket "acme" of a test's endpoint with a key; `more` goes over it. */
export function accessTo(endpoint: string | null, more: Partial<BucketAccess> = {}): BucketAccess {
  return {
    name: 'acme',
    auth: 'ACCESS_KEY',
    roleArn: null,
    roleSessionName: 'bucketql',
    externalId: null,
    accessKeyId: 'AKIAEXAMPLE',
    secretAccessKey: 'secret',
    sessionToken: null,
    bucket: 'acme',
    prefix: '',
    region: 'us-east-1',
    endpoint,
    forcePathStyle: true,
    requestChecksums: null,
    downloadThreads: 1,
    headers: {},
    ...more,
  };
}
