import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openDuckDB } from '../../src/engine/duckdb.js';
import type { Engine } from '../../src/engine/engine.js';
import { append, createTable, type LoadColumn } from '../../src/engine/load.js';
import { RowWriter, type RowWriterOptions } from '../../src/pipeline/row-writer.js';
import type { RowFile } from '../../src/relation.js';
import { sql } from '../../src/sql.js';

describe('the writer of rows', () => {
  let dir: string;
  let engine: Engine;
  let made = 0;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'bucketql-rows-'));
    engine = await openDuckDB();
  });
  afterAll(async () => {
    await engine.close();
    await rm(dir, { recursive: true, force: true });
  });

  function write(
    rows: (writer: RowWriter) => void,
    options: Partial<RowWriterOptions> = {},
  ): { files: RowFile[]; writer: RowWriter } {
    const files: RowFile[] = [];
    const name = `w${made++}`;
    const writer = new RowWriter({
      origin: 'in.json',
      path: (n) => join(dir, `${name}-${n}`),
      limits: { maxColumns: 2000, maxCellBytes: 1 << 26 },
      badRows: 'REJECT',
      maxRejectedRows: 10,
      onFile: (file) => files.push(file),
      ...options,
    });
    rows(writer);
    writer.end();
    return { files, writer };
  }

  /** What the engine reads of the files, as texts. */
  async function read(files: readonly RowFile[]): Promise<(string | null)[][]> {
    const widest = files.at(-1)?.columns ?? [];
    const columns = widest.map(({ source, occurrence }, position): LoadColumn => ({
      name: `c${position}`,
      source,
      occurrence,
      type: 'STRING',
      inferred: true,
    }));
    return engine.session(async (session) => {
      await createTable(session, { table: 'rows', columns, fileName: false });
      try {
        for (const file of files) {
          const headers = file.columns.map(({ source }) => source);
          const options = { badRows: 'FAIL', maxRejectedRows: 0 } as const;
          const target = { table: 'rows', columns, fileName: false };
          const relation = { kind: 'rows', files: [file], headers } as const;
          const loaded = await append(session, target, relation, options);
          expect(loaded.rows).toBe(file.rows);
        }
        const found = await session.rows(sql`select * from rows`);
        return found.map((row) => Object.values(row) as (string | null)[]);
      } finally {
        await session.run(sql`drop table rows`);
      }
    });
  }

  const awkward = [
    null,
    '',
    ' ',
    'a',
    'a,b',
    '"',
    '""',
    "'",
    '\\',
    '\n',
    '\r',
    '\r\n',
    'a\nb\r\nc',
    '\x1f',
    '\x02',
    '\x02\x02x',
    'x\x1fy\x02z\n',
    '\t',
    'é€😀',
    'a\ufeff',
    'NULL',
    '\u0085',
    ' \x02 ',
    'x'.repeat(70_000),
  ];

  it('gives every text back, whether it came as text or as bytes', async () => {
    const rows: (string | null)[][] = [];
    for (const first of awkward) {
      for (const second of awkward) rows.push([first, second, 'end']);
    }
    const { files, writer } = write((sink) => {
      for (const [index, row] of rows.entries()) {
        for (const [column, text] of row.entries()) {
          sink.column(String(column));
          if (text === null) continue;
          if ((index + column) % 2 === 0) sink.text(column, text);
          else {
            const bytes = Buffer.from(`<${text}>`);
            sink.bytes(column, bytes, 1, bytes.length - 1);
          }
        }
        sink.endRow(index + 1);
      }
    });
    expect(writer.rejected).toEqual([]);
    expect(await read(files)).toEqual(rows);
  });

  it('fills up rows that came before a column, in memory and in narrower files', async () => {
    const rows: (string | null)[][] = [];
    const { files } = write(
      (sink) => {
        for (let row = 0; row < 60; row++) {
          // A new column every tenth row, and texts so long that several rows fill a buffer.
          const cells: (string | null)[] = [];
          for (let column = 0; column <= row / 10; column++) {
            const text =
              column % 2 === 1 && row % 3 === 0 ? null : `${row}.${column}\n${'y'.repeat(40_000)}`;
            if (text !== null) sink.text(sink.column(`c${column}`), text);
            else sink.column(`c${column}`);
            cells.push(text);
          }
          rows.push(cells);
          sink.endRow(row + 1);
        }
      },
      { fileBytes: 2_000_000 },
    );
    expect(files.length).toBeGreaterThan(2);
    expect(files.reduce((sum, file) => sum + file.rows, 0)).toBe(60);
    const wide = rows.map((cells) =>
      Array.from({ length: 6 }, (_, column) => cells[column] ?? null),
    );
    expect(await read(files)).toEqual(wide);
  });

  it('begins another file after some rows, wherever they stand in its buffer', async () => {
    const rows = Array.from({ length: 100 }, (_, row) => [
      String(row),
      row < 45 ? null : 'x'.repeat(row % 2 === 0 ? 1 : 30_000),
    ]);
    const { files } = write(
      (sink) => {
        rows.forEach(([first, second], index) => {
          sink.text(sink.column('a'), first ?? '');
          // The second column appears within a file.
          if (second !== null && second !== undefined) sink.text(sink.column('b'), second);
          sink.endRow(index + 1);
        });
      },
      { fileRows: 20 },
    );
    expect(files.map((file) => file.rows)).toEqual([20, 20, 20, 20, 20]);
    expect(await read(files)).toEqual(rows);
  });

  it('sets rows aside for NUL and for length, with their column, and goes on', () => {
    const { files, writer } = write(
      (sink) => {
        const a = sink.column('a');
        const b = sink.column('b');
        sink.text(a, '1');
        sink.text(b, 'x\0y');
        sink.endRow(1);
        sink.text(a, '2');
        sink.endRow(2);
        const long = Buffer.from('z'.repeat(101));
        sink.bytes(b, long, 0, long.length);
        sink.endRow(3);
      },
      { limits: { maxColumns: 2000, maxCellBytes: 100 } },
    );
    expect(files.map(({ rows }) => rows)).toEqual([1]);
    expect(writer.rejected).toMatchObject([
      { line: 1, column: 'b', value: 'x\ufffdy', reason: 'The value has a NUL character' },
      { line: 3, column: 'b', reason: expect.stringContaining('BUCKETQL_MAX_CELL_BYTES') },
    ]);
  });

  it('tells columns of lists and objects from others', () => {
    const { files } = write((sink) => {
      sink.json(sink.column('only lists'), '[1]');
      sink.json(sink.column('mixed'), '{}');
      sink.column('never');
      sink.endRow(1);
      sink.text(sink.column('mixed'), 'x');
      sink.endRow(2);
    });
    expect(files[0]?.columns.map(({ source, kind }) => [source, kind])).toEqual([
      ['only lists', 'nested'],
      ['mixed', 'text'],
      ['never', undefined],
    ]);
  });

  it('ends at its limits', () => {
    const many = (sink: RowWriter) => {
      for (let column = 0; column < 3; column++) sink.column(`c${column}`);
    };
    expect(() => write(many, { limits: { maxColumns: 2, maxCellBytes: 9 } })).toThrow(
      expect.objectContaining({ code: 'TOO_MANY_COLUMNS' }),
    );
    const bad = (sink: RowWriter) =>
      sink.reject({ record: 1, column: null, value: null, reason: 'no', raw: 'x' });
    expect(() => write(bad, { badRows: 'FAIL' })).toThrow(
      expect.objectContaining({ code: 'MALFORMED_ROW' }),
    );
    expect(() => write(bad, { maxRejectedRows: 0 })).toThrow(
      expect.objectContaining({ code: 'TOO_MANY_REJECTED_ROWS' }),
    );
  });
});
