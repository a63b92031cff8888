import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import type { Query } from '../../src/query/query.js';
import { integer, literal, sql } from '../../src/sql.js';
import { startForeignReaders, type ForeignReaders } from '../support/readers/foreign.js';
import { startWriter, type Writer } from '../support/writer.js';

const odd = [
  null,
  '',
  ' ',
  '..',
  'a/b',
  'a=b',
  '%2F',
  '%252F',
  '/',
  'Zürich 東京 🗼',
  'A',
  'a',
  '__HIVE_DEFAULT_PARTITION__',
  'it\'s "quoted"',
  'line\nbreak',
];

interface Manifest {
  readonly rows: number;
  readonly partitionBy: readonly string[];
  readonly objects: readonly {
    readonly key: string;
    readonly rows: number;
    readonly partition: Readonly<Record<string, string | null>>;
  }[];
}

describe('a result with partitionBy', () => {
  let writer: Writer;
  let readers: ForeignReaders;
  let query: Query;
  beforeAll(async () => {
    readers = startForeignReaders();
    writer = await startWriter();
    const values = odd.map((value) => (value === null ? sql`null` : literal(value)));
    const list = values.reduce((all, value) => sql`${all}, ${value}`);
    query = await writer.table(
      'odd',
      sql`select cast(i as integer) as id, v[1 + i % len(v)] as place, cast(2020 + i % 2 as integer) as year
        from range(300) as r(i), (select [${list}] as v)`,
      [
        { name: 'id', type: 'INTEGER' },
        { name: 'place', type: 'STRING' },
        { name: 'year', type: 'INTEGER' },
      ],
    );
  });
  afterAll(async () => {
    await readers.close();
    await writer.end();
  });
  const manifestOf = async (key: string) => JSON.parse(String(await writer.read(key))) as Manifest;

  it('has a folder for each value, however odd, with its rows in their order', async () => {
    const written = await writer.write(query, { path: 'odd', partitionBy: ['place'] });
    expect(written).toMatchObject({ rows: 300 });
    expect(written.objects).toHaveLength(odd.length);
    const manifest = await manifestOf('odd/_x.manifest.json');
    expect(manifest).toMatchObject({ rows: 300, partitionBy: ['place'] });
    for (const { key, rows, partition } of manifest.objects) {
      const found = parse<{ id: string; year: string }>(await writer.read(key), { columns: true });
      expect(Object.keys(found[0] ?? {})).toEqual(['id', 'year']);
      const at = odd.indexOf(partition.place ?? null);
      expect(found.map(({ id }) => Number(id))).toEqual(
        Array.from({ length: rows }, (_, n) => at + n * odd.length),
      );
    }
    const places = manifest.objects.map(({ partition }) => partition.place);
    expect(new Set(places)).toEqual(new Set(odd));
    const folders = new Set(
      manifest.objects.map(({ key }) => key.split('/').slice(0, -1).join('/')),
    );
    expect(folders.size).toBe(odd.length);
    for (const key of await writer.keys())
      expect(key.split('/')).toHaveLength(key.endsWith('.json') ? 2 : 3);
  });

  it('keeps the order of the query within each folder, and nests the folders', async () => {
    const ordered = {
      ...query,
      where: { kind: 'compare', column: 'place', operator: 'in', value: ['a', '..'] },
      orderBy: [{ column: 'id', descending: true, nulls: 'last' }],
    } as Query;
    const written = await writer.write(ordered, {
      path: 'nested',
      partitionBy: ['year', 'place'],
      format: 'NDJSON',
    });
    expect(written.objects.map(({ key }) => key)).toEqual([
      'nested/year=2020/place=../x.ndjson',
      'nested/year=2020/place=a/x.ndjson',
      'nested/year=2021/place=../x.ndjson',
      'nested/year=2021/place=a/x.ndjson',
    ]);
    for (const { key } of written.objects) {
      const ids = String(await writer.read(key))
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { id: number }).id);
      expect(ids).toEqual([...ids].sort((a, b) => b - a));
    }
  });

  it.each(['PARQUET', 'XML', 'JSON'])(
    'is numbered where there is a bound, as %s',
    async (format) => {
      const path = `numbered-${format}`;
      const written = await writer.write(query, {
        path,
        format,
        partitionBy: ['year'],
        maxFileBytes: 2 ** 20,
      });
      const end = format.toLowerCase();
      expect(written.objects.map(({ key }) => key)).toEqual([
        `${path}/year=2020/x-00001.${end}`,
        `${path}/year=2021/x-00001.${end}`,
      ]);
      expect(written.objects.map(({ rows }) => rows)).toEqual([150, 150]);
    },
  );

  it('is Parquet that has only the other columns, with their types', async () => {
    const written = await writer.write(query, {
      path: 'parquet',
      format: 'PARQUET',
      partitionBy: ['place'],
    });
    expect(written.objects).toHaveLength(odd.length);
    const { schema, rows } = await readers.parquet(await writer.read('parquet/place=../x.parquet'));
    expect(schema.map(({ name }) => name)).toEqual(['id', 'year']);
    expect(rows[0]).toEqual([odd.indexOf('..'), 2020 + (odd.indexOf('..') % 2)]);
  });

  it('is only the manifest where there are no rows', async () => {
    const none = { ...query, limit: 0 } as Query;
    const written = await writer.write(none, { path: 'none', partitionBy: ['place'] });
    expect(written).toEqual({ rows: 0, bytes: 0, objects: [] });
    expect((await writer.keys()).filter((key) => key.startsWith('none/'))).toEqual([
      'none/_x.manifest.json',
    ]);
  });

  it('takes numbers that no folder can tell from NULL as NULL, and times as text', async () => {
    const measured = await writer.table(
      'measured',
      sql`select cast(i as integer) as id, case i when 0 then 'nan'::double when 1 then null when 2 then '-inf'::double else 0.5 end as ratio,
        timestamp '2020-01-31 10:00:00' as at, true as flag, cast(0.5 as decimal(1, 1)) as half from range(4) as r(i)`,
      [
        { name: 'id', type: 'INTEGER' },
        { name: 'ratio', type: 'DOUBLE' },
        { name: 'at', type: 'TIMESTAMP' },
        { name: 'flag', type: 'BOOLEAN' },
        { name: 'half', type: 'DECIMAL', decimal: { precision: 1, scale: 1 } },
      ],
    );
    const written = await writer.write(measured, {
      path: 'm',
      partitionBy: ['ratio', 'at', 'flag', 'half'],
    });
    const rest = 'at=2020-01-31T10%3A00%3A00/flag=true/half=0.5/x.csv';
    expect(written.objects.map(({ key, rows }) => [key, rows])).toEqual([
      [`m/ratio=0.5/${rest}`, 1],
      [`m/ratio=__HIVE_DEFAULT_PARTITION__/${rest}`, 3],
    ]);
  });

  it('is refused before anything is written with too many folders, or one that cannot be', async () => {
    const many = await writer.table(
      'many',
      sql`select cast(i as integer) as id, case when i = 7 then repeat('x', 2000) else 'y' end as wide from range(10001) as r(i)`,
      [
        { name: 'id', type: 'INTEGER' },
        { name: 'wide', type: 'STRING' },
      ],
    );
    await expect(writer.write(many, { path: 'many', partitionBy: ['id'] })).rejects.toMatchObject({
      code: 'TOO_MANY_PARTITIONS',
    });
    await expect(writer.write(many, { path: 'many', partitionBy: ['wide'] })).rejects.toMatchObject(
      { code: 'INVALID_INPUT' },
    );
    expect((await writer.keys()).filter((key) => key.startsWith('many/'))).toEqual([]);
  });

  it('has names up to the last byte of a key', async () => {
    const wide = await writer.table(
      'wide',
      sql`select 1 as id, repeat('y', ${integer(1024 - 'w/wide=/x.csv'.length)}) as wide`,
      [
        { name: 'id', type: 'INTEGER' },
        { name: 'wide', type: 'STRING' },
      ],
    );
    const { objects } = await writer.write(wide, { path: 'w', partitionBy: ['wide'] });
    expect(objects.map(({ key }) => key.length)).toEqual([1024]);
  });

  it('says in which folder’s rows a value is that cannot be written', async () => {
    const unfit = await writer.table(
      'unfit',
      sql`select i as id, case when i % 2 = 0 then 'even' else 'odd' end as kind, case when i = 101 then chr(1) end as text from range(200) as r(i)`,
      [
        { name: 'id', type: 'BIGINT' },
        { name: 'kind', type: 'STRING' },
        { name: 'text', type: 'STRING' },
      ],
    );
    await expect(
      writer.write(unfit, { path: 'unfit', format: 'XML', partitionBy: ['kind'] }),
    ).rejects.toMatchObject({
      code: 'UNWRITABLE_VALUE',
      message: expect.stringContaining('in row 51 of the folder of kind "odd" has'),
    });
  });
});
