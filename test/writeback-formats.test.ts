import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ColumnType } from '../src/columns.js';
import { writableCompressionNames } from '../src/compression/index.js';
import { writebackFormats } from '../src/pipeline/writeback-formats.js';
import {
  encryptionInput,
  encryptionReply,
  encryptions,
  receiverOf,
  type Encryption,
  type Format,
  type Receiver,
} from './support/readers/receiver.js';
import { plainDecimal, type Cell, type ReadColumn } from './support/readers/shown.js';
import { importCsv, startTestService, type TestService } from './support/service.js';
import { variedDatasets, type VariedDataset } from './support/varied-datasets.js';
import { variedParquet } from './support/varied-parquet.js';

/*
 * Every dataset is written in every format. Compressions and encryptions take turns, so that every format meets every
 * pair of them (16 pairs for texts, 4 for Parquet and workbooks, and there are more datasets than pairs), and not every
 * dataset all of them. What was written is read from the bucket by readers that are not ours, and compared value by value with what
 * GraphQL shows; then the service imports it, told the types that texts do not carry, and rows and types are compared again.
 */

const formats = writebackFormats.map(({ name }) => name);

/** The words that import what was written. */
const importFormats: Readonly<Record<Format, object>> = {
  CSV: { type: 'CSV', csv: { delimiter: ',' } },
  TSV: { type: 'TSV' },
  NDJSON: { type: 'JSON', json: { lines: true } },
  JSON: { type: 'JSON', json: { lines: false } },
  XML: { type: 'XML', xml: { xpath: '/rows/row', attributes: false } },
  XLSX: { type: 'XLSX' },
  PARQUET: { type: 'PARQUET' },
};

/*
 * What the formats cannot carry:
 * - all but Parquet: types, so the import is told them; NaN and infinity, which GraphQL shows as NULL
 * - CSV, TSV: NULL is nothing and an empty text is `""`. Readers can tell them apart; an import of ours takes both for NULL.
 *   In a single column both are `""`, as an empty line is no row.
 * - JSON, NDJSON: columns, where there is no row
 * - XML: a column of nothing but NULL, and the order of columns where the first row has a NULL. What XML does not take for a name
 *   is in an attribute.
 * - XLSX: the zeros at the end of a decimal; texts of more than 32,767 characters, which are refused. An import of ours takes
 *   an empty text for NULL and a row of nothing but NULL for none.
 */

type Change = (cell: Cell, column: ReadColumn) => Cell;

const shortDecimal: Change = (cell, { type }) =>
  cell !== null && type === 'DECIMAL' ? plainDecimal(cell) : cell;
const emptyIsNull: Change = (cell) => (cell === '' ? null : cell);

/** What a reader finds for what GraphQL shows. */
const carried: Readonly<Partial<Record<Format, Change>>> = {
  // SheetJS itself makes a line feed of the two.
  XLSX: (cell, column) => shortDecimal(cell, column)?.replaceAll('\r\n', '\n') ?? null,
};

/** What GraphQL shows once it was imported again. */
const again: Readonly<Partial<Record<Format, Change>>> = {
  CSV: emptyIsNull,
  TSV: emptyIsNull,
  XLSX: (cell, column) => emptyIsNull(shortDecimal(cell, column), column),
};

/** Whether an import finds a row again. */
function isRow(row: readonly Cell[], format: Format): boolean {
  return format !== 'XLSX' || row.some((cell) => cell !== null && cell !== '');
}

interface Case {
  readonly dataset: VariedDataset;
  readonly title: string;
  readonly format: Format;
  readonly compression: string;
  readonly encryption: Encryption;
}

const cases = formats.flatMap((format) =>
  variedDatasets
    .filter(({ title }) => format !== 'XLSX' || !title.startsWith('texts of 40,000'))
    .map((dataset, position): Case => {
      const compresses = format === 'XLSX' || format === 'PARQUET';
      const compressions = compresses ? ['NONE'] : writableCompressionNames;
      const turn = Math.floor(position / compressions.length) % encryptions.length;
      return {
        dataset,
        title: dataset.title,
        format,
        compression: compressions[position % compressions.length]!,
        encryption: encryptions[turn]!,
      };
    }),
);

interface Table {
  readonly name: string;
  readonly columns: readonly ReadColumn[];
  readonly rows: readonly (readonly Cell[])[];
}

