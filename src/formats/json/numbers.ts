import type { TokenFaults } from './strings.js';
import { printed } from './text.js';

const minus = 0x2d;
const plus = 0x2b;
const point = 0x2e;
const zero = 0x30;
const nine = 0x39;
const letterE = 0x65;

const numeric = Uint8Array.from({ length: 256 }, (_, byte) =>
  '+-.0123456789Ee'.includes(String.fromCharCode(byte)) ? 1 : 0,
);

/** Whether a number may begin with a byte. */
export function beginsNumber(byte: number): boolean {
  return byte === minus || (byte >= zero && byte <= nine);
}

/** Where the bytes end that may stand in a number. */
export function endOfNumeric(bytes: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && numeric[bytes[at]!] === 1) at++;
  return at;
}

/** Where the number ends (RFC 8259, section 6) that begins at `from`; `end`: it may go on behind what is in sight. */
export function endOfNumber(bytes: Buffer, from: number, end: number, faults: TokenFaults): number {
  let at = bytes[from] === minus ? from + 1 : from;
  if (at === end) return end;
  const first = bytes[at]!;
  if (first === zero) at++;
  else if (first > zero && first <= nine) at = endOfDigits(bytes, at, end);
  else faults.fail(at, `a digit must follow "-", not ${printed(first)}`);
  if (at < end && bytes[at] === point) at = someDigits(bytes, at + 1, end, faults);
  if (at < end && (bytes[at]! | 0x20) === letterE) {
    at++;
    if (at < end && (bytes[at] === plus || bytes[at] === minus)) at++;
    at = someDigits(bytes, at, end, faults);
  }
  return at;
}

function someDigits(bytes: Buffer, from: number, end: number, faults: TokenFaults): number {
  const to = endOfDigits(bytes, from, end);
  if (to === from && from < end)
    faults.fail(from, `a number needs a digit here, not ${printed(bytes[from]!)}`);
  return to;
}

function endOfDigits(bytes: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && bytes[at]! >= zero && bytes[at]! <= nine) at++;
  return at;
}
