import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { trustPolicy, type PolicyDocument } from '../src/aws/policies.js';
import { importAgain, importCsv, startTestService, type TestService } from './support/service.js';

interface Report {
  readonly testConnection: {
    readonly connection: { readonly status: string; readonly statusReason: string | null };
    readonly checks: readonly {
      readonly name: string;
      readonly outcome: string;
      readonly action: string | null;
      readonly message: string;
    }[];
  };
}

describe('connections', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService();
    await service.sandbox.putObject(service.bucket, 'in/a.csv', 'id\n1\n');
  });
  afterAll(() => service.close());

  const test = async (id: string, write = false) =>
    (
      await service.data<Report>(
        `mutation ($id: ID!, $write: Boolean) {
          testConnection(id: $id, write: $write) {
            connection { status statusReason } checks { name outcome action message }
          }
        }`,
        { id, write },
      )
    ).testConnection;
  const input = (more: Record<string, unknown>) => ({
    roleArn: `arn:aws:iam::${service.customer}:role/some`,
    bucket: service.bucket,
    region: 'us-east-1',
    endpoint: service.sandbox.endpoint,
    forcePathStyle: true,
    ...more,
  });
  const create = (more: Record<string, unknown>) =>
    service.ask<{ createConnection: Record<string, unknown> }>(
      `mutation ($input: ConnectionInput!) {
        createConnection(input: $input) { id externalId status trustPolicy readPolicy writePolicy accessKeyId prefix }
      }`,
      { input: input(more) },
    );

  it('come with an external id of their own and policies to paste', async () => {
    const first = await create({ name: 'first', prefix: 'in/' });
    const second = await create({ name: 'second' });
    const connection = first.data?.createConnection;
    expect(connection?.externalId).toMatch(/^bucketql-[0-9a-f-]{36}$/);
    expect(second.data?.createConnection.externalId).not.toBe(connection?.externalId);
    expect(connection).toMatchObject({
      status: 'UNVERIFIED',
      trustPolicy: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { AWS: service.service.arn },
            Action: 'sts:AssumeRole',
            Condition: { StringEquals: { 'sts:ExternalId': connection?.externalId } },
          },
        ],
      },
      readPolicy: {
        Version: '2012-10-17',
        Statement: [
          {
            Action: 's3:ListBucket',
            Resource: 'arn:aws:s3:::acme',
            Condition: { StringLike: { 's3:prefix': ['in/*'] } },
          },
          { Action: 's3:GetObject', Resource: 'arn:aws:s3:::acme/in/*' },
        ],
      },
      writePolicy: {
        Statement: [
          { Action: ['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'] },
          { Action: 's3:ListBucketMultipartUploads', Resource: 'arn:aws:s3:::acme' },
        ],
      },
    });
  });

  it('have policies with the actions on a KMS key, when one is used', async () => {
    const { connections } = await service.data<{ connections: unknown[] }>(
      `{ connections(limit: 1) {
        readPolicy(kmsKey: "arn:aws:kms:us-east-1:222222222222:key/abc-1")
        writePolicy(kmsKey: "arn:aws:kms:us-east-1:222222222222:key/abc-1")
      } }`,
    );
    const use = (actions: unknown) =>
      expect.objectContaining({
        Action: actions,
        Resource: 'arn:aws:kms:us-east-1:222222222222:key/abc-1',
        Condition: { StringLike: { 'kms:ViaService': 's3.*.amazonaws.com*' } },
      });
    expect(connections).toEqual([
      {
        readPolicy: expect.objectContaining({
          Statement: expect.arrayContaining([use('kms:Decrypt')]),
        }),
        writePolicy: expect.objectContaining({
          Statement: expect.arrayContaining([use(['kms:Decrypt', 'kms:GenerateDataKey'])]),
        }),
      },
    ]);
    const wrong = await service.ask(`{ connections { readPolicy(kmsKey: "*") } }`);
    expect(wrong.errors?.[0]?.extensions.code).toBe('INVALID_INPUT');
  });

  it('are VALID when the role trusts this external id only, and nothing is left behind by the check', async () => {
    const id = await service.connect('valid', { prefix: 'in/' });
    const keys = await service.sandbox.listKeys(service.bucket);
    const report = await test(id, true);
    expect(report.connection).toEqual({ status: 'VALID', statusReason: null });
    expect(report.checks.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual([
      'ASSUME_ROLE PASSED',
      'EXTERNAL_ID_REQUIRED PASSED',
      'REGION PASSED',
      'LIST PASSED',
      'READ PASSED',
      'WRITE PASSED',
    ]);
    expect(await service.sandbox.listKeys(service.bucket)).toEqual(keys);
    expect(service.sandbox.openUploads(service.bucket)).toEqual([]);
  });

  it('are INVALID when the role trusts another external id, and imports say so', async () => {
    const id = await service.connect('other', { trust: 'other' });
    const report = await test(id);
    expect(report.connection.status).toBe('INVALID');
    expect(report.checks).toEqual([
      expect.objectContaining({ name: 'ASSUME_ROLE', outcome: 'FAILED', action: 'sts:AssumeRole' }),
    ]);
    const run = await importCsv(service, { name: 'other', connection: id, selection: {} });
    expect(run).toMatchObject({
      status: 'FAILED',
      error: {
        code: 'ASSUME_ROLE_DENIED',
        retryable: false,
        details: { action: 'sts:AssumeRole' },
      },
    });
    expect(run.error?.message).toMatch(/external id bucketql-.*trustPolicy/);
  });

  it('are INVALID when the role can be assumed without the external id', async () => {
    const report = await test(await service.connect('open', { trust: 'open' }));
    expect(report.connection.status).toBe('INVALID');
    expect(report.connection.statusReason).toMatch(/without an external id.*sts:ExternalId/);
  });

  it('say that an unknown role cannot be assumed', async () => {
    const made = await create({
      name: 'unknown',
      roleArn: `arn:aws:iam::${service.customer}:role/nobody`,
    });
    const report = await test(String(made.data?.createConnection.id));
    expect(report.connection).toMatchObject({
      status: 'INVALID',
      statusReason: expect.stringMatching(/role\/nobody could not be assumed.*does not exist/),
    });
  });

  it('name the bucket that is not there', async () => {
    const id = await service.connect('missing-bucket', {
      policy: allow(['s3:*'], ['*']),
    });
    await service.data(
      `mutation ($id: ID!, $input: ConnectionInput!) { updateConnection(id: $id, input: $input) { status } }`,
      {
        id,
        input: input({
          name: 'missing-bucket',
          roleArn: `arn:aws:iam::${service.customer}:role/missing-bucket`,
          bucket: 'nowhere',
        }),
      },
    );
    const report = await test(id);
    expect(report.connection.statusReason).toContain('nowhere');
    const run = await importCsv(service, { name: 'missing', connection: id, selection: {} });
    expect(run.error).toMatchObject({ code: 'BUCKET_NOT_FOUND' });
  });

  const actions = [
    ['s3:ListBucket', 'LIST'],
    ['s3:GetObject', 'READ'],
    ['s3:PutObject', 'WRITE'],
    ['s3:ListMultipartUploadParts', 'WRITE'],
    ['s3:AbortMultipartUpload', 'WRITE'],
  ] as const;
  it.each(actions)('name %s, and only that, when it is missing', async (action, check) => {
    const name = `no${action.slice(3).toLowerCase()}`;
    const id = await service.connect(name, {
      policy: allow(
        actions.map(([other]) => other).filter((other) => other !== action),
        ['arn:aws:s3:::acme', 'arn:aws:s3:::acme/*'],
      ),
    });
    const report = await test(id, true);
    expect(report.connection.status).toBe('INVALID');
    expect(report.checks.filter(({ outcome }) => outcome === 'FAILED')).toEqual([
      expect.objectContaining({ name: check, action }),
    ]);
    const open = service.sandbox.openUploads(service.bucket);
    expect(open).toHaveLength(action === 's3:AbortMultipartUpload' ? 1 : 0);
    if (open.length > 0) expect(report.connection.statusReason).toContain('stays open');
    if (check === 'WRITE') return;
    const run = await importCsv(service, { name, connection: id, selection: {} });
    expect(run.error).toMatchObject({ code: 'ACCESS_DENIED', details: { action } });
    expect(run.error?.message).toContain(action);
  });

  it('reach an exact key where listing is not allowed', async () => {
    const policy = allow(['s3:GetObject'], ['arn:aws:s3:::acme/*']);
    const exact = await service.connect('exact', { prefix: 'in/', policy });
    const run = await importCsv(service, {
      name: 'exact',
      connection: exact,
      selection: { fileName: 'a.csv', fileNameMatch: 'EXACT' },
    });
    expect(run).toMatchObject({ status: 'SUCCEEDED', rowsAdded: '1', error: null });
    const missing = await importCsv(service, {
      name: 'exact_missing',
      connection: exact,
      selection: { fileName: 'b.csv', fileNameMatch: 'EXACT' },
    });
    expect(missing.error).toMatchObject({ code: 'ACCESS_DENIED' });
    const key = await service.connect('exact-key', { prefix: 'in/a.csv', policy });
    const report = await test(key);
    expect(report.connection.status).toBe('VALID');
    expect(report.checks).toContainEqual(
      expect.objectContaining({ name: 'LIST', outcome: 'WARNING', action: 's3:ListBucket' }),
    );
  });

  it('carry a session policy: an import can read below its prefix and nothing else', async () => {
    const id = await service.connect('narrow', { prefix: 'in/', policy: allow(['s3:*'], ['*']) });
    await service.sandbox.putObject(service.bucket, 'secret.csv', 'id\n666\n');
    // A key is no path: whatever looks like a way out is a name below the prefix, where there is nothing.
    for (const prefix of ['../', '/', '%2e%2e/', '..%2F', '../secret.csv', './../', '\\..\\']) {
      const { objects, folders } = await service.data(
        `query ($id: ID!, $prefix: String!) {
          objects(connection: $id, selection: { prefix: $prefix }) { key }
          folders(connection: $id, prefix: $prefix)
        }`,
        { id, prefix },
      );
      expect({ prefix, objects, folders }).toEqual({ prefix, objects: [], folders: [] });
      const preview = await service.ask(
        `query ($input: DatasetInput!) { previewDataset(input: $input) { objectCount } }`,
        { input: { name: 'out', connection: id, selection: { prefix }, format: { type: 'CSV' } } },
      );
      expect(preview.errors?.[0]?.extensions.code).toBe('NO_OBJECTS');
    }
    const { objects, folders } = await service.data(
      `{ objects(connection: "${id}", selection: {}) { key size } folders(connection: "${id}") }`,
    );
    expect(objects).toEqual([{ key: 'in/a.csv', size: '5' }]);
    expect(folders).toEqual([]);
  });

  it('refuse endpoints that configuration does not list, and input that cannot work', async () => {
    const refused = async (more: Record<string, unknown>) =>
      (await create({ name: 'refused', ...more })).errors?.[0]?.extensions.code;
    expect(await refused({ endpoint: 'http://169.254.169.254' })).toBe('ENDPOINT_NOT_ALLOWED');
    expect(await refused({ endpoint: 'file:///etc/passwd' })).toBe('INVALID_INPUT');
    expect(await refused({ roleArn: null })).toBe('INVALID_INPUT');
    expect(await refused({ roleArn: 'arn:aws:iam::1:user/x' })).toBe('INVALID_INPUT');
    expect(await refused({ auth: 'ACCESS_KEY' })).toBe('INVALID_INPUT');
    expect(await refused({ bucket: 'A/B' })).toBe('INVALID_INPUT');
    expect(await refused({ headers: { 'x-amz-security-token': 'x' } })).toBe('INVALID_INPUT');
    expect(await refused({ headers: { authorization: 'x' } })).toBe('INVALID_INPUT');
    expect(await refused({ name: 'first' })).toBe('ALREADY_EXISTS');
  });

  it('work with an access key, whose secret is never shown and stored encrypted', async () => {
    const owner = service.sandbox.createUser({ accountId: service.customer, name: 'key-owner' });
    const made = await create({
      name: 'keys',
      auth: 'ACCESS_KEY',
      roleArn: null,
      accessKeyId: owner.accessKeyId,
      secretAccessKey: owner.secretAccessKey,
    });
    const id = String(made.data?.createConnection.id);
    expect((await test(id)).connection.status).toBe('VALID');
    await service.restart();
    expect((await test(id)).connection.status).toBe('VALID');
    expect(JSON.stringify(made)).not.toContain(owner.secretAccessKey);
    const { readFileSync } = await import('node:fs');
    const file = readFileSync(`${service.dataDir}/bucketql.duckdb`);
    expect(file.includes(owner.accessKeyId)).toBe(true);
    expect(file.includes(owner.secretAccessKey)).toBe(false);
  });

  it('keep their external id while the role stays in its account, and never share one', async () => {
    const made = await create({ name: 'moving' });
    const { id, externalId } = made.data?.createConnection ?? {};
    const update = async (more: Record<string, unknown>) =>
      service.ask<{ updateConnection: { externalId: string; statusReason: string | null } }>(
        `mutation ($id: ID!, $input: ConnectionInput!) {
          updateConnection(id: $id, input: $input) { externalId statusReason }
        }`,
        { id, input: input({ name: 'moving', ...more }) },
      );
    const renamed = await update({ roleArn: `arn:aws:iam::${service.customer}:role/other` });
    expect(renamed.data?.updateConnection.externalId).toBe(externalId);
    const moved = await update({ roleArn: 'arn:aws:iam::333333333333:role/other' });
    expect(moved.data?.updateConnection.externalId).toMatch(/^bucketql-/);
    expect(moved.data?.updateConnection.externalId).not.toBe(externalId);
    await service.data(`mutation { deleteConnection(id: "${String(id)}") }`);
    const reused = await create({ name: 'again', externalId });
    expect(reused.errors?.[0]?.extensions.code).toBe('ALREADY_EXISTS');
  });

  it('take over an external id with a warning', async () => {
    const externalId = 'the-old-vendors-id-0001';
    const made = await create({ name: 'taken-over', externalId });
    expect(made.data?.createConnection.externalId).toBe(externalId);
    const id = String(made.data?.createConnection.id);
    const { connection } = await service.data<{ connection: unknown }>(
      `{ connection(id: "${id}") { statusReason } }`,
    );
    expect(connection).toEqual({ statusReason: expect.stringContaining('taken over') });
    service.sandbox.createRole({
      accountId: service.customer,
      name: 'some',
      trustPolicy: trustPolicy(service.service.arn, externalId),
      policy: allow(['s3:*'], ['*']),
    });
    const report = await test(id);
    expect(report.connection.status).toBe('VALID');
    expect(report.checks).toContainEqual(
      expect.objectContaining({
        name: 'EXTERNAL_ID_REQUIRED',
        outcome: 'WARNING',
        message: expect.stringContaining('taken over'),
      }),
    );
  });

  it('change their status when they are used and no longer work', async () => {
    const id = await service.connect('closing', { prefix: 'in/' });
    expect((await test(id)).connection.status).toBe('VALID');
    await importCsv(service, { name: 'closing', connection: id, selection: {} });
    service.sandbox.deleteRole(`arn:aws:iam::${service.customer}:role/closing`);
    const run = await importAgain(service, 'closing');
    expect(run.error?.code).toBe('ASSUME_ROLE_DENIED');
    const { connection } = await service.data<{ connection: unknown }>(
      `{ connection(id: "${id}") { status statusReason } }`,
    );
    expect(connection).toEqual({
      status: 'INVALID',
      statusReason: expect.stringContaining('role/closing'),
    });
  });

  it('tell the owner’s CloudTrail which connection and which run it was', async () => {
    const id = await service.connect('trail', { prefix: 'in/' });
    const run = await importCsv(service, { name: 'trail', connection: id, selection: {} });
    const sessions = service.sandbox.requests.map((request) => request.sessionName);
    expect(sessions).toContain(`bucketql-trail-${run.id}`);
  });

  it('work with the service’s own credentials on a bucket of its own account', async () => {
    await service.sandbox.createBucket({ name: 'ours', accountId: service.service.accountId });
    await service.sandbox.putObject('ours', 'x.csv', 'id\n7\n');
    const made = await create({ name: 'ambient', auth: 'AMBIENT', roleArn: null, bucket: 'ours' });
    const id = String(made.data?.createConnection.id);
    const report = await test(id, true);
    expect(report.connection.status).toBe('VALID');
    expect(report.checks.map(({ name }) => name)).toEqual(['REGION', 'LIST', 'READ', 'WRITE']);
    const run = await importCsv(service, { name: 'ambient', connection: id, selection: {} });
    expect(run).toMatchObject({ status: 'SUCCEEDED', rowsAdded: '1' });
  });

  it.each([
    [null, false],
    ['WHEN_REQUIRED', false],
    ['WHEN_SUPPORTED', true],
  ])('send checksums with uploads as asked: %p', async (requestChecksums, sent) => {
    const owner = service.sandbox.createUser({
      accountId: service.customer,
      name: `checksums-${requestChecksums}`,
    });
    const made = await create({
      name: `checksums-${requestChecksums}`,
      auth: 'ACCESS_KEY',
      roleArn: null,
      accessKeyId: owner.accessKeyId,
      secretAccessKey: owner.secretAccessKey,
      requestChecksums,
    });
    const seen: boolean[] = [];
    service.sandbox.fault = ({ operation, headers }) => {
      if (operation === 'UploadPart') {
        seen.push(Object.keys(headers).some((name) => /checksum|trailer/.test(name)));
      }
      return undefined;
    };
    try {
      await test(String(made.data?.createConnection.id), true);
    } finally {
      service.sandbox.fault = undefined;
    }
    expect(seen).toEqual([sent]);
  });

  it('send their extra headers, signed, with every request', async () => {
    const owner = service.sandbox.createUser({ accountId: service.customer, name: 'payer' });
    const made = await create({
      name: 'payer',
      auth: 'ACCESS_KEY',
      roleArn: null,
      accessKeyId: owner.accessKeyId,
      secretAccessKey: owner.secretAccessKey,
      headers: { 'x-amz-request-payer': 'requester' },
    });
    const seen: { payer: unknown; signed: boolean }[] = [];
    service.sandbox.fault = ({ headers }) => {
      const payer = headers['x-amz-request-payer'];
      seen.push({ payer, signed: /x-amz-request-payer/.test(String(headers.authorization)) });
      return undefined;
    };
    try {
      const report = await test(String(made.data?.createConnection.id));
      expect(report.connection.status).toBe('VALID');
    } finally {
      service.sandbox.fault = undefined;
    }
    expect(seen.length).toBeGreaterThan(1);
    expect(new Set(seen.map((request) => JSON.stringify(request)))).toEqual(
      new Set([JSON.stringify({ payer: 'requester', signed: true })]),
    );
  });

  it('cannot be deleted while a dataset uses them', async () => {
    const id = await service.connect('used');
    await service.data(`mutation ($input: DatasetInput!) { createDataset(input: $input) { id } }`, {
      input: { name: 'user', connection: id, selection: {}, format: { type: 'CSV' } },
    });
    const refused = await service.ask(`mutation { deleteConnection(id: "${id}") }`);
    expect(refused.errors?.[0]).toMatchObject({
      message: expect.stringContaining('user'),
      extensions: { code: 'IN_USE' },
    });
    await service.data(`mutation { deleteDataset(name: "user") }`);
    expect(await service.data(`mutation { deleteConnection(id: "${id}") }`)).toEqual({
      deleteConnection: true,
    });
  });

  it('renew their session before it ends', async () => {
    await service.restart({ BUCKETQL_SESSION_SECONDS: '2' });
    const id = await service.connect('short', { prefix: 'in/' });
    const assumed = () =>
      service.sandbox.requests.filter((r) => r.operation === 'AssumeRole').length;
    const list = () => service.data(`{ objects(connection: "${id}", selection: {}) { key } }`);
    await list();
    const before = assumed();
    const end = Date.now() + 3_000;
    while (Date.now() < end) await list();
    expect(assumed()).toBeGreaterThan(before);
    // Renewed when it is nearly over, not for each request.
    expect(assumed() - before).toBeLessThan(6);
    await service.restart();
  });
});

describe('connections from a machine whose clock is wrong', () => {
  it.each([-40, 40])('work when S3 and STS are %d minutes away', async (minutes) => {
    const clock = () => new Date(Date.now() + minutes * 60_000);
    const service = await startTestService({ BUCKETQL_SESSION_SECONDS: '2' }, undefined, clock);
    try {
      await service.sandbox.putObject(service.bucket, 'a.csv', 'id\n1\n');
      const connection = await service.connect('skewed');
      const run = await importCsv(service, { name: 'skewed', connection, selection: {} });
      expect(run).toMatchObject({ status: 'SUCCEEDED', rowsAdded: '1', error: null });
      // Longer than a session lives: it is renewed by our clock, whatever STS calls its end.
      const end = Date.now() + 3_000;
      while (Date.now() < end) {
        await service.data(`{ objects(connection: "${connection}", selection: {}) { key } }`);
      }
    } finally {
      await service.close();
    }
  });
});

function allow(actions: readonly string[], resources: readonly string[]): PolicyDocument {
  return {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: actions, Resource: resources }],
  };
}
