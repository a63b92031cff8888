import type { FormatLimits } from '../../limits.js';
import { count, encryptedFlaw, Flaw } from './flaw.js';
import type { ChunkPlace } from './pages.js';
import {
  readSchemaElement,
  schemaOf,
  tooManyColumns,
  type Leaf,
  type Schema,
  type SchemaElement,
} from './schema.js';
import { ThriftReader } from './thrift.js';

/** The limits that a footer is held to. */
export type ParquetLimits = Pick<FormatLimits, 'maxColumns' | 'maxNesting' | 'maxDocumentBytes'>;

interface ColumnChunk {
  elsewhere: boolean;
  encrypted: boolean;
  type?: number;
  codec?: number;
  values?: number;
  bytes?: number;
  inflated?: number;
  pages?: number;
  dictionary?: number;
}

/** Reads and checks the metadata of a file whose data ends at `end`. */
export function readMetadata(footer: Buffer, end: number, limits: ParquetLimits) {
  const reader = new ThriftReader(footer);
  let schema: Schema | undefined;
  let declared: number | undefined;
  let rows = 0;
  const groups: (readonly ChunkPlace[])[] = [];
  reader.struct({
    2: (type) => {
      const elements: SchemaElement[] = [];
      // Deep columns have some elements each, hostile footers millions of empty ones.
      const most = limits.maxColumns * 100;
      reader.list(type, () => {
        if (elements.push(readSchemaElement(reader)) > most) throw tooManyColumns(limits);
      });
      schema = schemaOf(elements, limits);
    },
    3: (type) => (declared = reader.integer(type)),
    4: (type) => {
      const { leaves } = schema ?? missingSchema();
      reader.list(type, (_, index) => {
        const group = readRowGroup(reader, leaves, end, index);
        rows += group.rows;
        groups.push(group.chunks);
      });
    },
    8: () => {
      throw encryptedFlaw();
    },
  });
  if (count(declared, 'rows') !== rows) {
    throw new Flaw(`the footer speaks of ${declared} rows, and its row groups have ${rows}`);
  }
  return { rows, fields: (schema ?? missingSchema()).fields, groups };
}

function missingSchema(): never {
  throw new Flaw('its footer has no schema before its row groups');
}

function readRowGroup(reader: ThriftReader, leaves: readonly Leaf[], end: number, index: number) {
  let rows: number | undefined;
  let found = 0;
  const chunks: ChunkPlace[] = [];
  reader.struct({
    1: (type) => {
      found = reader.list(type, (_, position) => {
        const leaf = leaves[position];
        const chunk = readColumnChunk(reader);
        const where = `row group ${index}, column ${leaf?.path}`;
        if (leaf) chunks.push(placeOf(chunk, leaf, end, where));
      });
    },
    3: (type) => (rows = reader.integer(type)),
  });
  if (found !== leaves.length) {
    throw new Flaw(`row group ${index} has ${found} columns, and the schema ${leaves.length}`);
  }
  return { rows: count(rows, `rows of row group ${index}`), chunks };
}

function readColumnChunk(reader: ThriftReader): ColumnChunk {
  const chunk: ColumnChunk = { elsewhere: false, encrypted: false };
  reader.struct({
    1: (type) => (chunk.elsewhere = reader.binary(type).length > 0),
    3: () =>
      reader.struct({
        1: (type) => (chunk.type = reader.integer(type)),
        4: (type) => (chunk.codec = reader.integer(type)),
        5: (type) => (chunk.values = reader.integer(type)),
        6: (type) => (chunk.inflated = reader.integer(type)),
        7: (type) => (chunk.bytes = reader.integer(type)),
        9: (type) => (chunk.pages = reader.integer(type)),
        11: (type) => (chunk.dictionary = reader.integer(type)),
      }),
    8: (type) => {
      chunk.encrypted = true;
      reader.skip(type);
    },
  });
  return chunk;
}

/** Where the values of a column lie, which must be inside of the data. */
function placeOf(chunk: ColumnChunk, leaf: Leaf, end: number, where: string): ChunkPlace {
  if (chunk.encrypted) throw encryptedFlaw();
  if (chunk.elsewhere) {
    throw new Flaw(`${where}: the values are in another file`, 'UNSUPPORTED', {
      column: leaf.path,
    });
  }
  if (chunk.type !== leaf.type) {
    throw new Flaw(`${where}: its type is ${chunk.type ?? 'missing'}, in the schema ${leaf.type}`);
  }
  const values = count(chunk.values, `values of ${where}`);
  count(chunk.inflated, `size of ${where}`);
  const bytes = count(chunk.bytes, `size of ${where}`);
  const pages = count(chunk.pages, `place of ${where}`);
  // Some writers say 0 for a dictionary that there is not.
  const dictionary = count(chunk.dictionary ?? 0, `place of ${where}`);
  // A column without values may have a dictionary and no page, whose place is then 0.
  const start = Math.min(...[dictionary, pages].filter((place) => place > 0), end);
  if (bytes > 0 && (start < 4 || pages >= end || start + bytes > end)) {
    throw new Flaw(`${where}: bytes ${start} to ${start + bytes} lie outside of the data`);
  }
  return { where, start, values };
}
