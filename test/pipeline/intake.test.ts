import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseDefinition } from '../../src/catalog/definition.js';
import type { Session } from '../../src/engine/engine.js';
import { defaultFormatLimits } from '../../src/limits.js';
import { takeIn } from '../../src/pipeline/intake.js';
import { RowReader } from '../../src/pipeline/row-reader.js';
import { SpoolSpace } from '../../src/pipeline/space.js';
import { rowWorker } from '../support/row-worker.js';

const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

describe('taking a file in', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'bucketql-intake-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  it('leaves no thread and no timer behind when its rows are not wanted any more', async () => {
    const path = join(dir, 'a.json');
    const records = Array.from({ length: 60_000 }, (_, n) => ({ n, text: 'y'.repeat(200) }));
    await writeFile(path, JSON.stringify(records));
    const before = timers();
    const rowReader = new RowReader({ worker: rowWorker, parseSeconds: 9, parseMemoryMB: 256 });
    const described = takeIn(
      { path, origin: 'a.json' },
      {
        definition: parseDefinition({
          name: 'a',
          connection: 'c',
          selection: {},
          format: { type: 'JSON' },
        }),
        // Rows are read without the engine.
        session: undefined as unknown as Session,
        rowReader,
        spoolDir: dir,
        space: new SpoolSpace(1e9),
        limits: {
          ...defaultFormatLimits,
          maxMembers: 1,
          maxSpoolBytes: 1e9,
          maxInflatedBytes: 1e9,
          maxInflationRatio: 1100,
        },
        signal: new AbortController().signal,
        room: () => 10,
        onRead: () => undefined,
        layouts: new Map(),
      },
    );
    // As an import whose load fails at the first file.
    for await (const { kind } of described) {
      expect(kind).toBe('rows');
      break;
    }
    expect(timers()).toBe(before);
    await rowReader.close();
  });
});
