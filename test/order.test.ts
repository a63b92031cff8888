import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { importCsv, startTestService, type TestService } from './support/service.js';

// Parallel scans and loads must not show: enough rows for several threads, in many files.
describe('the order of the load', () => {
  let service: TestService;
  const files = 12;
  const perFile = 20_000;
  beforeAll(async () => {
    service = await startTestService();
    for (let file = 0; file < files; file++) {
      const rows = Array.from({ length: perFile }, (_, i) => {
        const id = file * perFile + i;
        return `${id},${id % 3 === 0},${id % 100},x${id % 100},${(id / 100).toFixed(2)},2020-01-${String((id % 28) + 1).padStart(2, '0')}`;
      });
      const key = `in/${String(file).padStart(2, '0')}.csv`;
      await service.sandbox.putObject(
        service.bucket,
        key,
        `id,flag,k,s,amount,day\n${rows.join('\n')}\n`,
      );
    }
    const connection = await service.connect('acme');
    const run = await importCsv(service, {
      name: 'ordered',
      connection,
      selection: { prefix: 'in/' },
    });
    expect(run.rowsAdded).toBe(String(files * perFile));
  });
  afterAll(() => service.close());

  const ids = async (where: string) => {
    const { ordered } = await service.data<{ ordered: { id: number }[] }>(
      `{ ordered(where: ${where}, limit: 100000) { id } }`,
    );
    return ordered.map(({ id }) => id);
  };
  const expected = (keep: (id: number) => boolean) =>
    Array.from({ length: files * perFile }, (_, id) => id)
      .filter(keep)
      .slice(0, 100_000);

  it('is the order of keys and lines for a table with columns of every kind', async () => {
    const { dataset } = await service.data<{ dataset: unknown }>(
      `{ dataset(name: "ordered") { columns { type } } }`,
    );
    expect(dataset).toEqual({
      columns: ['INTEGER', 'BOOLEAN', 'INTEGER', 'STRING', 'DECIMAL', 'DATE'].map((type) => ({
        type,
      })),
    });
    expect(await ids('{}')).toEqual(expected(() => true));
  });

  it('holds under filters, also with long lists inside an or', async () => {
    expect(await ids('{ k: { in: [1, 2, 3, 4, 5, 6, 7, 8] } }')).toEqual(
      expected((id) => id % 100 >= 1 && id % 100 <= 8),
    );
    expect(
      await ids(
        '{ _or: [{ k: { in: [1, 2, 3, 4, 5, 6] } }, { s: { in: ["x9", "x10", "x11", "x12", "x13"] } }, { id: { eq: 50 } }] }',
      ),
    ).toEqual(
      expected(
        (id) => (id % 100 >= 1 && id % 100 <= 6) || (id % 100 >= 9 && id % 100 <= 13) || id === 50,
      ),
    );
    expect(
      await ids('{ _not: { _or: [{ k: { notIn: [1, 2, 3, 4, 5] } }, { flag: { eq: true } }] } }'),
    ).toEqual(expected((id) => id % 100 >= 1 && id % 100 <= 5 && id % 3 !== 0));
  });
});
