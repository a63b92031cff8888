import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { principals, startRealService, type RealService } from './gateway.js';

interface Check {
  readonly name: string;
  readonly outcome: string;
  readonly action: string | null;
  readonly message: string;
}

describe('a connection to the Ceph gateway', () => {
  let service: RealService;
  beforeAll(async () => {
    service = await startRealService();
    await service.put('in/first.csv', 'id\n1\n');
  });
  afterAll(() => service.close());

  async function check(id: string, write = false) {
    const { testConnection } = await service.data(
      `mutation ($id: ID!, $write: Boolean!) {
        testConnection(id: $id, write: $write) {
          connection { status statusReason }
          checks { name outcome action message }
        }
      }`,
      { id, write },
    );
    const { connection, checks } = testConnection as {
      connection: { status: string; statusReason: string | null };
      checks: Check[];
    };
    return { ...connection, checks, outcomes: checks.map(({ name, outcome }) => [name, outcome]) };
  }

  async function failedImport(name: string, connection: string) {
    await service.data(`mutation ($input: DatasetInput!) { createDataset(input: $input) { id } }`, {
      input: { name, connection, selection: {}, format: { type: 'CSV' } },
    });
    const { importDataset } = await service.data(
      `mutation ($name: String!) {
        importDataset(name: $name, wait: true) { status error { code message retryable details } }
      }`,
      { name },
    );
    return importDataset as {
      status: string;
      error: { code: string; message: string; details: Record<string, unknown> };
    };
  }

  it('is VALID when the role asks for its external id and allows what its policies say', async () => {
    const id = await service.connect('right', { prefix: 'in/' });
    expect(await check(id, true)).toMatchObject({
      status: 'VALID',
      statusReason: null,
      outcomes: [
        ['ASSUME_ROLE', 'PASSED'],
        ['EXTERNAL_ID_REQUIRED', 'PASSED'],
        ['REGION', 'PASSED'],
        ['LIST', 'PASSED'],
        ['READ', 'PASSED'],
        ['WRITE', 'PASSED'],
      ],
    });
    expect(await service.openUploads()).toEqual([]);
  });

  it('is refused with ASSUME_ROLE_DENIED when the role asks for another external id', async () => {
    const id = await service.connect('other-id', { externalId: 'bucketql-another' });
    const report = await check(id);
    expect(report.status).toBe('INVALID');
    expect(report.outcomes).toEqual([['ASSUME_ROLE', 'FAILED']]);
    expect(report.checks[0]?.action).toBe('sts:AssumeRole');
    expect(await failedImport('by_other_id', id)).toMatchObject({
      status: 'FAILED',
      error: { code: 'ASSUME_ROLE_DENIED', details: { action: 'sts:AssumeRole' } },
    });
  });

  it('is refused when the role trusts another principal with the right external id', async () => {
    const id = await service.connect('other-principal', { principal: principals.intruder });
    expect(await failedImport('by_other_principal', id)).toMatchObject({
      status: 'FAILED',
      error: { code: 'ASSUME_ROLE_DENIED' },
    });
  });

  it('is INVALID when the role asks for no external id at all', async () => {
    const report = await check(await service.connect('open', { open: true }));
    expect(report.status).toBe('INVALID');
    expect(report.checks[1]).toMatchObject({ name: 'EXTERNAL_ID_REQUIRED', outcome: 'FAILED' });
    expect(report.statusReason).toMatch(/without an external id.*sts:ExternalId/);
  });

  const actions = [
    ['s3:ListBucket', 'LIST'],
    ['s3:GetObject', 'READ'],
    ['s3:PutObject', 'WRITE'],
    ['s3:ListMultipartUploadParts', 'WRITE'],
    ['s3:AbortMultipartUpload', 'WRITE'],
  ] as const;
  it.each(actions)('names %s when the role lacks nothing but that', async (missing, name) => {
    const id = await service.connect(`lacks-${missing.slice(3)}`, {
      policy: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Action: actions.map(([action]) => action).filter((action) => action !== missing),
            Resource: [`arn:aws:s3:::${service.bucket}`, `arn:aws:s3:::${service.bucket}/*`],
          },
        ],
      },
    });
    const { checks } = await check(id, true);
    expect(checks.filter(({ outcome }) => outcome === 'FAILED')).toEqual([
      expect.objectContaining({ name, action: missing }),
    ]);
  });

  it('is refused when there is no such role', async () => {
    const { createConnection } = await service.data(
      `mutation ($input: ConnectionInput!) { createConnection(input: $input) { id } }`,
      {
        input: {
          name: 'no-role',
          roleArn: 'arn:aws:iam::222222222222:role/nobody-made-this',
          bucket: service.bucket,
          region: 'us-east-1',
          endpoint: process.env.BUCKETQL_TEST_GATEWAY,
          forcePathStyle: true,
        },
      },
    );
    const { id } = createConnection as { id: string };
    expect(await failedImport('by_no_role', id)).toMatchObject({
      status: 'FAILED',
      error: { code: 'ASSUME_ROLE_DENIED' },
    });
  });

  it('names the action when the role may read objects but not list the bucket', async () => {
    const id = await service.connect('no-list', {
      policy: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Action: 's3:GetObject',
            Resource: `arn:aws:s3:::${service.bucket}/*`,
          },
        ],
      },
    });
    const report = await check(id);
    expect(report).toMatchObject({ status: 'INVALID' });
    expect(report.checks.find(({ name }) => name === 'LIST')).toMatchObject({
      outcome: 'FAILED',
      action: 's3:ListBucket',
    });
    const { error } = await failedImport('by_no_list', id);
    expect(error).toMatchObject({ code: 'ACCESS_DENIED', details: { action: 's3:ListBucket' } });
    expect(error.message).toContain('s3:ListBucket');
  });

  it('names the action and the object when the role may list the bucket but not read', async () => {
    const id = await service.connect('no-read', {
      policy: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Action: 's3:ListBucket',
            Resource: `arn:aws:s3:::${service.bucket}`,
          },
        ],
      },
    });
    const { error } = await failedImport('by_no_read', id);
    expect(error).toMatchObject({
      code: 'ACCESS_DENIED',
      details: { action: 's3:GetObject', key: 'in/first.csv' },
    });
    const report = await check(id, true);
    expect(report.checks.find(({ name }) => name === 'WRITE')).toMatchObject({
      outcome: 'FAILED',
      action: 's3:PutObject',
    });
  });

  it('keeps a session inside the connection’s prefix even when the role allows the whole bucket', async () => {
    await service.put('elsewhere/secret.csv', 'id\n2\n');
    const id = await service.connect('narrow', {
      prefix: 'in/',
      policy: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Action: ['s3:ListBucket', 's3:GetObject'],
            Resource: [`arn:aws:s3:::${service.bucket}`, `arn:aws:s3:::${service.bucket}/*`],
          },
        ],
      },
    });
    const { objects } = await service.data(
      `query ($id: ID!) { objects(connection: $id, selection: {}) { key } }`,
      { id },
    );
    expect(objects).toEqual([{ key: 'in/first.csv' }]);
  });

  it('says BUCKET_NOT_FOUND for a bucket that does not exist', async () => {
    const id = await service.connect('no-bucket', { bucket: 'acme-never-made' });
    const { error } = await failedImport('by_no_bucket', id);
    expect(error).toMatchObject({
      code: 'BUCKET_NOT_FOUND',
      details: { bucket: 'acme-never-made' },
    });
  });
});
