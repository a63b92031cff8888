import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openDuckDB } from '../../src/engine/duckdb.js';
import type { Engine } from '../../src/engine/engine.js';
import { append, createTable } from '../../src/engine/load.js';
import { profile, type ProfileOptions } from '../../src/engine/profile.js';
import { typeOfProfile } from '../../src/inference.js';
import type { DelimitedRelation } from '../../src/relation.js';
import { ident, sql } from '../../src/sql.js';

let engine: Engine;
let folder: string;
let files = 0;

beforeAll(async () => {
  engine = await openDuckDB({ threads: 2 });
  folder = await mkdtemp(join(tmpdir(), 'profile-'));
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

async function relationOf(...texts: string[]): Promise<DelimitedRelation> {
  const local = await Promise.all(
    texts.map(async (text) => {
      const path = join(folder, `${++files}.csv`);
      await writeFile(path, text);
      return { path, origin: path };
    }),
  );
  return {
    kind: 'delimited',
    files: local,
    dialect: { delimiter: ',', quote: '"', escape: '"' },
    headers: ['a', 'b'],
    skipLines: 1,
    nullValues: [''],
  };
}

async function types(relation: DelimitedRelation, options: ProfileOptions = {}) {
  const profiles = await engine.session((session) => profile(session, relation, [0, 1], options));
  return profiles.map(typeOfProfile);
}

const decimal = (precision: number, scale: number) => ({
  type: 'DECIMAL',
  decimal: { precision, scale },
});

describe('profile', () => {
  it.each([
    [['1', '-2', '0', '2147483647'], { type: 'INTEGER' }],
    [['2147483648', '1'], { type: 'BIGINT' }],
    [['-9223372036854775808'], { type: 'BIGINT' }],
    [['9223372036854775808', '1'], decimal(38, 0)],
    [['1'.repeat(38)], decimal(38, 0)],
    [['1'.repeat(39)], { type: 'STRING' }],
    [['00501', '10001'], { type: 'STRING' }],
    [['+5', '6'], { type: 'STRING' }],
    [[' 5', '6'], { type: 'STRING' }],
    [['1', '2.5', '-.097'], decimal(18, 3)],
    [['-123456789012345.678'], decimal(18, 3)],
    [['1234567890123456.789'], decimal(38, 3)],
    [['9007199254740993', '0.1'], decimal(18, 1)],
    [['1.', '2'], { type: 'STRING' }],
    [['01.5'], { type: 'STRING' }],
    [['1e5', '2', '0.25'], { type: 'DOUBLE' }],
    [['1e5', '9007199254740993'], { type: 'STRING' }],
    [['1e5', '0.12345678901234567891'], { type: 'STRING' }],
    [['1e400'], { type: 'STRING' }],
    [['NaN'], { type: 'STRING' }],
    [['true', 'False', 'TRUE'], { type: 'BOOLEAN' }],
    [['true', '1'], { type: 'STRING' }],
    [['yes', 'no'], { type: 'STRING' }],
    [['2020-02-29', '1999-12-31'], { type: 'DATE' }],
    [['2020-02-30'], { type: 'STRING' }],
    [['28/01/2018'], { type: 'STRING' }],
    [['0000-01-01'], { type: 'STRING' }],
    [['10:30', '23:59:59.5'], { type: 'TIME' }],
    [['25:00'], { type: 'STRING' }],
    [['2020-02-29T10:00:00', '2020-02-29 10:00:00.123456'], { type: 'TIMESTAMP' }],
    [['2020-02-29T10:00:00.1234567'], { type: 'STRING' }],
    [['2020-02-29T10:00:00Z', '2020-02-29 10:00:00+05:30'], { type: 'TIMESTAMP_TZ' }],
    [['2020-02-29T10:00:00Z', '2020-02-29T10:00:00'], { type: 'STRING' }],
    [['2020-02-29', '2020-02-29T10:00:00'], { type: 'STRING' }],
    [[], { type: 'STRING' }],
  ])('%j', async (values, expected) => {
    const relation = await relationOf(`a,b\n${values.map((v) => `${v},\n`).join('')},\n`);
    const [decision, nulls] = await types(relation);
    expect(decision).toEqual(expected);
    expect(nulls).toEqual({ type: 'STRING' });
    expect(await types(relation, { sampleRows: 100 })).toEqual([decision, nulls]);

    // What was decided holds: the load takes every value.
    const table = `t${files}`;
    const columns = [
      { name: 'a', source: 'a', occurrence: 0, inferred: true, ...decision! },
      { name: 'b', source: 'b', occurrence: 0, inferred: true, ...nulls! },
    ];
    const rows = await engine.session(async (session) => {
      await createTable(session, { table, columns, fileName: false });
      await append(session, { table, columns, fileName: false }, relation, {
        badRows: 'FAIL',
        maxRejectedRows: 0,
      });
      return session.rows(sql`select a from ${ident(table)} where a is not null`);
    });
    expect(rows).toHaveLength(values.length);
  });

  it('looks at the rows that a load takes, where the engine refuses the file', async () => {
    const relation = await relationOf('a,b\n1,2\nx\n', 'a,b\n1,2\n1.5,2,long\n');
    expect(await types(relation)).toEqual([{ type: 'STRING' }, { type: 'INTEGER' }]);
    const ragged = await relationOf('a,b\n1,2\n', 'a,b\n1,2\nx,2,long\n3\n');
    expect(await types(ragged)).toEqual([{ type: 'INTEGER' }, { type: 'INTEGER' }]);
    expect((await readdir(folder)).filter((name) => name.endsWith('.exact'))).toEqual([]);
  });

  it('takes a sample even of files with damaged rows', async () => {
    const relation = await relationOf('a,b\n1,2\n"x"y,2\n3,4,5\n4\n');
    expect(await types(relation, { sampleRows: 3 })).toHaveLength(2);
  });
});
