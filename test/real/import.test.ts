import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { startRealService, type RealService } from './gateway.js';
import { importNow } from './runs.js';

describe('an import from the Ceph gateway', () => {
  let service: RealService;
  beforeAll(async () => {
    service = await startRealService();
  });
  afterAll(() => service.close());

  it('makes one table of plain and gzip’d CSV objects below a prefix', async () => {
    await service.put(
      'orders/2023.csv',
      'id,amount,day,zip\n1,1.50,28/01/2023,00501\n2,2.25,29/01/2023,00502\n',
    );
    await service.put(
      'orders/2024.csv.gz',
      gzipSync('id,amount,day,zip\n3,10.125,30/01/2024,00501\n'),
    );
    await service.put('orders/notes.txt', 'not for us');
    await service.put('invoices/2024.csv', 'id\n9\n');
    const connection = await service.connect('orders', { prefix: 'orders/' });
    const run = await importNow(service, {
      name: 'orders',
      connection,
      selection: { fileName: '20' },
      dateColumnsSpec: 'day:dd/MM/yyyy',
      addFileNameColumn: true,
    });
    expect(run).toMatchObject({ status: 'SUCCEEDED', filesTotal: 2, rowsAdded: '3', error: null });
    const answer = await service.data(`{
      orders { id amount day zip _BATCH_FILE_NAME_ }
      ordersGroups(by: [{ column: zip }], orderBy: [{ count: DESC }]) {
        groups { key { zip } count sum { amount } }
      }
    }`);
    expect(answer.orders).toEqual([
      {
        id: 1,
        amount: '1.500',
        day: '2023-01-28',
        zip: '00501',
        _BATCH_FILE_NAME_: 'orders/2023.csv',
      },
      {
        id: 2,
        amount: '2.250',
        day: '2023-01-29',
        zip: '00502',
        _BATCH_FILE_NAME_: 'orders/2023.csv',
      },
      {
        id: 3,
        amount: '10.125',
        day: '2024-01-30',
        zip: '00501',
        _BATCH_FILE_NAME_: 'orders/2024.csv.gz',
      },
    ]);
    expect(answer.ordersGroups).toEqual({
      groups: [
        { key: { zip: '00501' }, count: '2', sum: { amount: '11.625' } },
        { key: { zip: '00502' }, count: '1', sum: { amount: '2.250' } },
      ],
    });
  });

  it('refuses a truncated gzip by name and keeps the last good table', async () => {
    const whole = gzipSync(`id,name\n${'1,a\n'.repeat(50_000)}`);
    await service.put('cut/all.csv.gz', whole);
    const connection = await service.connect('cut', { prefix: 'cut/' });
    const dataset = { name: 'cut', connection, selection: {} };
    expect(await importNow(service, dataset)).toMatchObject({ status: 'SUCCEEDED' });
    await service.put('cut/all.csv.gz', whole.subarray(0, whole.length - 40));
    expect(await importNow(service, 'cut')).toMatchObject({
      status: 'FAILED',
      error: { code: 'CORRUPT_COMPRESSION', details: { file: 'cut/all.csv.gz' } },
    });
    const { cutAggregate } = await service.data(`{ cutAggregate { count } }`);
    expect(cutAggregate).toEqual({ count: '50000' });
  });

  it('follows a listing over 1,000 keys in the byte order of their UTF-8 names', async () => {
    // In UTF-16 order U+FB01 would stand after the emoji.
    const strange = ['a b', 'a+b', 'a%20b', 'ä', 'Ω', '日本', '\u{FB01}', '😀'].map(
      (name) => `many/${name}.csv`,
    );
    const plain = Array.from(
      { length: 1_100 },
      (_, index) => `many/${String(index).padStart(4, '0')}.csv`,
    );
    const keys = [...plain, ...strange];
    for (let at = 0; at < keys.length; at += 32) {
      await Promise.all(
        keys.slice(at, at + 32).map((key, index) => service.put(key, `n\n${at + index}\n`)),
      );
    }
    const connection = await service.connect('many', { prefix: 'many/' });
    const { objects } = await service.data(
      `query ($id: ID!) { objects(connection: $id, selection: {}, limit: 2000) { key } }`,
      { id: connection },
    );
    const sorted = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect((objects as { key: string }[]).map(({ key }) => key)).toEqual(sorted);

    const run = await importNow(service, {
      name: 'many',
      connection,
      selection: {},
      addFileNameColumn: true,
    });
    expect(run).toMatchObject({ status: 'SUCCEEDED', filesTotal: 1_108, rowsAdded: '1108' });
    const { many } = await service.data(`{ many(offset: 1100) { n _BATCH_FILE_NAME_ } }`);
    expect((many as { _BATCH_FILE_NAME_: string }[]).map((row) => row._BATCH_FILE_NAME_)).toEqual(
      sorted.slice(1_100),
    );
  });
});
