import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { openDuckDB } from '../../src/engine/duckdb.js';
import { fromRows } from '../../src/engine/row-relation.js';
import type { Engine } from '../../src/engine/engine.js';
import { rowDialect } from '../../src/relation.js';
import { sql } from '../../src/sql.js';

let directory: string;
let engine: Engine;

beforeAll(async () => {
  engine = await openDuckDB({ memoryBytes: 200_000_000 });
});

afterAll(() => engine.close());

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bucketql-rows-'));
});

afterEach(() => rm(directory, { recursive: true }));

/** How many rows are read of a file of these texts, numbered from 0, the sum of the numbers and of the texts' lengths. */
async function readBack(texts: readonly string[], longest: number) {
  const path = join(directory, 'rows');
  const content = texts.map((text, n) => `${n}${rowDialect.delimiter}${text}\n`).join('');
  await writeFile(path, content);
  const file = { path, origin: 'a.json', rows: texts.length, bytes: content.length };
  const read = fromRows({
    kind: 'rows',
    files: [{ ...file, maxLineBytes: longest, columns: [] }],
    headers: ['a'],
  });
  const [got] = await engine.read((session) =>
    session.rows(
      sql`select count(*) as n, sum(line)::bigint as numbers, sum(strlen(c0))::bigint as length from ${read}`,
    ),
  );
  return got;
}

it.each([1, 262_145, 299_999, 400_003, 999_983])(
  'reads all rows of a file that is longer than its buffer when the longest line has %d bytes',
  async (longest) => {
    // 18 MB: the longest buffer has 16.
    const texts = Array.from({ length: 40_000 }, (_, n) => 'x'.repeat(n % 900));
    expect(await readBack(texts, longest)).toEqual({
      n: BigInt(texts.length),
      numbers: BigInt((texts.length * (texts.length - 1)) / 2),
      length: BigInt(texts.join('').length),
    });
  },
);

it('reads a long row with a buffer of twice its length, not of many times that', async () => {
  const long = 'x'.repeat(20_000_000);
  expect(await readBack([long], long.length + 2)).toEqual({
    n: 1n,
    numbers: 0n,
    length: BigInt(long.length),
  });
});
