import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openDuckDB } from '../../src/engine/duckdb.js';
import type { Engine } from '../../src/engine/engine.js';
import { append, createTable } from '../../src/engine/load.js';
import {
  delimitedRelation,
  layoutDelimited,
  type DelimitedOptions,
} from '../../src/formats/delimited.js';
import { ident, sql } from '../../src/sql.js';

let engine: Engine;
let folder: string;
let tables = 0;

beforeAll(async () => {
  engine = await openDuckDB({ threads: 2 });
  folder = await mkdtemp(join(tmpdir(), 'faults-'));
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

/** Headers, rows and lines of rejected rows, as an import without types would have them. */
async function read(text: string | Buffer, options: DelimitedOptions = {}) {
  const bytes = Buffer.from(text as string);
  const source = { origin: 'a.csv', complete: true, type: 'CSV' } as const;
  const layout = layoutDelimited(bytes, source, options);
  if (!layout) return { headers: [], rows: [], rejected: [], short: 0, warnings: [] };
  const table = `t${++tables}`;
  const path = join(folder, table);
  await writeFile(path, bytes);
  const relation = delimitedRelation(layout, [{ path, origin: 'a.csv' }], options);
  const seen = new Map<string, number>();
  const columns = layout.headers.map((header, position) => {
    const occurrence = seen.get(header) ?? 0;
    seen.set(header, occurrence + 1);
    return { name: `c${position}`, source: header, occurrence, type: 'STRING', inferred: false };
  });
  const target = { table, fileName: false, columns: columns as never };
  return engine.session(async (session) => {
    await createTable(session, target);
    const result = await append(session, target, relation, {
      badRows: 'REJECT',
      maxRejectedRows: 100,
    });
    const rows = await session.rows(sql`from ${ident(table)} order by rowid`);
    return {
      headers: layout.headers,
      rows: rows.map((row) => Object.values(row).join('|')),
      rejected: result.rejected.map(({ line }) => line),
      short: result.shortRows,
      warnings: layout.warnings,
    };
  });
}

const good = ['1|a|x', '2|b|y', '3|c|z'];

/** Files with one fault each, after the kinds of the Pollock benchmark (VLDB 2023): every row is right or reported. */
const faults: readonly (readonly [
  what: string,
  text: string,
  expected: { rows?: string[]; rejected?: number[]; short?: number; headers?: string[] },
  options?: DelimitedOptions,
])[] = [
  ['nothing', 'i,n,v\n1,a,x\n2,b,y\n3,c,z\n', {}],
  ['no line end at the end', 'i,n,v\n1,a,x\n2,b,y\n3,c,z', {}],
  ['CRLF', 'i,n,v\r\n1,a,x\r\n2,b,y\r\n3,c,z\r\n', {}],
  ['CR', 'i,n,v\r1,a,x\r2,b,y\r3,c,z\r', {}],
  ['CRLF in some rows', 'i,n,v\n1,a,x\r\n2,b,y\n3,c,z\r\n', {}],
  ['a tab for the delimiter', 'i\tn\tv\n1\ta\tx\n2\tb\ty\n3\tc\tz\n', {}],
  ['a semicolon for the delimiter', 'i;n;v\n1;a;x\n2;b;y\n3;c;z\n', {}],
  ['two characters for the delimiter', 'i||n||v\n1||a||x\n2||b||y\n3||c||z\n', {}],
  [
    'five for the delimiter',
    'i<--->n<--->v\n1<--->a<--->x\n2<--->b<--->y\n3<--->c<--->z\n',
    {},
    { delimiter: '<--->' },
  ],
  ['apostrophes for quotes', "i,n,v\n1,'a',x\n2,'b','y'\n3,c,z\n", {}, { quote: "'" }],
  ['guillemets for quotes', 'i,n,v\n1,»a»,x\n2,»b»,»y»\n3,c,z\n', {}, { quote: '»' }],
  ['all fields in quotes', '"i","n","v"\n"1","a","x"\n"2","b","y"\n"3","c","z"\n', {}],
  [
    'a backslash for the escape',
    'i,n,v\n1,a,"x\\",\\""\n',
    { rows: ['1|a|x","'] },
    { escape: '\\' },
  ],
  ['a byte order mark', '\ufeffi,n,v\n1,a,x\n2,b,y\n3,c,z\n', {}],
  [
    'a row with a cell less',
    'i,n,v\n1,a,x\n2,b\n3,c,z\n',
    { rows: ['1|a|x', '2|b|', '3|c|z'], short: 1 },
  ],
  [
    'a row with a cell more',
    'i,n,v\n1,a,x\n2,b,y,surplus\n3,c,z\n',
    { rows: ['1|a|x', '3|c|z'], rejected: [3] },
  ],
  ['a delimiter at the end of a row', 'i,n,v\n1,a,x\n2,b,y,\n3,c,z\n', {}],
  [
    'a delimiter at the end of every line',
    'i,n,v,\n1,a,x,\n2,b,y,\n',
    { headers: ['i', 'n', 'v', ''], rows: ['1|a|x|', '2|b|y|'] },
  ],
  [
    'a header with a cell less',
    'i,n\n1,a,x\n2,b,y\n',
    { headers: ['i', 'n'], rows: [], rejected: [2, 3] },
  ],
  [
    'a header with a cell more',
    'i,n,v,w\n1,a,x\n2,b,y\n',
    { headers: ['i', 'n', 'v', 'w'], rows: ['1|a|x|', '2|b|y|'], short: 2 },
  ],
  [
    'no header',
    '1,a,x\n2,b,y\n3,c,z\n',
    { headers: ['column0', 'column1', 'column2'] },
    { headers: false },
  ],
  ['a header of two lines', 'i,n,v\nno,text,text\n1,a,x\n2,b,y\n3,c,z\n', {}, { dataStartRow: 3 }],
  [
    'a header over lines',
    '"i","n","v\n(text)"\n1,a,x\n2,b,y\n3,c,z\n',
    { headers: ['i', 'n', 'v\n(text)'] },
  ],
  ['repeated headers', 'i,i,v\n1,a,x\n2,b,y\n3,c,z\n', { headers: ['i', 'i', 'v'] }],
  [
    'lines in front of the header',
    'Report, "all\n\ni,n,v\n1,a,x\n2,b,y\n3,c,z\n',
    {},
    { headerStartRow: 3 },
  ],
  [
    'lines behind the rows',
    'i,n,v\n1,a,x\n2,b,y\n3,c,z\nsum: "3\n(all)\n',
    {},
    { footerRowsToSkip: 2 },
  ],
  ['empty lines', '\ni,n,v\n\n1,a,x\n\n\n2,b,y\n3,c,z\n\n', {}],
  ['a second table', 'i,n,v\n1,a,x\n\nk,w\n7,8\n', { rows: ['1|a|x', 'k|w|', '7|8|'], short: 2 }],
  ['a quote inside a field', 'i,n,v\n1,a"b,x\n2,5" tall,y\n', { rows: ['1|a"b|x', '2|5" tall|y'] }],
  ['text behind a quote', 'i,n,v\n1,"a"b,x\n2,b,y\n', { rows: ['2|b|y'], rejected: [2] }],
  ['a quote mark too many', 'i,n,v\n1,"a"",x\n2,b,y\n3,"c",z\n', { rows: [], rejected: [2] }],
  ['spaces around quotes', 'i,n,v\n1, "a" ,x\n2,b,y\n3,c,z\n', {}],
  ['spaces around plain cells', 'i,n,v\n1, a ,x\n', { rows: ['1| a |x'] }],
  [
    'line ends in quotes',
    'i,n,v\n1,"a\nb",x\n2,"c\r\nd",y\n',
    { rows: ['1|a\nb|x', '2|c\r\nd|y'] },
  ],
  ['a NUL', 'i,n,v\n1,a,x\n2,\0,y\n3,c,z\n', { rows: ['1|a|x', '3|c|z'], rejected: [3] }],
  ['a vertical tab', 'i,n,v\n1,a\v,x\n', { rows: ['1|a\v|x'] }],
  ['nothing but a header', 'i,n,v\n', { rows: [] }],
  ['nothing at all', '', { headers: [], rows: [] }],
];

describe('files with one fault', () => {
  it.each(faults)('%s', async (_, text, expected, ...[options]) => {
    const { rows, rejected, short, headers } = await read(text, options);
    expect({ rows, rejected, short, headers }).toEqual({
      rows: expected.rows ?? good,
      rejected: expected.rejected ?? [],
      short: expected.short ?? 0,
      headers: expected.headers ?? ['i', 'n', 'v'],
    });
  });

  it('says so where title lines or missing names make all rows too wide', async () => {
    expect((await read('Report\ni,n,v\n1,a,x\n2,b,y\n')).warnings).toHaveLength(1);
    expect((await read('i,n\n1,a,x\n2,b,y\n')).warnings).toHaveLength(1);
  });

  it('sets the line of a quote aside that is never closed', async () => {
    const { rejected } = await read('i,n,v\n1,a,x\n2,"b,y\n3,c,z\n');
    expect(rejected).toEqual([3]);
  });
});
