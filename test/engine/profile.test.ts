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

describe('what a text becomes', () => {
  it.each<[string, [type: string, value: unknown]]>([
    // numbers
    ['7', ['INTEGER', '7']],
    ['-0', ['INTEGER', '0']],
    ['2147483648', ['BIGINT', '2147483648']],
    ['9007199254740993', ['BIGINT', '9007199254740993']],
    ['12345678901234567890', ['DECIMAL', '12345678901234567890']],
    ['.5', ['DECIMAL', '0.5']],
    ['-.5', ['DECIMAL', '-0.5']],
    ['1.10', ['DECIMAL', '1.10']],
    ['1e5', ['DOUBLE', '100000.0']],
    ['1.5E-3', ['DOUBLE', '0.0015']],
    ['-2e+2', ['DOUBLE', '-200.0']],
    ['1.7976931348623157e308', ['DOUBLE', '1.7976931348623157e+308']],
    ...[
      ...[
        '+5',
        '5.',
        '1e400',
        '1e-400',
        'NaN',
        'inf',
        'Infinity',
        '-inf',
        '0x10',
        '1_000',
        '1,000',
      ],
      ...['00501', '01.5', '-01', ' 5', '5 ', '1e', 'e5', '--1', '1-', '.', '-', '-.', '1.2.3'],
      ...[
        '١٢',
        '１２',
        '²',
        '1'.repeat(39),
        '0.' + '1'.repeat(39),
        '12345678901234567890e0',
        '5%',
        '$5',
      ],
      ...['1 000', '1\u00a0000', '1e5.5', '0b1', '1f', '1d', '9'.repeat(400), '1e99999999999'],
    ].map((value): [string, [string, unknown]] => [value, ['STRING', value]]),
    // booleans
    ...['true', 'True', 'TRUE'].map((value): [string, [string, unknown]] => [
      value,
      ['BOOLEAN', 'true'],
    ]),
    ['False', ['BOOLEAN', 'false']],
    ...['t', 'f', 'yes', 'no', 'y', 'N', 'on', 'off', 'tRUE', ' true', 'true '].map(
      (value): [string, [string, unknown]] => [value, ['STRING', value]],
    ),
    // dates and times
    ['2020-02-29', ['DATE', '2020-02-29']],
    ['0001-01-01', ['DATE', '0001-01-01']],
    ['9999-12-31', ['DATE', '9999-12-31']],
    ['10:30', ['TIME', '10:30:00']],
    ['10:30:15', ['TIME', '10:30:15']],
    ['10:30:15.123456', ['TIME', '10:30:15.123456']],
    ['2015-01-01 01:00', ['TIMESTAMP', '2015-01-01 01:00:00']],
    ['2015-01-01T01:00', ['TIMESTAMP', '2015-01-01 01:00:00']],
    ['2015-01-01T01:00:15', ['TIMESTAMP', '2015-01-01 01:00:15']],
    ['2015-01-01 01:00:15.5', ['TIMESTAMP', '2015-01-01 01:00:15.5']],
    ['0001-01-01 00:00:00', ['TIMESTAMP', '0001-01-01 00:00:00']],
    ['9999-12-31T23:59:59.999999', ['TIMESTAMP', '9999-12-31 23:59:59.999999']],
    ['2015-01-01T01:00:15Z', ['TIMESTAMP_TZ', '2015-01-01 01:00:15+00']],
    ['2015-01-01T01:00Z', ['TIMESTAMP_TZ', '2015-01-01 01:00:00+00']],
    ['2015-01-01 01:00+02:00', ['TIMESTAMP_TZ', '2014-12-31 23:00:00+00']],
    ['2015-01-01 01:00:15+02:00', ['TIMESTAMP_TZ', '2014-12-31 23:00:15+00']],
    ['2015-01-01T01:00:15-0330', ['TIMESTAMP_TZ', '2015-01-01 04:30:15+00']],
    ['2015-01-01T01:00:15+02', ['TIMESTAMP_TZ', '2014-12-31 23:00:15+00']],
    ['2015-01-01T01:00:15.123456+00:00', ['TIMESTAMP_TZ', '2015-01-01 01:00:15.123456+00']],
    ...[
      ...['2020-02-30', '2019-02-29', '0000-01-01', '10000-01-01', '-0001-01-01', '+2020-01-01'],
      ...['2020-1-5', '2020/01/05', '28/01/2018', '2020-01', '2020-W01-1', '2020-001'],
      ...[
        '24:00',
        '24:00:00',
        '10:60',
        '10:30:60',
        '1:30',
        '10:30:15.1234567',
        '10:30Z',
        '10:30:15,5',
      ],
      ...[
        '2015-01-01 24:00:00',
        '2015-01-01T23:59:60',
        '2015-01-01T23:59:60Z',
        '2015-01-01T',
        '2015-01-01 1:00',
      ],
      ...[
        '2015-01-01T01:00:15.1234567',
        '2015-01-01T01:00:15.123456789Z',
        '2015-01-01  01:00',
        '2015-01-01_01:00',
      ],
      ...[
        '2015-01-01T01:00:15 Z',
        '2015-01-01T01:00:15+2',
        '2015-01-01T01:00:15+02:00:00',
        '2015-01-01T01:00:15+25:00',
      ],
      ...[
        '2015-01-01T01:00:15 UTC',
        '2015-01-01T01:00:15+02:60',
        '2015-01-01T01:00:15.',
        '0000-12-31T23:00:00Z',
      ],
      ...[
        'infinity',
        'epoch',
        'now',
        'today',
        '2015-01-01 (BC)',
        '2015-01-01t01:00:15z',
        '2015-02-30T01:00:00',
      ],
    ].map((value): [string, [string, unknown]] => [value, ['STRING', value]]),
  ])('%j', async (value, [type, expected]) => {
    // The first column decides by this text alone.
    const quoted = `"${value}"`;
    const relation = await relationOf(`a,b\n${quoted},x\n`);
    const [decision] = await types(relation);
    expect(await types(relation, { sampleRows: 10 })).toEqual([decision, { type: 'STRING' }]);
    const table = `t${files}`;
    const columns = [{ name: 'a', source: 'a', occurrence: 0, inferred: true, ...decision! }];
    const target = { table, columns, fileName: false };
    const rows = await engine.session(async (session) => {
      await createTable(session, target);
      await append(session, target, relation, { badRows: 'FAIL', maxRejectedRows: 0 });
      return session.rows(sql`select a::varchar as a from ${ident(table)}`);
    });
    expect([decision?.type, rows[0]?.a]).toEqual([type, expected]);
  });

  it('keeps every digit of numbers of several kinds', async () => {
    const relation = await relationOf('a,b\n9007199254740993,1e5\n0.1,0.1\n-0,3\n');
    const decisions = await types(relation);
    expect(decisions.map((decision) => decision.type)).toEqual(['DECIMAL', 'DOUBLE']);
  });
});
