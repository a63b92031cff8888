import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openDuckDB } from '../../src/engine/duckdb.js';
import type { Engine } from '../../src/engine/engine.js';
import { firstMisfit } from '../../src/engine/first-misfit.js';
import type { LoadColumn } from '../../src/engine/load-target.js';
import type { DelimitedRelation } from '../../src/relation.js';

let engine: Engine;
let folder: string;

beforeAll(async () => {
  engine = await openDuckDB({ threads: 2 });
  folder = await mkdtemp(join(tmpdir(), 'misfit-'));
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

async function misfit(texts: readonly string[], more: Partial<LoadColumn> = {}, footerLines = 0) {
  const files = await Promise.all(
    texts.map(async (text, index) => {
      const path = join(folder, `${index}.csv`);
      await writeFile(path, text);
      return { path, origin: `drop/${index}.csv` };
    }),
  );
  const relation: DelimitedRelation = {
    kind: 'delimited',
    files,
    dialect: { delimiter: ',', quote: '"', escape: '"' },
    headers: ['id', 'x', 'x'],
    skipLines: 1,
    footerLines,
    nullValues: [''],
  };
  const column: LoadColumn = {
    name: 'x_2',
    source: 'x',
    occurrence: 1,
    type: 'INTEGER',
    inferred: true,
    ...more,
  };
  return engine.session((session) => firstMisfit(session, relation, column));
}

describe('firstMisfit', () => {
  const head = 'id,x,x\n';

  it('names file, line and text of the first value that the type does not hold', async () => {
    const good = head + '1,a,1\n'.repeat(5000);
    const late = head + '1,"two\nlines",2\n'.repeat(5000) + '1,b,n/a\n1,b,2.5\n';
    expect(await misfit([good, late, late])).toEqual({
      file: 'drop/1.csv',
      line: 10_002,
      value: 'n/a',
    });
    expect((await readdir(folder)).filter((name) => name.endsWith('.exact'))).toEqual([]);
  });

  it('passes over rows that a load rejects, and footers', async () => {
    expect(await misfit([`${head}1,a,x,surplus\n1,a,00501\n`])).toEqual({
      file: 'drop/0.csv',
      line: 3,
      value: '00501',
    });
    expect(await misfit([`${head}1,a,1\nend,of,file\n`], {}, 1)).toBeUndefined();
  });

  it('finds nothing where every text fits, in texts, and in columns that are not there', async () => {
    expect(await misfit([`${head}1,a,1\n2,b,\n`])).toBeUndefined();
    expect(await misfit([`${head}1,a,b\n`], { type: 'STRING' })).toBeUndefined();
    expect(await misfit([`${head}1,a,b\n`], { source: 'y' })).toBeUndefined();
  });
});
