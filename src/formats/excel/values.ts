import { isPhantomDay, serialText, type NumberKind } from './dates.js';

/** The digits of a number without an exponent as long as 38 of them do, as many as a DECIMAL has. */
export function numberText(value: number): string {
  const text = String(value === 0 ? 0 : value); // no -0
  if (!text.includes('e')) return text;
  const parts = /^(?<sign>-?)(?<whole>\d)(?:\.(?<behind>\d+))?e(?<exponent>[+-]\d+)$/u.exec(
    text,
  )?.groups;
  if (!parts) return text;
  const { sign = '', whole = '', behind = '' } = parts;
  const exponent = Number(parts.exponent);
  const digits = whole + behind;
  if (exponent < 0 && behind.length - exponent <= 38)
    return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  if (exponent > 0 && exponent < 38) return sign + digits.padEnd(exponent + 1, '0');
  return text;
}

/** What the dates of a workbook count from, and who is told of those that are none. */
export interface DateContext {
  readonly date1904: boolean;
  readonly warn: (message: string) => void;
}

/** The text of a number that its format shows as date or time; the number itself where there is no such date. */
export function dateText(
  serial: number,
  kind: NumberKind,
  { date1904, warn }: DateContext,
): string {
  const text = serialText(serial, kind, date1904);
  if (text === undefined)
    warn('A number that is shown as date lies before 1900 or behind 9999; it stays a number');
  else if (isPhantomDay(serial, date1904) && kind !== 'duration')
    warn('Day 60, which Excel shows as 29 February 1900, was never; it becomes 1900-02-28');
  return text ?? numberText(serial);
}

/** The errors that a cell can hold, by their number in XLS ([MS-XLS] 2.5.198.2). */
export const errorTexts: Readonly<Record<number, string>> = {
  0x00: '#NULL!',
  0x07: '#DIV/0!',
  0x0f: '#VALUE!',
  0x17: '#REF!',
  0x1d: '#NAME?',
  0x24: '#NUM!',
  0x2a: '#N/A',
  0x2b: '#GETTING_DATA',
};

const escaped = /_x([0-9A-Fa-f]{4})_/gu;

/** Characters that XML cannot hold stand as _xHHHH_ in workbooks (ST_Xstring, ECMA-376 part 1, 22.9.2.19). */
export function unescaped(text: string): string {
  if (!text.includes('_x')) return text;
  return text.replace(escaped, (_, code: string) => String.fromCharCode(parseInt(code, 16)));
}

const zero = 0x30;
const powers = Array.from({ length: 23 }, (_, power) => 10 ** power);
const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/iu;

/** The number that bytes write; NaN when they write none. */
export function numberOf(bytes: Buffer, start: number, end: number): number {
  const negative = bytes[start] === 0x2d;
  const from = negative ? start + 1 : start;
  let digits = 0;
  let point = -1;
  for (let at = from; at < end; at++) {
    const digit = bytes[at]! - zero;
    if (digit >= 0 && digit <= 9) digits = digits * 10 + digit;
    else if (digit === -2 && point === -1 && at > from && at < end - 1) point = at;
    else return written(bytes.toString('latin1', start, end));
  }
  const length = end - from - (point === -1 ? 0 : 1);
  if (length === 0) return NaN;
  // Up to 15 digits fit in a double, and so does the power of ten: one division is exact to the last bit.
  if (length > 15) return Number(bytes.toString('latin1', start, end));
  const number = point === -1 ? digits : digits / powers[end - point - 1]!;
  return negative ? -number : number;
}

function written(text: string): number {
  const trimmed = text.trim();
  return decimal.test(trimmed) ? Number(trimmed) : NaN;
}

/**
 * A number that stands in the file as it should be: no exponent, no zero in front, no more digits than a double has.
 * Whole numbers are exact however long they are.
 */
export function isPlain(bytes: Buffer, start: number, end: number): boolean {
  const from = bytes[start] === 0x2d ? start + 1 : start;
  let at = from;
  while (at < end && isDigit(bytes[at]!)) at++;
  const whole = at - from;
  if (whole === 0 || (bytes[from] === zero && whole > 1)) return false;
  if (at === end) return bytes[from] !== zero || from === start; // no -0
  if (bytes[at] !== 0x2e) return false;
  const behind = at + 1;
  at = behind;
  while (at < end && isDigit(bytes[at]!)) at++;
  return at === end && at > behind && whole + at - behind <= 15;
}

function isDigit(byte: number): boolean {
  return byte >= zero && byte <= 0x39;
}
