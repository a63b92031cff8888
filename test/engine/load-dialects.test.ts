import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { scanFile } from '../../src/delimited-file.js';
import { parseFile } from '../../src/delimited-parse.js';
import { openDuckDB } from '../../src/engine/duckdb.js';
import type { Engine } from '../../src/engine/engine.js';
import { append, createTable } from '../../src/engine/load.js';
import type { DelimitedDialect, DelimitedRelation } from '../../src/relation.js';
import { ident, sql } from '../../src/sql.js';
import { randomFrom } from '../support/random.js';

let engine: Engine;
let folder: string;

beforeAll(async () => {
  engine = await openDuckDB({ threads: 2 });
  folder = await mkdtemp(join(tmpdir(), 'dialects-'));
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

const headers = ['a', 'b', 'c'];

/** A random table in a random dialect, and what a reader must make of it. */
function generate(seed: number, exotic: boolean) {
  const random = randomFrom(seed);
  const quote = exotic ? random.pick(['«', '“', '😀', "'"]) : random.pick(['"', "'", '"', '']);
  const dialect: DelimitedDialect = {
    delimiter: exotic
      ? random.pick(['<=>--', '|~~~|', '§§§', '—|—'])
      : random.pick([',', ';', '\t', '|', '||', '~^~', ' ', '§']),
    quote,
    escape:
      quote === '' ? '' : random.pick([quote, exotic ? '\\\\' : '\\', exotic ? '¬' : quote, '']),
  };
  const { delimiter, escape } = dialect;
  const end = random.pick(['\n', '\r\n', '\r']);
  const marks = [delimiter, quote, escape].filter((mark) => mark !== '');
  const pieces = ['a', 'é', '字', ' ', '0', 'word', delimiter, quote, escape, end];
  const field = () => {
    let text = Array.from({ length: random(5) }, () => random.pick(pieces)).join('');
    const bare = (mark: string) => text.includes(mark.charAt(0));
    // Outside quotes only what needs none; spaces beside quotes are forgiven and so cannot be compared.
    const plain = !/[\r\n"'\\]/.test(text) && !marks.some(bare) && text.trim() !== '';
    if (quote === '' || (plain && random.oneIn(2))) return plain ? [text, text] : ['x', 'x'];
    if (escape === '') {
      text = text.replaceAll(quote, '');
      return [text, quote + text + quote];
    }
    // An escape of several characters takes one character as it is, so it cannot escape itself.
    if ([...escape].length > 1) text = text.replaceAll([...escape][0] ?? '', '');
    let inner = text;
    if (escape !== quote) inner = inner.replaceAll(escape, escape + escape);
    return [text, quote + inner.replaceAll(quote, escape + quote) + quote];
  };
  const records = Array.from({ length: 1 + random(30) }, () => headers.map(field));
  const lines = records.map((record) => record.map(([, written]) => written).join(delimiter));
  return {
    dialect,
    end,
    text: lines.join(end) + (random.oneIn(2) ? end : ''),
    rows: records.map((record) => record.map(([text]) => text)),
  };
}

let tables = 0;

/** Loads a text, or as many files with it. */
async function load(
  text: string | Buffer,
  dialect: DelimitedDialect,
  { footerLines = 0, copies = 1 } = {},
) {
  const name = `t${++tables}`;
  const paths = Array.from({ length: copies }, (_, copy) => join(folder, `${name}.${copy}`));
  for (const path of paths) await writeFile(path, text);
  const relation: DelimitedRelation = {
    kind: 'delimited',
    files: paths.map((path) => ({ path, origin: 'a.csv' })),
    dialect,
    headers,
    skipLines: 0,
    footerLines,
    nullValues: [],
  };
  const columns = headers.map((header) => ({
    name: header,
    source: header,
    occurrence: 0,
    type: 'STRING' as const,
    inferred: false,
  }));
  const target = { table: name, columns, fileName: false };
  return engine.session(async (session) => {
    await createTable(session, target);
    const options = { badRows: 'REJECT', maxRejectedRows: 100 } as const;
    const { rejected, shortRows } = await append(session, target, relation, options);
    const rows = await session.rows(sql`from ${ident(name)} order by rowid`);
    await session.run(sql`drop table ${ident(name)}`);
    return { rows: rows.map(({ a, b, c }) => [a, b, c]), rejected, shortRows };
  });
}

/** Fields as csv-parse tells them apart, by our streaming way to use it. */
async function parsed(text: string, dialect: DelimitedDialect) {
  const path = join(folder, 'parsed');
  await writeFile(path, text);
  const found: (readonly string[])[] = [];
  const options = { origin: 'a.csv', dialect, width: headers.length, skipLines: 0 };
  await parseFile(path, options, ({ fields, fault }) => {
    expect(fault).toBeNull();
    found.push(fields);
  });
  return found;
}

describe('append on generated dialects', () => {
  it('reads the same rows by the engine, by the exact copy and by csv-parse', async () => {
    for (let seed = 1; seed <= 150; seed++) {
      const { dialect, end, text, rows } = generate(seed, false);
      const reference = parse(text, {
        delimiter: dialect.delimiter,
        quote: dialect.quote === '' ? false : dialect.quote,
        escape: dialect.escape === '' ? false : dialect.escape,
        record_delimiter: end,
        skip_empty_lines: true,
      });
      expect({ seed, text, rows: reference }).toEqual({ seed, text, rows });
      expect({ seed, text, rows: await parsed(text, dialect) }).toEqual({ seed, text, rows });
      const fast = await load(text, dialect);
      expect({ seed, text, ...fast }).toEqual({ seed, text, rows, rejected: [], shortRows: 0 });
      // A footer is left out by the exact reading only.
      const footed = (text.endsWith(end) ? text : text + end) + 'footer';
      const exact = await load(footed, dialect, { footerLines: 1 });
      expect({ seed, text, ...exact }).toEqual({ seed, text, rows, rejected: [], shortRows: 0 });
    }
  });

  it('reads dialects that the engine cannot express', async () => {
    for (let seed = 1; seed <= 100; seed++) {
      const { dialect, text, rows } = generate(seed, true);
      const found = await load(text, dialect);
      expect({ seed, dialect, text, ...found }).toEqual({
        seed,
        dialect,
        text,
        rows,
        rejected: [],
        shortRows: 0,
      });
    }
  });
});

/** A text whose quotes stand where they should not. */
function damaged(seed: number) {
  const random = randomFrom(seed);
  const delimiter = random.pick([',', ';;']);
  const dialect = { delimiter, quote: '"', escape: random.pick(['"', '\\']) };
  const end = random.pick(['\n', '\n', '\r\n', '\r']);
  const fields = ['a', '', '""', '"b"', `"x${end}y"`, `"p${delimiter}q"`, ' c', '"d"  '];
  const pieces = ['"', '"', '""', '  "', delimiter, end, 'a', ' ', 'b', '\\'];
  const some = (most: number) =>
    Array.from({ length: random(most) }, () => random.pick(pieces)).join('');
  const good = () => headers.map(() => random.pick(fields)).join(delimiter);
  const lines = Array.from({ length: random(5) }, () => (random.oneIn(4) ? some(9) : good()));
  const text = lines.join(end) + (random.oneIn(2) ? end : '') + (random.oneIn(3) ? some(6) : '');
  return { dialect, end, text };
}

describe('append on damaged texts', () => {
  it('loses nothing, whether the engine reads one file or many', async () => {
    for (let seed = 1; seed <= 300; seed++) {
      const { dialect, end, text } = damaged(seed);
      const footed = `${text}${text.endsWith(end) ? '' : end}footer`;
      const exact = await load(footed, dialect, { footerLines: 1 });
      const one = await load(text, dialect);
      expect({ seed, text, rows: one.rows }).toEqual({ seed, text, rows: exact.rows });
      expect({ seed, text, bad: one.rejected.length }).toEqual({
        seed,
        text,
        bad: exact.rejected.length,
      });
      // The engine reads so many with one thread each, and says less of what is wrong.
      const many = await load(text, dialect, { copies: 5 });
      const rows = Array.from({ length: 5 }, () => exact.rows).flat();
      expect({ seed, text, rows: many.rows }).toEqual({ seed, text, rows });
      expect({ seed, bad: many.rejected.length }).toEqual({ seed, bad: 5 * exact.rejected.length });
    }
  });

  const plain = { delimiter: ';', quote: '"', escape: '"' };
  const exotic = { delimiter: '<;;;;>', quote: '«', escape: '«' };
  const translate = (text: string) => text.replaceAll(';', '<;;;;>').replaceAll('"', '«');

  it.each([
    ['missing and surplus fields', '1;2;3\n4;5\n6\n7;8;9;10\n11;12;13;;\n14;15;16;"";\n'],
    ['empty lines and empty cells', '\n1;2;3\n\n\r\n;;\n"";"";""\n4;5;6'],
    ['text behind a closing quote', '1;2;3\n4;"x"y;6\n7;8;9\n"""a""";"b""c";d\n"""a"b;1;2\n'],
    ['a quote closed too late', '1;"x\n2;3;4\n5;6"7;8\n9;10;11\n'],
    ['quotes inside plain fields', '1;a"b;3\n4;5"";6\n'],
    ['line ends in quotes', '"a\nb";2;3\n4;"c\r\nd";6\n7;"e\rf";9\n10;11;12;13\n'],
    ['CR line ends', '1;2;3\r"a\rb";5;6\r\r7;8;9;10\r'],
    ['a CR at the end', '1;2;3\n4;5;6\r'],
    ['NUL bytes', '1;2;3\n4;\0;6\n7;8;9\n'],
    ['bytes that are no UTF-8', '1;2;3\n4;\xff;6\n7;8;9\n'],
    ['a byte order mark', '\xef\xbb\xbf1;2;3\n'],
  ])('sets the same rows aside by csv-parse as by the exact copy: %s', async (_, text) => {
    const bytes = Buffer.from(text, 'latin1');
    const other = Buffer.concat(
      [...bytes].map((byte) =>
        byte < 0x80 ? Buffer.from(translate(String.fromCharCode(byte))) : Buffer.from([byte]),
      ),
    );
    const expected = await load(bytes, plain);
    const found = await load(other, exotic);
    expect(found.rows).toEqual(
      expected.rows.map((row) =>
        row.map((cell) => (cell === null ? null : translate(String(cell)))),
      ),
    );
    expect(found.shortRows).toBe(expected.shortRows);
    const place = (rejected: typeof found.rejected) =>
      rejected.map(({ line, reason }) => [line, reason]);
    expect(place(found.rejected)).toEqual(place(expected.rejected));
    expect(found.rejected.map(({ raw }) => raw)).toEqual(
      expected.rejected.map(({ raw }) => translate(raw ?? '')),
    );
  });

  it('sets a row aside where spaces stand in front of a quote, which csv-parse takes for text', async () => {
    const { rows, rejected } = await load(translate('1;2;3\n4; "5";6\n7; 8;9\n'), exotic);
    expect(rows).toEqual([
      ['1', '2', '3'],
      ['7', ' 8', '9'],
    ]);
    expect(rejected).toMatchObject([{ line: 2, reason: expect.stringContaining('spaces') }]);
  });

  it('sets the line aside whose quote is never closed, and names the limit of one too long', async () => {
    const open = '1;2;3\n4;"5;6\n' + '7;8;9\n'.repeat(50_000);
    for (const [text, dialect] of [
      [open, plain],
      [translate(open), exotic],
    ] as const) {
      const { rows, rejected } = await load(text, dialect);
      expect(rows).toHaveLength(50_001);
      expect(rows.at(-1)).toEqual(['7', '8', '9']);
      expect(rejected).toMatchObject([
        { line: 2, reason: expect.stringContaining('never closed') },
      ]);
    }
    const path = join(folder, 'long');
    const refused = (text: string, escape = '"') =>
      writeFile(path, text).then(() => {
        const dialect = { ...plain, escape };
        const limits = { origin: 'a.csv', width: 3, skipLines: 0, maxRecordBytes: 1_000_000 };
        return expect(scanFile(path, { ...limits, dialect }, () => undefined)).rejects;
      });
    for (const bytes of [1_000_001, 1_999_999, 2 ** 20 * 2, 5_000_000, 2 ** 20 * 8]) {
      const long = 'x\n""'.repeat(bytes / 4);
      const closed = { code: 'CELL_TOO_LONG', details: { line: 2 } };
      await (await refused(`1;2;3\n4;"${long}";6\n`)).toMatchObject(closed);
      await (await refused(`1;2;3\n4;5;"${long}"`)).toMatchObject(closed);
      const other = long.replaceAll('""', '\\"');
      await (await refused(`1;2;3\n4;"${other}"  ;6\n`, '\\')).toMatchObject(closed);
      const open = { code: 'MALFORMED_ROW', details: { line: 2 } };
      await (await refused(`1;2;3\n4;"${long}`)).toMatchObject(open);
      await (await refused(`1;2;3\n4;"${long};6\n7;"b";9\n`)).toMatchObject(open);
      await (await refused(`1;2;3\n4;"${other};6\n7;"b";9\n`, '\\')).toMatchObject(open);
    }
    await writeFile(path, translate(`1;2;3\n4;${'x'.repeat(3_000_000)};6\n`));
    const options = {
      origin: 'a.csv',
      dialect: exotic,
      width: 3,
      skipLines: 0,
      maxRecordBytes: 1_000_000,
    };
    await expect(parseFile(path, options, () => undefined)).rejects.toMatchObject({
      code: 'CELL_TOO_LONG',
      message: expect.stringContaining('BUCKETQL_MAX_CELL_BYTES'),
      details: { file: 'a.csv', line: 2, limit: 1_000_000 },
    });
    await expect(
      scanFile(path, { ...options, dialect: plain }, () => undefined),
    ).rejects.toMatchObject({ code: 'CELL_TOO_LONG', details: { line: 2 } });
  });
});
