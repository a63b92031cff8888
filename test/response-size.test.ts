import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { importCsv, startTestService, type TestService } from './support/service.js';

describe('an answer', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService({ BUCKETQL_MAX_RESPONSE_BYTES: '20000' });
    const connection = await service.connect('large');
    const lines = Array.from({ length: 3_000 }, (_, id) => `${id},${'x'.repeat(90)}`);
    await service.sandbox.putObject(service.bucket, 'large/a.csv', `id,v\n${lines.join('\n')}\n`);
    const selection = { prefix: 'large/' };
    expect(await importCsv(service, { name: 'large', connection, selection })).toMatchObject({
      status: 'SUCCEEDED',
    });
  });
  afterAll(() => service.close());

  const tooLarge = {
    message: expect.stringContaining('/export/large'),
    extensions: { code: 'RESPONSE_TOO_LARGE', details: { limit: 20_000 } },
  };

  it.each([
    ['of few rows', 100],
    ['of many rows', 3_000],
  ])('that is as long as it may be is given, and a longer one refused: %s', async (_, rows) => {
    const ask = (columns: string, limit: number) =>
      service.ask<{ large: unknown[] }>(`{ large(limit: ${limit}) { ${columns} } }`);
    expect((await ask('v', 150)).data?.large).toHaveLength(150);
    expect((await ask('id', Math.min(rows, 1_200))).errors).toBeUndefined();
    expect((await ask(rows > 1_000 ? 'v' : 'a: v b: v c: v', rows)).errors).toMatchObject([
      tooLarge,
    ]);
  });

  it('counts what its fields take together', async () => {
    const field = (name: string) => `${name}: large(limit: 150) { v }`;
    const { data, errors } = await service.ask<null>(`{ ${field('a')} ${field('b')} }`);
    expect(data).toBeNull();
    expect(errors).toMatchObject([tooLarge]);
  });
});
