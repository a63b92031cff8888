import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { importCsv, startTestService, type TestService } from '../support/service.js';

describe('an import', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService({
      BUCKETQL_SESSION_SECONDS: '2',
      BUCKETQL_READ_TIMEOUT_SECONDS: '1',
    });
  });
  afterAll(() => service.close());

  it('goes on over several lives of its session: objects sent slowly, silences and a cut', async () => {
    const rows = 20_000;
    const text = `id\n${Array.from({ length: rows }, (_, id) => id).join('\n')}\n`;
    for (const key of ['in/slow.csv', 'in/silent.csv']) {
      await service.sandbox.putObject(service.bucket, key, text);
    }
    service.sandbox.fault = ({ operation, key, attempt }) => {
      if (operation !== 'GetObject') return undefined;
      if (key === 'in/slow.csv') return { kind: 'slow', bytesPerSecond: text.length / 5 };
      if (attempt <= 4) return { kind: 'stall', afterBytes: 10_000 };
      return attempt === 5 ? { kind: 'cutBody', afterBytes: 10_000 } : undefined;
    };
    const connection = await service.connect('acme');
    const run = await importCsv(service, {
      name: 'long',
      connection,
      selection: { prefix: 'in/' },
    });
    expect(run).toMatchObject({ status: 'SUCCEEDED', rowsAdded: String(2 * rows), error: null });
    const { longAggregate } = await service.data(
      `{ longAggregate { count countDistinct { id } sum { id } } }`,
    );
    expect(longAggregate).toEqual({
      count: String(2 * rows),
      countDistinct: { id: String(rows) },
      sum: { id: String(rows * (rows - 1)) },
    });
    const sessions = service.sandbox.requests.filter(({ operation }) => operation === 'AssumeRole');
    expect(sessions.length).toBeGreaterThanOrEqual(3);
  });
});
