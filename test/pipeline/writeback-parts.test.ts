import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { XMLParser } from 'fast-xml-parser';
import type { Query } from '../../src/query/query.js';
import { sql } from '../../src/sql.js';
import { inflated } from '../support/readers/inflated.js';
import { startForeignReaders, type ForeignReaders } from '../support/readers/foreign.js';
import { startWriter, type Writer } from '../support/writer.js';

const mebi = 2 ** 20;
const rows = 60_000;

describe('a result with maxFileBytes', () => {
  let writer: Writer;
  let query: Query;
  let readers: ForeignReaders;
  beforeAll(async () => {
    readers = startForeignReaders();
    writer = await startWriter();
    query = await writer.table(
      'noise',
      // Half of it is noise that nothing makes smaller.
      sql`select cast(i as integer) as id, md5(cast(i as varchar)) || md5(cast(i + 7 as varchar)) as text,
        case when i % 3 = 0 then null else 'the same for all of them, again and again' end as same from range(60000) as r(i)`,
      [
        { name: 'id', type: 'INTEGER' },
        { name: 'text', type: 'STRING' },
        { name: 'same', type: 'STRING' },
      ],
    );
  });
  afterAll(async () => {
    await readers.close();
    await writer.end();
  });
  let place = 0;
  beforeEach(() => {
    place += 1;
  });

  const idsOf: Record<string, (text: string) => number[]> = {
    CSV: (text) => parse<{ id: string }>(text, { columns: true }).map(({ id }) => Number(id)),
    TSV: (text) =>
      parse<{ id: string }>(text, { columns: true, delimiter: '\t' }).map(({ id }) => Number(id)),
    JSON: (text) => (JSON.parse(text) as { id: number }[]).map(({ id }) => id),
    NDJSON: (text) =>
      text
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { id: number }).id),
    XML: (text) => {
      const found = new XMLParser().parse(text) as { rows: { row: { id: number }[] } };
      return found.rows.row.map(({ id }) => id);
    },
  };

  it.each([
    ['CSV', 'NONE'],
    ['CSV', 'GZIP'],
    ['CSV', 'ZIP'],
    ['CSV', 'ZSTD'],
    ['TSV', 'GZIP'],
    ['JSON', 'NONE'],
    ['JSON', 'ZIP'],
    ['NDJSON', 'ZSTD'],
    ['XML', 'NONE'],
  ])(
    'is numbered files of %s in %s, none larger, that are the whole in order',
    async (format, compression) => {
      for (const maxFileBytes of format === 'CSV' ? [mebi, 3 * mebi] : [mebi]) {
        const path = `p${place}-${maxFileBytes}`;
        const written = await writer.write(query, { path, format, compression, maxFileBytes });
        expect(written.rows).toBe(rows);
        const ids: number[] = [];
        for (const [index, object] of written.objects.entries()) {
          expect(object.key).toContain(`/x-0000${index + 1}.`);
          const body = await writer.read(object.key);
          expect(body).toHaveLength(object.bytes);
          expect(body.length).toBeLessThanOrEqual(maxFileBytes);
          const found = idsOf[format]!(
            String(await inflated(readers, body, compression, memberOf(object.key))),
          );
          expect(found).toHaveLength(object.rows);
          ids.push(...found);
        }
        expect(ids).toEqual(Array.from({ length: rows }, (_, id) => id));
        if (compression === 'NONE') {
          // Full but for one piece.
          for (const { bytes } of written.objects.slice(0, -1)) {
            expect(bytes).toBeGreaterThan(maxFileBytes * 0.97);
          }
        }
        const manifest = JSON.parse(
          String(await writer.read(`${path}/_x.manifest.json`)),
        ) as Record<string, unknown>;
        expect(manifest).toMatchObject({
          run: 'run-1',
          dataset: 'things',
          generations: [{ dataset: 'things', generation: 'g-1' }],
          query: { kind: 'rows', columns: ['id', 'text', 'same'], orderBy: [] },
          format,
          compression,
          columns: [
            { name: 'id', type: 'INTEGER' },
            { name: 'text', type: 'STRING' },
            { name: 'same', type: 'STRING' },
          ],
          rows,
          bytes: written.bytes,
          objects: written.objects.map((object) => ({ ...object, partition: {} })),
        });
        expect(JSON.stringify(manifest)).not.toContain('noise');
      }
    },
    60_000,
  );

  it('is Parquet files, none larger, that are the whole in order', async () => {
    const path = `p${place}`;
    const written = await writer.write(query, { path, format: 'PARQUET', maxFileBytes: mebi });
    expect(written.objects.length).toBeGreaterThan(1);
    let first = 0;
    for (const { key, rows: count, bytes } of written.objects) {
      expect(bytes).toBeLessThanOrEqual(mebi);
      const found = await readers.parquet(await writer.read(key));
      expect(found.rows.map(([id]) => id)).toEqual(
        Array.from({ length: count }, (_, row) => first + row),
      );
      first += count;
    }
    expect(first).toBe(rows);
    for (const { bytes } of written.objects.slice(0, -1)) {
      expect(bytes).toBeGreaterThan(mebi * 0.5);
    }
  });

  it.each(['CSV', 'JSON', 'PARQUET'])(
    'gives a row that is larger than the bound a file of its own, as %s',
    async (format) => {
      const long = await writer.table(
        'long',
        sql`select cast(i as integer) as id, case when i in (0, 5, 6) then (select string_agg(md5(cast(n as varchar)), '') from range(80000) as n(n)) else 'short' end as text from range(12) as r(i)`,
        [
          { name: 'id', type: 'INTEGER' },
          { name: 'text', type: 'STRING' },
        ],
      );
      const path = `p${place}`;
      const written = await writer.write(long, { path, format, maxFileBytes: mebi });
      expect(written.rows).toBe(12);
      for (const { rows: count, bytes } of written.objects) {
        if (bytes > mebi) expect(count).toBe(1);
      }
      expect(written.objects.filter(({ bytes }) => bytes > mebi)).toHaveLength(3);
    },
  );

  it('finds the one large row among many that are small, as PARQUET', async () => {
    const uneven = await writer.table(
      'uneven',
      sql`select cast(i as integer) as id, case when i = 15000 then (select string_agg(md5(cast(n as varchar)), '') from range(80000) as n(n)) else 'short' end as text from range(20000) as r(i)`,
      [
        { name: 'id', type: 'INTEGER' },
        { name: 'text', type: 'STRING' },
      ],
    );
    const path = `p${place}`;
    const { objects } = await writer.write(uneven, { path, format: 'PARQUET', maxFileBytes: mebi });
    expect(objects.map(({ rows: count }) => count)).toEqual([15_000, 1, 4999]);
  });

  it.each(['CSV', 'JSON', 'XML', 'PARQUET'])(
    'is one numbered file and a manifest without rows, as %s',
    async (format) => {
      const path = `p${place}`;
      const written = await writer.write({ ...query, limit: 0 } as Query, {
        path,
        format,
        maxFileBytes: mebi,
      });
      expect(written).toMatchObject({ rows: 0, objects: [{ rows: 0 }] });
      const keys = (await writer.keys()).filter((key) => key.startsWith(`${path}/`));
      expect(keys).toEqual([`${path}/_x.manifest.json`, written.objects[0]?.key]);
    },
  );
});

const memberOf = (key: string) => key.slice(key.lastIndexOf('/') + 1).replace(/\.zip$/, '');
