import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseDefinition } from '../../src/catalog/definition.js';
import type { Session } from '../../src/engine/engine.js';
import type { FileType } from '../../src/formats/index.js';
import { defaultFormatLimits } from '../../src/limits.js';
import type { DescribedFile } from '../../src/pipeline/described.js';
import { takeIn, type IntakeOptions } from '../../src/pipeline/intake.js';
import { RowReader } from '../../src/pipeline/row-reader.js';
import { SpoolSpace } from '../../src/pipeline/space.js';
import { rowWorker } from '../support/row-worker.js';
import { zipOf } from '../support/zip.js';

async function allOf(described: AsyncIterable<DescribedFile>): Promise<DescribedFile[]> {
  const files: DescribedFile[] = [];
  for await (const file of described) files.push(file);
  return files;
}

const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

describe('taking a file in', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'bucketql-intake-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  const intakeOf = (type: FileType): IntakeOptions => ({
    definition: parseDefinition({ name: 'a', connection: 'c', selection: {}, format: { type } }),
    // These formats are looked at without the engine.
    session: undefined as unknown as Session,
    rowReader: new RowReader({ worker: rowWorker, parseSeconds: 9, parseMemoryMB: 256 }),
    spoolDir: dir,
    space: new SpoolSpace(1e9),
    limits: {
      ...defaultFormatLimits,
      maxMembers: 9,
      maxSpoolBytes: 1e9,
      maxInflatedBytes: 1e9,
      maxInflationRatio: 1100,
      // What cannot be sent to a thread, and must not be: it gets its limits only.
      ...({ secret: () => 'hidden' } as object),
    },
    signal: new AbortController().signal,
    room: () => 10,
    onRead: () => undefined,
    layouts: new Map(),
  });

  it('leaves no thread and no timer behind when its rows are not wanted any more', async () => {
    const path = join(dir, 'a.json');
    const records = Array.from({ length: 60_000 }, (_, n) => ({ n, text: 'y'.repeat(200) }));
    await writeFile(path, JSON.stringify(records));
    const before = timers();
    const rowReader = new RowReader({ worker: rowWorker, parseSeconds: 9, parseMemoryMB: 256 });
    const options = { ...intakeOf('JSON'), rowReader };
    const described = takeIn({ path, origin: 'a.json' }, options);
    // As an import whose load fails at the first file.
    for await (const { kind } of described) {
      expect(kind).toBe('rows');
      break;
    }
    expect(timers()).toBe(before);
    await rowReader.close();
  });

  const text = `a;b\n1;${'y'.repeat(3 * 2 ** 20)}\n`;
  const known = { plain: true, longestLine: 3 * 2 ** 20 + 2 };

  it('knows a text in another encoding by what it is in UTF-8', async () => {
    const path = join(dir, 'utf16.csv');
    await writeFile(path, Buffer.from(`\ufeff${text}`, 'utf16le'));
    const spooled = { path, origin: 'utf16.csv', plain: false, longestLine: 7 };
    const files = await allOf(takeIn(spooled, intakeOf('CSV')));
    expect(files).toMatchObject([{ kind: 'delimited', file: { path, ...known } }]);
    expect(await readFile(path, 'utf8')).toBe(text);
  });

  it('knows the texts of an archive as well as one that was downloaded', async () => {
    const path = join(dir, 'a.zip');
    const nul = Buffer.from('a;b\n\0;2\n');
    await writeFile(
      path,
      zipOf([
        { name: 'long.csv', bytes: Buffer.from(text), store: true },
        { name: 'nul.csv', bytes: nul },
      ]),
    );
    const files = await allOf(takeIn({ path, origin: 'a.zip' }, intakeOf('CSV')));
    expect(files).toMatchObject([
      { kind: 'delimited', file: { origin: 'a.zip!long.csv', ...known } },
      { kind: 'delimited', file: { origin: 'a.zip!nul.csv', plain: false } },
    ]);
  });
});