describe('a written file', () => {
  let service: TestService;
  let receiver: Receiver;
  let connection: string;
  /** The encryption that the last write asked S3 for. */
  let asked: unknown;
  const tables = new Map<VariedDataset, Table>();

  beforeAll(async () => {
    service = await startTestService();
    receiver = receiverOf(service);
    connection = await service.connect('formats');
    service.sandbox.fault = ({ operation, headers }) => {
      if (['PutObject', 'CreateMultipartUpload'].includes(operation)) {
        asked = headers['x-amz-server-side-encryption'];
      }
      return undefined;
    };
    for (const [position, dataset] of variedDatasets.entries()) {
      const name = `varied_${position}`;
      const body = await variedParquet(dataset, position);
      await service.sandbox.putObject(service.bucket, `in/${name}/rows.parquet`, body);
      const columns = await imported(name, `in/${name}/`, { type: 'PARQUET' });
      const rows = await receiver.shown(`${name}(limit: 1000${whereOf(dataset)})`, columns);
      tables.set(dataset, { name, columns, rows });
    }
  }, 120_000);

  afterAll(async () => {
    await receiver.close();
    await service.close();
  });

  it('comes in every format with every compression and encryption that it can have', () => {
    const met = new Set(cases.map((one) => `${one.format} ${one.compression} ${one.encryption}`));
    const texts = formats.filter((format) => format !== 'XLSX' && format !== 'PARQUET').length;
    const others = formats.length - texts;
    const all = texts * writableCompressionNames.length + others;
    expect(met.size).toBe(all * encryptions.length);
  });

  it.each(cases)(
    'is what the query shows, and imports as it was: $format of $title, $compression, $encryption',
    async ({ dataset, format, compression, encryption }) => {
      const { name, columns, rows } = tables.get(dataset)!;
      const path = `out/${name}/${format}`;
      const field = `writeback${pascal(name)}(DESTINATION${whereOf(dataset)})`;
      const to = { connection, path, fileName: 'rows', format, compression };
      const run = await receiver.write(field, { ...to, ...encryptionInput[encryption] });
      expect(run).toMatchObject({ status: 'SUCCEEDED', error: null, rows: String(rows.length) });

      const object = run.objects[0]!;
      const { bytes, ...reply } = await receiver.fetch(object.key, encryption);
      expect(reply).toMatchObject(encryptionReply[encryption]);
      // S3 answers the same to who asks for its own key and to who asks for nothing.
      const ours = encryption === 'SSE_S3' || encryption === 'SSE_KMS';
      expect(asked).toBe(ours ? encryptionReply[encryption].ServerSideEncryption : undefined);
      expect(object).toMatchObject({
        rows: String(rows.length),
        bytes: String(bytes.length),
        checksum: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
        etag: reply.ETag?.replaceAll('"', ''),
      });

      const file = object.key.slice(object.key.lastIndexOf('/') + 1);
      const found = await receiver.read({ name: file, bytes }, format, compression, columns);
      const headers = columns.map((column) => column.name);
      expect(found.columns ?? headers).toEqual(headers);
      expect(found.types ?? []).toEqual(found.types ? columns.map(({ type }) => type) : []);
      const alone = columns.length === 1 && ['CSV', 'TSV'].includes(format);
      expect(found.rows).toEqual(mapped(rows, columns, alone ? emptyIsNull : carried[format]));

      let prefix = `${path}/`;
      if (encryption === 'SSE_C') {
        // An import brings no key, so the receiver stores without one what it has read.
        prefix = `again/${name}/${format}/`;
        await service.sandbox.putObject(service.bucket, prefix + file, bytes);
      }
      const second = `${name}_${format.toLowerCase()}`;
      const { sources } = found;
      const present = columns.filter((column) => sources?.has(column.name) ?? true);
      const types = await imported(second, prefix, importFormats[format], {
        columns: present.map(({ name, type }) => ({
          source: sources?.get(name) ?? name,
          name,
          type,
        })),
      });
      // Without rows there is nothing to find columns in, except in a header.
      if (rows.length > 0) {
        const inOrder = sources ? byName : asTheyAre;
        expect(inOrder(types)).toEqual(inOrder(present));
        const shown = await receiver.shown(`${second}(limit: 1000)`, present);
        const expected = rows
          .filter((row) => isRow(row, format))
          .map((row) => row.filter((_, at) => present.includes(columns[at]!)));
        const change = format === 'XLSX' ? shortDecimal : undefined;
        expect(mapped(shown, present, change)).toEqual(mapped(expected, present, again[format]));
      }
      await service.data('mutation ($name: String!) { deleteDataset(name: $name) }', {
        name: second,
      });
    },
  );

  async function imported(
    name: string,
    prefix: string,
    format: object,
    more: object = {},
  ): Promise<ReadColumn[]> {
    const selection = { prefix };
    const run = await importCsv(service, { name, connection, selection, format, ...more });
    expect(run).toMatchObject({ status: 'SUCCEEDED', error: null, rowsRejected: '0' });
    const { dataset } = await service.data<{
      dataset: { columns: { name: string; type: ColumnType }[] };
    }>(`query ($name: String!) { dataset(name: $name) { columns { name type } } }`, { name });
    return dataset.columns;
  }
});

const asTheyAre = (columns: readonly ReadColumn[]) => columns;
const byName = (columns: readonly ReadColumn[]) =>
  columns.toSorted((one, other) => (one.name < other.name ? -1 : 1));

function mapped(
  rows: readonly (readonly Cell[])[],
  columns: readonly ReadColumn[],
  change: Change = (cell) => cell,
): Cell[][] {
  return rows.map((row) => row.map((cell, at) => change(cell, columns[at]!)));
}

const pascal = (name: string) =>
  name.replace(/(?:^|_)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

const whereOf = ({ where }: VariedDataset) => (where === undefined ? '' : `, where: ${where}`);
