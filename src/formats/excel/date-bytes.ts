import { epoch1900, epoch1904, lastDay, type NumberKind } from './dates.js';

const zero = 0x30;
const msOfDay = 86_400_000;
/** More digits than these behind the point are less than a microsecond. */
const fractionDigits = 12;
const powers = Array.from({ length: fractionDigits + 1 }, (_, power) => 10 ** power);
const longest = '9999-12-31T23:59:59.999'.length;
const blockBytes = 2 ** 16;

/**
 * Writes the texts of ordinary dates, as `serialText` of dates.ts has them, from the digits in the file to bytes: of the
 * cells of a sheet those with dates are the dearest. The bytes of a text are never written to again.
 */
export class DateBytes {
  bytes = Buffer.allocUnsafe(blockBytes);
  start = 0;
  end = 0;

  /** False: it is no ordinary date, and nothing is written. */
  write(from: Buffer, start: number, end: number, kind: NumberKind, date1904: boolean): boolean {
    if (kind === 'duration') return false;
    let at = start;
    let days = 0;
    let digit = from[at]! - zero;
    while (at < end && digit >= 0 && digit <= 9) {
      days = days * 10 + digit;
      digit = from[++at]! - zero;
    }
    if (at === start || at - start > 7) return false;
    let ms = 0;
    if (at < end) {
      ms = millisecondsOf(from, at, end);
      if (ms < 0) return false;
      if (ms === msOfDay) {
        ms = 0;
        days++;
      }
    }
    const timeOnly = kind === 'time' && days === 0;
    // The first two months of 1900 are not what they seem.
    if (!timeOnly && !date1904 && days <= 60) return false;
    const day = days - (date1904 ? epoch1904 : epoch1900);
    if (day > lastDay) return false;
    if (this.end + longest > this.bytes.length) {
      this.bytes = Buffer.allocUnsafe(blockBytes);
      this.end = 0;
    }
    this.start = this.end;
    if (!timeOnly) {
      this.#day(day);
      if (kind === 'date' && ms === 0) return true;
      this.bytes[this.end++] = 0x54;
    }
    this.#time(ms);
    return true;
  }

  /** Days from 1970-01-01 to a date of the calendar, in years that begin in March and cycles of 400 of them. */
  #day(day: number): void {
    const shifted = day + 719_468;
    const cycle = (shifted / 146_097) | 0;
    const inCycle = shifted - cycle * 146_097;
    const yearInCycle =
      ((inCycle - ((inCycle / 1460) | 0) + ((inCycle / 36_524) | 0) - ((inCycle / 146_096) | 0)) /
        365) |
      0;
    const inYear =
      inCycle - (365 * yearInCycle + ((yearInCycle / 4) | 0) - ((yearInCycle / 100) | 0));
    const monthFromMarch = ((5 * inYear + 2) / 153) | 0;
    const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
    const year = yearInCycle + cycle * 400 + (month <= 2 ? 1 : 0);
    this.#two((year / 100) | 0);
    this.#two(year % 100);
    this.bytes[this.end++] = 0x2d;
    this.#two(month);
    this.bytes[this.end++] = 0x2d;
    this.#two(inYear - (((153 * monthFromMarch + 2) / 5) | 0) + 1);
  }

  #time(ms: number): void {
    const seconds = (ms / 1000) | 0;
    this.#two((seconds / 3600) | 0);
    this.bytes[this.end++] = 0x3a;
    this.#two(((seconds / 60) | 0) % 60);
    this.bytes[this.end++] = 0x3a;
    this.#two(seconds % 60);
    const rest = ms % 1000;
    if (rest === 0) return;
    this.bytes[this.end++] = 0x2e;
    this.bytes[this.end++] = zero + ((rest / 100) | 0);
    this.#two(rest % 100);
  }

  #two(value: number): void {
    const tens = (value / 10) | 0;
    this.bytes[this.end++] = zero + tens;
    this.bytes[this.end++] = zero + value - 10 * tens;
  }
}

/** Milliseconds of the part of a day that stands from a point on; -1: there is something else. */
function millisecondsOf(from: Buffer, point: number, end: number): number {
  if (from[point] !== 0x2e || point + 1 === end) return -1;
  let fraction = 0;
  let digits = 0;
  for (let at = point + 1; at < end; at++) {
    const digit = from[at]! - zero;
    if (!(digit >= 0 && digit <= 9)) return -1;
    if (digits === fractionDigits) continue;
    fraction = fraction * 10 + digit;
    digits++;
  }
  return Math.round((fraction / powers[digits]!) * msOfDay);
}
