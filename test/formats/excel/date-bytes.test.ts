import { describe, expect, it } from '@jest/globals';
import { DateBytes } from '../../../src/formats/excel/date-bytes.js';
import { serialText, type NumberKind } from '../../../src/formats/excel/dates.js';
import { randomFrom } from '../../support/random.js';

const dates = new DateBytes();

function written(digits: string, kind: NumberKind, date1904 = false): string | undefined {
  const bytes = Buffer.from(`<${digits}<`);
  if (!dates.write(bytes, 1, bytes.length - 1, kind, date1904)) return undefined;
  return dates.bytes.toString('latin1', dates.start, dates.end);
}

describe('dates that go from digits to bytes', () => {
  it('are the same as those that go through numbers', () => {
    const random = randomFrom(7);
    for (let n = 0; n < 20_000; n++) {
      const serial = random(2_958_466) + random(86_400_001) / 86_400_000;
      const kind = (['date', 'dateTime', 'time'] as const)[n % 3] ?? 'date';
      const date1904 = n % 2 === 1;
      const text = written(String(serial), kind, date1904);
      if (text !== undefined)
        expect([serial, text]).toEqual([serial, serialText(serial, kind, date1904)]);
      else expect(serial < 61 || serial >= 2_957_003).toBe(true);
    }
  });

  it('are whole days, days with a time and times', () => {
    expect(written('44197', 'date')).toBe('2021-01-01');
    expect(written('44197', 'dateTime')).toBe('2021-01-01T00:00:00');
    expect(written('44196.999999999999', 'dateTime')).toBe('2021-01-01T00:00:00');
    expect(written('44197.5000115740740', 'date')).toBe('2021-01-01T12:00:01');
    expect(written('0.75', 'time')).toBe('18:00:00');
    expect(written('61', 'date')).toBe('1900-03-01');
    expect(written('2958465', 'date')).toBe('9999-12-31');
    expect(written('0', 'date', true)).toBe('1904-01-01');
  });

  it('are left to others when they are special', () => {
    for (const digits of ['-1', '', '.5', '1e5', '44197.', '44197.x', ' 44197', '60.5', '2958466'])
      expect(written(digits, 'date')).toBeUndefined();
    expect(written('1.5', 'duration')).toBeUndefined();
  });

  it('stay as they are when others follow', () => {
    const places = Array.from({ length: 6000 }, (_, day) => {
      written(String(40_000 + day), 'date');
      return { bytes: dates.bytes, start: dates.start, end: dates.end, day };
    });
    for (const { bytes, start, end, day } of places)
      expect(bytes.toString('latin1', start, end)).toBe(serialText(40_000 + day, 'date', false));
  });
});
