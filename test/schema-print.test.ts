import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildSchema, isInputObjectType, lexicographicSortSchema, printSchema } from 'graphql';
import { importCsv, startTestService, type TestService } from './support/service.js';

const program = resolve(__dirname, '../schema/print.mjs');
const run = promisify(execFile);
const print = (...options: readonly string[]) => run(process.execPath, [program, ...options]);

describe('npm run schema -- --url', () => {
  const token = 'a-token-of-this-test';
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService({ BUCKETQL_API_TOKENS: token, BUCKETQL_HOST: '127.0.0.1' });
    const connection = await service.connect('acme');
    await service.sandbox.putObject(service.bucket, 'in/n.csv', 'id,k\n1,one\n');
    await importCsv(service, { name: 'numbers', connection, selection: { prefix: 'in/' } });
  });
  afterAll(() => service.close());

  it('prints the API of a running service, its datasets and their descriptions included', async () => {
    const { stdout } = await print('--url', service.app.url, '--token', token);
    const schema = buildSchema(stdout);
    expect(Object.keys(schema.getQueryType()?.getFields() ?? {})).toEqual(
      expect.arrayContaining(['connections', 'datasets', 'numbers', 'numbersGroups']),
    );
    expect(schema.getType('Numbers')?.description).toContain('s3://acme/in/');
    expect(stdout).toBe(`${printSchema(lexicographicSortSchema(schema))}\n`);
  });

  it('says which inputs take exactly one field', async () => {
    const { stdout } = await print('--url', service.app.url, '--token', token);
    const order = buildSchema(stdout).getType('NumbersOrder');
    expect(isInputObjectType(order) && order.isOneOf).toBe(true);
  });

  it('prints nothing but the reason where it is refused', async () => {
    await expect(print('--url', service.app.url)).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('Bearer') as unknown,
    });
  });

  it('prints nothing but the reason where nothing answers in GraphQL', async () => {
    const health = new URL('/healthz', service.app.url).href;
    await expect(print('--url', health)).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining(health) as unknown,
    });
  });
});
