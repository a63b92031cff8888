import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startRealService, type RealService } from './gateway.js';
import { importNow } from './runs.js';

// The gateway ends a session to the second, and its shortest one here is two seconds.
describe('sessions of two seconds', () => {
  let service: RealService;
  beforeAll(async () => {
    service = await startRealService({ BUCKETQL_SESSION_SECONDS: '2' });
  });
  afterAll(() => service.close());

  it('are renewed while an import lists and downloads for longer than one of them lives', async () => {
    const keys = Array.from(
      { length: 1_500 },
      (_, index) => `many/${String(index).padStart(4, '0')}.csv`,
    );
    for (let at = 0; at < keys.length; at += 32) {
      await Promise.all(keys.slice(at, at + 32).map((key) => service.put(key, `key\n${key}\n`)));
    }
    const connection = await service.connect('many', { prefix: 'many/' });
    await service.data(`mutation ($input: DatasetInput!) { createDataset(input: $input) { id } }`, {
      input: { name: 'many', connection, selection: {}, format: { type: 'CSV' } },
    });
    // As often as it takes to outlive two sessions; each import uses the one that the last left.
    const end = Date.now() + 5_000;
    let imports = 0;
    while (Date.now() < end) {
      expect(await importNow(service, 'many')).toMatchObject({
        status: 'SUCCEEDED',
        rowsAdded: '1500',
        error: null,
      });
      imports++;
    }
    expect(imports).toBeGreaterThan(0);
  });

  it('are renewed within one import that takes ten times as long', async () => {
    const parts = Array.from({ length: 10 }, (_, part) => `slow/${part}.csv`);
    for (const key of parts) await service.put(key, `key\n${key}\n`);
    const connection = await service.connect('slow', { prefix: 'slow/', downloadThreads: 1 });
    await service.data(`mutation ($input: DatasetInput!) { createDataset(input: $input) { id } }`, {
      input: { name: 'slow', connection, selection: {}, format: { type: 'CSV' } },
    });
    const began = Date.now();
    expect(await importNow(service, 'slow')).toMatchObject({
      status: 'SUCCEEDED',
      rowsAdded: '10',
      error: null,
    });
    expect(Date.now() - began).toBeGreaterThan(20_000);
  });
});
