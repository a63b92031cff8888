import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { defaultFormatLimits } from '../../src/limits.js';
import { announce, arrived, newArrival } from '../../src/pipeline/arrival.js';
import { RowReader } from '../../src/pipeline/row-reader.js';
import type { RowsRead, RowTask } from '../../src/pipeline/row-worker.js';
import { rowWorker } from '../support/row-worker.js';

const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

describe('the reader of rows', () => {
  let dir: string;
  let reader: RowReader;
  const never = new AbortController().signal;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'bucketql-reader-'));
    // Some 12 MB: more than one file of rows.
    const records = Array.from({ length: 60_000 }, (_, n) => ({ n, text: 'y'.repeat(200) }));
    await writeFile(join(dir, 'a.json'), JSON.stringify(records));
  });
  beforeEach(() => {
    reader = new RowReader({ worker: rowWorker, parseSeconds: 1, parseMemoryMB: 256 });
  });
  afterEach(async () => {
    await reader.close();
    for (const name of await readdir(dir)) {
      if (name.includes('.rows')) await rm(join(dir, name));
    }
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  const task = async (arrival?: SharedArrayBuffer): Promise<RowTask> => {
    const path = join(dir, 'a.json');
    return {
      type: 'JSON',
      options: {},
      source: { origin: 'a.json', partial: false },
      path,
      arrival: arrival ?? arrived((await stat(path)).size),
      target: `${path}.rows`,
      limits: defaultFormatLimits,
      parts: { maxInflatedBytes: 1e9, maxInflationRatio: 1100 },
      badRows: 'REJECT',
      maxRejectedRows: 10,
    };
  };

  it('yields files of rows and says what there was beside them', async () => {
    let read: RowsRead | undefined;
    let rows = 0;
    for await (const file of reader.read(await task(), never, (said) => (read = said))) {
      rows += file.rows;
    }
    expect(rows).toBe(60_000);
    expect(read).toMatchObject({ rows: 60_000, rejected: [], detected: { shape: 'array' } });
  });

  it('leaves nothing running when its caller stops early, and reads again', async () => {
    const before = timers();
    for await (const file of reader.read(await task(), never, () => undefined)) {
      expect(file.rows).toBeLessThan(60_000);
      break;
    }
    expect(timers()).toBe(before);
    for (const name of await readdir(dir)) {
      if (name.includes('.rows')) await rm(join(dir, name));
    }
    let rows = 0;
    for await (const file of reader.read(await task(), never, () => undefined)) rows += file.rows;
    expect(rows).toBe(60_000);
    expect(timers()).toBe(before);
  });

  it('waits for bytes as long as it takes, and stops waiting when it is cancelled', async () => {
    const stop = new AbortController();
    const arrival = newArrival();
    announce(arrival, 5_000, false);
    const reading = reader.read(await task(arrival), stop.signal, () => undefined).next();
    setTimeout(() => stop.abort(), 10);
    await expect(reading).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});
