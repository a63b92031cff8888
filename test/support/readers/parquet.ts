import type { ColumnType } from '../../../src/columns.js';
import type { ForeignReaders, ParquetLeaf } from './foreign.js';
import { fromText, type Cell, type ReadTable } from './shown.js';

/** Parquet by hyparquet; also the type that each column has by the file's own schema. */
export async function readParquet(
  readers: ForeignReaders,
  bytes: Buffer,
): Promise<
  ReadTable & { readonly types: readonly ColumnType[]; readonly codecs: readonly string[] }
> {
  const { schema, rows, codecs } = await readers.parquet(bytes);
  const types = schema.map(typeOf);
  return {
    columns: schema.map(({ name }) => name),
    types,
    codecs,
    rows: rows.map((row) => row.map((value, at) => cellOf(value, schema[at]!, types[at]!))),
  };
}

function typeOf({ name, type, converted_type, logical_type }: ParquetLeaf): ColumnType {
  const logical = logical_type?.type ?? converted_type?.replace(/_M(ILL|ICR)OS$/, '');
  switch (logical) {
    case 'DECIMAL':
    case 'DATE':
    case 'TIME':
    case 'JSON':
      return logical;
    case 'TIMESTAMP':
      return logical_type?.isAdjustedToUTC ? 'TIMESTAMP_TZ' : 'TIMESTAMP';
    case 'STRING':
    case 'UTF8':
      return 'STRING';
    case 'INTEGER':
    case 'INT_32':
    case 'INT_64':
    case undefined: {
      const plain = { BOOLEAN: 'BOOLEAN', INT32: 'INTEGER', INT64: 'BIGINT', DOUBLE: 'DOUBLE' };
      const found = plain[type as keyof typeof plain] as ColumnType | undefined;
      if (found) return found;
    }
  }
  throw new Error(`${name} is a ${type}, ${logical}`);
}

function cellOf(value: unknown, leaf: ParquetLeaf, type: ColumnType): Cell {
  if (value === null) return null;
  switch (type) {
    case 'DECIMAL':
      return decimal(wholeNumber(value), leaf.scale ?? 0);
    case 'DATE':
      return new Date((value as number) * 86_400_000).toISOString().slice(0, 10);
    case 'TIME':
      return clock(value as bigint);
    case 'TIMESTAMP':
      return instant(value as bigint);
    case 'TIMESTAMP_TZ':
      return `${instant(value as bigint)}Z`;
    default:
      return fromText(`${value as string}`, type);
  }
}

function wholeNumber(value: unknown): bigint {
  if (!ArrayBuffer.isView(value)) return BigInt(value as number | bigint);
  const hex = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex');
  return BigInt.asIntN(value.byteLength * 8, BigInt(`0x${hex}`));
}

function decimal(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? '-' : '';
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  return scale === 0 ? sign + whole : `${sign}${whole}.${digits.slice(-scale)}`;
}

const dayMicros = 86_400_000_000n;

function instant(micros: bigint): string {
  const time = ((micros % dayMicros) + dayMicros) % dayMicros;
  const day = new Date(Number((micros - time) / 1000n)).toISOString().slice(0, 10);
  return `${day}T${clock(time)}`;
}

function clock(micros: bigint): string {
  const seconds = new Date(Number(micros / 1000n)).toISOString().slice(11, 19);
  const fraction = String(micros % 1_000_000n)
    .padStart(6, '0')
    .replace(/0+$/, '');
  return fraction === '' ? seconds : `${seconds}.${fraction}`;
}
