import type { ParquetField } from '../../relation.js';
import { count, Flaw } from './flaw.js';
import type { ParquetLimits } from './metadata.js';
import type { ThriftReader } from './thrift.js';

/** An element of the schema as the file has it (parquet.thrift, SchemaElement). */
export interface SchemaElement {
  name?: Buffer;
  type?: number;
  length?: number;
  repetition?: number;
  children?: number;
  converted?: number;
  scale?: number;
  precision?: number;
  logical?: LogicalType;
}

interface LogicalType {
  decimal?: { scale?: number; precision?: number };
  half?: boolean;
}

/** Reads one element. @throws ThriftError */
export function readSchemaElement(reader: ThriftReader): SchemaElement {
  const element: SchemaElement = {};
  reader.struct({
    1: (type) => (element.type = reader.integer(type)),
    2: (type) => (element.length = reader.integer(type)),
    3: (type) => (element.repetition = reader.integer(type)),
    4: (type) => (element.name = reader.binary(type)),
    5: (type) => (element.children = reader.integer(type)),
    6: (type) => (element.converted = reader.integer(type)),
    7: (type) => (element.scale = reader.integer(type)),
    8: (type) => (element.precision = reader.integer(type)),
    10: () => (element.logical = readLogicalType(reader)),
  });
  return element;
}

function readLogicalType(reader: ThriftReader): LogicalType {
  const logical: LogicalType = {};
  reader.struct({
    5: () => {
      const decimal: LogicalType['decimal'] = (logical.decimal = {});
      reader.struct({
        1: (type) => (decimal.scale = reader.integer(type)),
        2: (type) => (decimal.precision = reader.integer(type)),
      });
    },
    15: (type) => {
      logical.half = true;
      reader.skip(type);
    },
  });
  return logical;
}

/** The columns, and the values that they are made of in the order of their chunks. */
export interface Schema {
  readonly fields: readonly ParquetField[];
  readonly leaves: readonly Leaf[];
}

/** A column of values. */
export interface Leaf {
  readonly type: number;
  readonly path: string;
}

// BOOLEAN, INT32, INT64, INT96, FLOAT, DOUBLE, BYTE_ARRAY, FIXED_LEN_BYTE_ARRAY
const physicalTypes = 8;
const fixedLength = 7;
const repeated = 2;
const convertedDecimal = 5;
const maxDigits = 38;

/** The schema is a tree, written parents first; the first element is its root. */
export function schemaOf(elements: readonly SchemaElement[], limits: ParquetLimits): Schema {
  const [root, ...rest] = elements;
  if (!root) throw new Flaw('its footer has no schema');
  const fields: ParquetField[] = [];
  const leaves: Leaf[] = [];
  // How many children are still to come at each level, and what their parents are called.
  const open = [{ left: count(root.children ?? 0), name: '', depth: 0 }];
  const close = () => {
    while (open.length > 0 && open.at(-1)?.left === 0) open.pop();
  };
  close();
  for (const element of rest) {
    const parent = open.at(-1);
    if (!parent) throw new Flaw('its schema has elements that belong to no parent');
    parent.left--;
    const name = nameOf(element);
    const path = [...open.slice(1).map((level) => level.name), name].join('.');
    if (open.length === 1) fields.push({ name, half: element.logical?.half ?? false });
    if (fields.length > limits.maxColumns) throw tooManyColumns(limits);
    checkDecimal(element, path);
    const children = count(element.children ?? 0, `children of column ${path}`);
    if (children > 0) {
      // A list has two levels in the schema, one of them repeated, and is one to people.
      const depth = parent.depth + (element.repetition === repeated ? 0 : 1);
      open.push({ left: children, name, depth });
      if (depth > limits.maxNesting || open.length > limits.maxNesting * 2) {
        throw tooDeep(open[1]?.name ?? '', limits);
      }
    } else {
      leaves.push({ type: leafType(element, path), path });
    }
    close();
  }
  if (open.length > 0) throw new Flaw('its schema ends before all columns are described');
  return { fields, leaves };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function nameOf({ name }: SchemaElement): string {
  try {
    return utf8.decode(name ?? new Uint8Array());
  } catch {
    throw new Flaw('the name of a column is no valid UTF-8');
  }
}

function leafType({ type, length }: SchemaElement, path: string): number {
  if (type === undefined) throw new Flaw(`column ${path} has neither a type nor children`);
  if (type < 0 || type >= physicalTypes) throw new Flaw(`column ${path} has unknown type ${type}`);
  if (type === fixedLength && (length === undefined || length < 1)) {
    throw new Flaw(`column ${path} has values of ${length ?? 'no'} bytes`);
  }
  return type;
}

function checkDecimal(element: SchemaElement, path: string): void {
  const sizes = [
    ...(element.logical?.decimal ? [element.logical.decimal] : []),
    ...(element.converted === convertedDecimal ? [element] : []),
  ];
  for (const { precision, scale = 0 } of sizes) {
    if (precision === undefined || precision < 1 || scale < 0 || scale > precision) {
      throw new Flaw(
        `column ${path} is a decimal of ${precision ?? 'no'} digits, ${scale} behind the point`,
      );
    }
    if (precision > maxDigits) {
      throw new Flaw(
        `column ${path} is a decimal of ${precision} digits, and ${maxDigits} are the most there can be; write it with fewer or as text`,
        'UNSUPPORTED',
        { column: path },
      );
    }
  }
}

function tooDeep(column: string, { maxNesting }: ParquetLimits): Flaw {
  return new Flaw(
    `column ${column} lies more than ${maxNesting} levels deep; flatten it, or raise BUCKETQL_MAX_NESTING`,
    'NESTED_TOO_DEEP',
    { column, limit: maxNesting },
  );
}

/** A file with more columns than there may be. */
export function tooManyColumns({ maxColumns }: ParquetLimits): Flaw {
  return new Flaw(
    `it has more than ${maxColumns} columns; write fewer, or raise BUCKETQL_MAX_COLUMNS`,
    'TOO_MANY_COLUMNS',
    { limit: maxColumns },
  );
}
