import type { ColumnType } from '../columns.js';
import type { Dialect, ValueType } from '../dialect.js';
import { AppError } from '../errors.js';
import { sql, value as bind, type Sql, type SqlValue } from '../sql.js';
import { parseExact, placeExact, wholeNumber, type Exact } from './exact.js';
import type { Value } from './query.js';

/** Something that is compared: its SQL, its type, and what messages call it. */
export interface Operand {
  readonly sql: Sql;
  readonly type: ValueType;
  readonly label: string;
}

/** Where a compared value lies among the values of an operand's type. */
export type Point =
  | { readonly kind: 'at' | 'above'; readonly sql: Sql }
  | { readonly kind: 'below all' | 'above all' };

const wholeLimits = {
  INTEGER: { from: -(2n ** 31n), to: 2n ** 31n - 1n, name: '32-bit' },
  BIGINT: { from: -(2n ** 63n), to: 2n ** 63n - 1n, name: '64-bit' },
} as const;

/** Binds a filter's value in the operand's own type, exactly; INVALID_INPUT if it is none of that type. */
export function bindValue(operand: Operand, value: Value, dialect: Dialect): Point {
  const at = (bound: SqlValue): Point => ({ kind: 'at', sql: cast(bound, operand.type, dialect) });
  switch (operand.type.type) {
    case 'BOOLEAN':
      if (typeof value !== 'boolean') throw unfit(operand, value, 'true or false');
      return at(value);
    case 'INTEGER':
    case 'BIGINT': {
      const limits = wholeLimits[operand.type.type];
      const number = wholeNumber(exactNumber(operand, value));
      if (number === undefined || number < limits.from || number > limits.to) {
        throw unfit(operand, value, `a ${limits.name} whole number`);
      }
      return at(number);
    }
    case 'DECIMAL': {
      const { precision, scale } = operand.type.decimal ?? { precision: 38, scale: 0 };
      const place = placeExact(exactNumber(operand, value), precision, scale);
      return 'text' in place
        ? { kind: place.kind, sql: cast(place.text, operand.type, dialect) }
        : place;
    }
    case 'DOUBLE': {
      const number = typeof value === 'boolean' || value === '' ? Number.NaN : Number(value);
      if (!Number.isFinite(number)) throw unfit(operand, value, 'a number');
      // As text, the shortest that is this very number: drivers take whole numbers for integers.
      return at(String(number));
    }
    case 'STRING':
      return at(textOf(operand, value));
    case 'DATE':
    case 'TIME':
    case 'TIMESTAMP':
    case 'TIMESTAMP_TZ':
      return at(temporalText(operand, value, operand.type.type));
    case 'JSON':
      throw new AppError('INVALID_INPUT', `${operand.label} holds JSON, which cannot be compared`);
  }
}

/** Binds text as a string. */
export function bindText(operand: Operand, value: Value, dialect: Dialect): Sql {
  return cast(textOf(operand, value), { type: 'STRING' }, dialect);
}

function textOf(operand: Operand, value: Value): string {
  if (typeof value !== 'string') throw unfit(operand, value, 'a string');
  // UTF-8 has no half of a surrogate pair: bound as it is, it would become U+FFFD and find rows that have that.
  if (/\p{Surrogate}/u.test(value)) throw unfit(operand, value, 'well-formed Unicode');
  return value;
}

/** The error for a value that an operand cannot be compared with. */
export function unfit(operand: Operand, value: unknown, expected: string): AppError {
  const shown = typeof value === 'string' ? JSON.stringify(value) : String(value);
  const short = shown.length > 100 ? `${shown.slice(0, 100)}…` : shown;
  return new AppError('INVALID_INPUT', `${operand.label}: ${short} is not ${expected}`, {
    details: { column: operand.label, value: short },
  });
}

function cast(bound: SqlValue, type: ValueType, dialect: Dialect): Sql {
  return sql`cast(${bind(bound)} as ${dialect.typeName(type)})`;
}

function exactNumber(operand: Operand, value: Value): Exact {
  const exact = typeof value === 'boolean' ? undefined : parseExact(String(value));
  if (!exact) throw unfit(operand, value, 'a number');
  return exact;
}

type TemporalType = Extract<ColumnType, 'DATE' | 'TIME' | 'TIMESTAMP' | 'TIMESTAMP_TZ'>;

const date = String.raw`(?<year>\d{4})-(?<month>\d\d)-(?<day>\d\d)`;
// Engines keep microseconds: a seventh digit would be rounded away.
const time = String.raw`(?<hour>[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6}0*)?)?`;
const offset = String.raw`(?:[Zz]|[+-](?:0\d|1\d|2[0-3]):[0-5]\d)`;

const temporal: Record<TemporalType, { readonly pattern: RegExp; readonly expected: string }> = {
  DATE: { pattern: new RegExp(`^${date}$`), expected: 'a date like 2024-12-31' },
  TIME: { pattern: new RegExp(`^${time}$`), expected: 'a time like 23:59:59.999999' },
  TIMESTAMP: {
    pattern: new RegExp(`^${date}[Tt ]${time}$`),
    expected: 'a local date and time like 2024-12-31T23:59:59.999999',
  },
  TIMESTAMP_TZ: {
    pattern: new RegExp(`^${date}[Tt ]${time}${offset}$`),
    expected: 'a date and time with offset (RFC 3339) like 2024-12-31T23:59:59Z',
  },
};

function temporalText(operand: Operand, value: Value, type: TemporalType): string {
  const { pattern, expected } = temporal[type];
  const parts = typeof value === 'string' ? pattern.exec(value)?.groups : undefined;
  if (typeof value !== 'string' || !parts) throw unfit(operand, value, expected);
  if (type !== 'TIME' && !dayExists(Number(parts.year), Number(parts.month), Number(parts.day))) {
    throw unfit(operand, value, expected);
  }
  return value.toUpperCase();
}

function dayExists(year: number, month: number, day: number): boolean {
  if (year < 1 || month < 1 || month > 12 || day < 1) return false;
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = month === 2 ? (leap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
  return day <= days;
}
