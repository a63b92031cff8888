import { GraphQLScalarType, Kind, print, type ValueNode } from 'graphql';

// graphql-scalars is used where it does what the contract says, which is JSON. Its BigInt answers with JSON numbers
// and has no range, its Date and DateTime parse to JavaScript dates (which drop microseconds), its LocalDateTime takes
// offsets, its LocalTime takes three fractional digits or none, and it has no Decimal.
export { GraphQLJSON } from 'graphql-scalars';

const int64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };
const maxDecimalDigits = 38;

/** A whole number of 64 bits: text in answers, text or a whole number in arguments. Parses to a bigint. */
export const GraphQLBigInt = new GraphQLScalarType<bigint, string>({
  name: 'BigInt',
  description:
    'A whole number from -2^63 to 2^63-1. Answers carry it as a string, arguments take a string or an integer.',
  serialize: (value) => bigIntOf(value).toString(),
  parseValue: bigIntOf,
  parseLiteral: (node) => {
    if (node.kind === Kind.INT || node.kind === Kind.STRING) return bigIntOf(node.value);
    throw new TypeError(`BigInt takes an integer or a string of digits, found ${print(node)}`);
  },
});

/** An exact decimal number: text in answers, text or a number in arguments. Parses to plain digits. */
export const GraphQLDecimal = new GraphQLScalarType<string, string>({
  name: 'Decimal',
  description:
    'An exact decimal number of up to 38 digits. Answers carry it as a string, arguments take a string or a number.',
  serialize: decimalOf,
  parseValue: decimalOf,
  parseLiteral: (node) => {
    // The literal's own text: a JavaScript number would have rounded it.
    if (node.kind === Kind.INT || node.kind === Kind.FLOAT || node.kind === Kind.STRING) {
      return decimalOf(node.value);
    }
    throw new TypeError(`Decimal takes a number or a string of digits, found ${print(node)}`);
  },
});

/** A calendar date as text. */
export const GraphQLDate = textScalar('Date', 'A calendar date, YYYY-MM-DD.', (text) => {
  if (!isDate(text)) throw new TypeError(`Date takes a date as YYYY-MM-DD, found ${quoted(text)}`);
  return text;
});

/** A time of day as text. */
export const GraphQLTime = textScalar('Time', 'A time of day, HH:MM:SS[.ffffff].', (text) => {
  if (!isTime(text)) throw new TypeError(`Time takes HH:MM:SS[.ffffff], found ${quoted(text)}`);
  return text;
});

/** A date and time without an offset as text. */
export const GraphQLLocalDateTime = textScalar(
  'LocalDateTime',
  'A date and time of no particular zone, YYYY-MM-DDTHH:MM:SS[.ffffff].',
  (text) => {
    const [date = '', time = '', ...rest] = text.split('T');
    if (rest.length > 0 || !isDate(date) || !isTime(time)) {
      throw new TypeError(
        `LocalDateTime takes YYYY-MM-DDTHH:MM:SS[.ffffff] without an offset, found ${quoted(text)}`,
      );
    }
    return text;
  },
);

/** A moment (RFC 3339, section 5.6) as text; answers are in UTC. */
export const GraphQLDateTime = new GraphQLScalarType<string, string>({
  ...textScalar(
    'DateTime',
    'A moment as RFC 3339 has it, YYYY-MM-DDTHH:MM:SS[.ffffff] with Z or an offset. Answers are in UTC.',
    momentOf,
  ).toConfig(),
  serialize: (value) => {
    if (value instanceof Date) return value.toISOString();
    if (typeof value !== 'string') throw wrongType('DateTime', value);
    const text = momentOf(value);
    return text.endsWith('Z') ? text : new Date(text).toISOString();
  },
});

function bigIntOf(value: unknown): bigint {
  let number: bigint;
  if (typeof value === 'bigint') number = value;
  else if (typeof value === 'number') {
    if (!Number.isInteger(value)) throw new TypeError(`BigInt takes whole numbers, found ${value}`);
    if (!Number.isSafeInteger(value)) {
      throw new TypeError(`${value} is past what a JSON number holds exactly; send it as a string`);
    }
    number = BigInt(value);
  } else if (typeof value === 'string') {
    if (!/^-?\d{1,30}$/.test(value)) {
      throw new TypeError(`BigInt takes a whole number, found ${quoted(value)}`);
    }
    number = BigInt(value);
  } else throw wrongType('BigInt', value);
  if (number < int64.min || number > int64.max) {
    throw new TypeError(`BigInt goes from ${int64.min} to ${int64.max}, found ${number}`);
  }
  return number;
}

function decimalOf(value: unknown): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'string' && typeof value !== 'number') throw wrongType('Decimal', value);
  const text = String(value);
  const parts = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text);
  if (!parts) throw new TypeError(`Decimal takes a decimal number, found ${quoted(text)}`);
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = parts;
  const plain = shifted(whole, fraction, Number(exponent));
  if (plain.replace('.', '').replace(/^0+/, '').length > maxDecimalDigits) {
    throw new TypeError(`Decimal holds ${maxDecimalDigits} digits, found ${quoted(text)}`);
  }
  return sign === '-' ? `-${plain}` : plain;
}

/** The number with its point moved by the exponent; digits stay as they are written. */
function shifted(whole: string, fraction: string, exponent: number): string {
  if (exponent === 0) return fraction === '' ? whole : `${whole}.${fraction}`;
  const point = whole.length + exponent;
  const digits = whole + fraction;
  if (point >= digits.length) return digits.padEnd(point, '0').replace(/^0+(?=\d)/, '');
  if (point > 0) return `${digits.slice(0, point).replace(/^0+(?=\d)/, '')}.${digits.slice(point)}`;
  return `0.${'0'.repeat(-point)}${digits}`;
}

function textScalar(
  name: string,
  description: string,
  read: (text: string) => string,
): GraphQLScalarType<string, string> {
  const parse = (value: unknown): string => {
    if (typeof value !== 'string') throw wrongType(name, value);
    return read(value);
  };
  return new GraphQLScalarType<string, string>({
    name,
    description,
    serialize: parse,
    parseValue: parse,
    parseLiteral: (node: ValueNode) => {
      if (node.kind === Kind.STRING) return read(node.value);
      throw new TypeError(`${name} takes a string, found ${print(node)}`);
    },
  });
}

function momentOf(text: string): string {
  // RFC 3339 lets T and Z be small letters.
  const upper = text.toUpperCase();
  const parts = /^([\d-]+)T([\d:.]+)(?:Z|[+-](\d\d):(\d\d))$/.exec(upper);
  const [, date = '', time = '', hours = '0', minutes = '0'] = parts ?? [];
  if (!isDate(date) || !isTime(time) || Number(hours) > 23 || Number(minutes) > 59) {
    throw new TypeError(
      `DateTime takes YYYY-MM-DDTHH:MM:SS[.ffffff] with Z or an offset such as +02:00, found ${quoted(text)}`,
    );
  }
  return upper;
}

function isDate(text: string): boolean {
  const parts = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  if (!parts) return false;
  const [year, month, day] = parts.slice(1).map(Number) as [number, number, number];
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
  return year > 0 && days !== undefined && day >= 1 && day <= days;
}

function isTime(text: string): boolean {
  return /^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?$/.test(text);
}

function wrongType(name: string, value: unknown): TypeError {
  return new TypeError(`${name} cannot be made from ${quoted(value)}`);
}

function quoted(value: unknown): string {
  const text = typeof value === 'bigint' ? value.toString() : (JSON.stringify(value) ?? 'nothing');
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
