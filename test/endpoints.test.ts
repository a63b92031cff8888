import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PolicyDocument } from '../src/aws/policies.js';
import { importAgain, importCsv, startTestService, type TestService } from './support/service.js';

describe('the endpoint of a connection', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService();
    await service.sandbox.putObject(service.bucket, 'in/a.csv', 'id\n1\n2\n');
  });
  afterAll(() => service.close());

  const create = (more: Record<string, unknown>) =>
    service.ask<{ createConnection: { id: string; trustPolicy: PolicyDocument } }>(
      `mutation ($input: ConnectionInput!) { createConnection(input: $input) { id trustPolicy } }`,
      {
        input: {
          bucket: service.bucket,
          region: 'us-east-1',
          endpoint: service.sandbox.endpoint,
          forcePathStyle: true,
          ...more,
        },
      },
    );

  it('is refused in every spelling of an inner address, and nothing is connected to', async () => {
    let connections = 0;
    const inner = createServer().on('connection', () => connections++);
    await new Promise<void>((resolve) => inner.listen(0, '127.0.0.1', resolve));
    const { port } = inner.address() as AddressInfo;
    const hosts = ['127.0.0.1', '127.1', '0x7f.1', '2130706433', '0.0.0.0', 'localhost', '[::1]'];
    for (const host of [...hosts, '[::ffff:127.0.0.1]', 'LOCALHOST.', 'user:pass@127.0.0.1']) {
      const answer = await create({
        name: 'inner',
        roleArn: `arn:aws:iam::${service.customer}:role/inner`,
        endpoint: `http://${host}:${port}`,
      });
      expect([host, answer.errors?.[0]?.extensions.code]).toEqual([host, 'ENDPOINT_NOT_ALLOWED']);
      expect(JSON.stringify(answer)).not.toContain('pass@');
    }
    const metadata = await create({
      name: 'inner',
      roleArn: `arn:aws:iam::${service.customer}:role/inner`,
      endpoint: 'http://169.254.169.254',
    });
    expect(metadata.errors?.[0]?.extensions.code).toBe('ENDPOINT_NOT_ALLOWED');
    expect(connections).toBe(0);
    await new Promise((resolve) => inner.close(resolve));
  });

  it('is refused at the next use when it is listed no longer', async () => {
    const connection = await service.connect('delisted', { prefix: 'in/' });
    const dataset = { name: 'delisted', connection, selection: {} };
    expect(await importCsv(service, dataset)).toMatchObject({ status: 'SUCCEEDED' });
    await service.restart({ BUCKETQL_ALLOWED_ENDPOINTS: 'https://minio.example.com' });
    const objects = () => service.sandbox.requests.filter(({ bucket }) => bucket !== '').length;
    const before = objects();
    expect(await importAgain(service, 'delisted')).toMatchObject({
      status: 'FAILED',
      error: { code: 'ENDPOINT_NOT_ALLOWED' },
    });
    expect(objects()).toBe(before);
    await service.restart();
  });

  it('stands in configuration as an origin', async () => {
    for (const entry of [
      'minio.example.com',
      'https://u:p@minio.example.com',
      'https://h/bucket',
    ]) {
      await expect(service.restart({ BUCKETQL_ALLOWED_ENDPOINTS: entry })).rejects.toThrow(
        /BUCKETQL_ALLOWED_ENDPOINTS.*must be an origin/,
      );
      await service.restart();
    }
  });

  it('is asked again in the right region when the connection names another', async () => {
    await service.sandbox.createBucket({
      name: 'abroad',
      accountId: service.customer,
      region: 'eu-west-1',
    });
    await service.sandbox.putObject('abroad', 'a.csv', 'id\n1\n2\n3\n');
    const roleArn = `arn:aws:iam::${service.customer}:role/abroad`;
    const made = await create({ name: 'abroad', roleArn, bucket: 'abroad' });
    const { id, trustPolicy } = made.data?.createConnection ?? {};
    service.sandbox.createRole({
      accountId: service.customer,
      name: 'abroad',
      trustPolicy: trustPolicy as PolicyDocument,
      policy: {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }],
      },
    });
    const run = await importCsv(service, { name: 'abroad', connection: id, selection: {} });
    expect(run).toMatchObject({ status: 'SUCCEEDED', rowsAdded: '3' });
    const { status, checks } = await service
      .data<{
        testConnection: {
          connection: { status: string };
          checks: { name: string; outcome: string; message: string }[];
        };
      }>(
        `mutation ($id: ID!) {
          testConnection(id: $id, write: true) { connection { status } checks { name outcome message } }
        }`,
        { id },
      )
      .then(({ testConnection }) => ({ ...testConnection, ...testConnection.connection }));
    expect(status).toBe('VALID');
    expect(checks.find(({ name }) => name === 'REGION')).toMatchObject({
      outcome: 'WARNING',
      message: expect.stringMatching(/in region eu-west-1, not us-east-1/),
    });
    expect(checks.find(({ name }) => name === 'WRITE')?.outcome).toBe('PASSED');
    expect(service.sandbox.openUploads('abroad')).toEqual([]);
  });
});
