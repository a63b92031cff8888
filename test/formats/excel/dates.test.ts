import { describe, expect, it } from '@jest/globals';
import { SSF } from 'xlsx';
import {
  builtInKind,
  isoText,
  kindOfFormat,
  serialText,
  type NumberKind,
} from '../../../src/formats/excel/dates.js';

const ssf = SSF as {
  is_date(format: string): boolean;
  format(format: string, value: number, options?: { date1904?: boolean }): string;
};

const formats: readonly (readonly [code: string, kind: NumberKind])[] = [
  ['General', 'number'],
  ['0.00', 'number'],
  ['#,##0.00 "days"', 'number'],
  ['0%', 'number'],
  ['0.00E+00', 'number'],
  ['[$kr-41D] #,##0', 'number'],
  ['[Red]-0.0;[Magenta]0.0', 'number'],
  ['_(* #,##0_);_(* \\(#,##0\\);_(* "-"_)', 'number'],
  ['0\\d', 'number'],
  ['@', 'number'],
  ['# ?/?', 'number'],
  ['[>=1000]0.0,"k";0', 'number'],
  ['yyyy-mm-dd', 'date'],
  ['m/d/yy', 'date'],
  ['[$-409]d\\-mmm\\-yy;@', 'date'],
  ['[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy', 'date'],
  ['yyyy"年"m"月"d"日"', 'date'],
  ['mmm', 'date'],
  ['[$-411]ge.m.d', 'date'],
  ['dd/mm/yyyy hh:mm', 'dateTime'],
  ['yyyy\\-mm\\-dd\\Thh:mm:ss.000', 'dateTime'],
  ['[$-409]m/d/yy h:mm AM/PM;@', 'dateTime'],
  ['h:mm AM/PM', 'time'],
  ['[$-F400]h:mm:ss\\ AM/PM', 'time'],
  ['mm:ss.0', 'time'],
  ['hh:mm', 'time'],
  ['[h]:mm:ss', 'duration'],
  ['[mm]:ss', 'duration'],
  ['[ss].00', 'duration'],
];

describe('number formats', () => {
  it.each(formats)('%s shows a %s', (code, kind) => {
    expect(kindOfFormat(code)).toBe(kind);
    expect(ssf.is_date(code)).toBe(kind !== 'number');
  });

  it('are known by number where the file has no code', () => {
    const kinds = [0, 2, 10, 14, 18, 22, 27, 45, 46, 47, 49, 58].map(builtInKind);
    expect(kinds).toEqual([
      'number',
      'number',
      'number',
      'date',
      'time',
      'dateTime',
      'date',
      'time',
      'duration',
      'time',
      'number',
      'date',
    ]);
  });

  it('of a megabyte take no long time to read', () => {
    expect(kindOfFormat('"'.repeat(1e6))).toBe('number');
    expect(kindOfFormat('['.repeat(1e6))).toBe('number');
    expect(kindOfFormat('ym'.repeat(5e5))).toBe('date');
  });
});

describe('dates', () => {
  const serials = [
    1, 2, 31, 32, 58, 59, 61, 366, 367, 1462, 25569, 36526, 43831, 43890, 45658, 73050, 2958465,
  ];

  it('are those that Excel shows', () => {
    for (const serial of serials) {
      expect(serialText(serial, 'date', false)).toBe(ssf.format('yyyy-mm-dd', serial));
      expect(serialText(serial + 0.25, 'dateTime', false)).toBe(
        `${ssf.format('yyyy-mm-dd', serial)}T06:00:00`,
      );
    }
  });

  it('count from 1904 where the workbook says so', () => {
    expect(serialText(0, 'date', true)).toBe('1904-01-01');
    expect(serialText(60, 'date', true)).toBe('1904-03-01');
    for (const serial of [1, 59, 60, 61, 42369, 44196])
      expect(serialText(serial, 'date', true)).toBe(
        ssf.format('yyyy-mm-dd', serial, { date1904: true }),
      );
  });

  it('have no noise of fractions', () => {
    expect(serialText(43831.999988426, 'dateTime', false)).toBe('2020-01-01T23:59:59');
    expect(serialText(43831.99999999999, 'dateTime', false)).toBe('2020-01-02T00:00:00');
    expect(serialText(0.1 + 0.2, 'time', false)).toBe('07:12:00');
    expect(serialText(43831 + 1 / 86400000, 'dateTime', false)).toBe('2020-01-01T00:00:00.001');
    for (let second = 0; second < 86400; second += 61)
      expect(serialText(45000 + second / 86400, 'dateTime', false)).toBe(
        new Date(Date.UTC(2023, 2, 15, 0, 0, second)).toISOString().slice(0, 19),
      );
  });

  it('keep the time at midnight by the format, and one that the format hides', () => {
    expect(serialText(43831, 'dateTime', false)).toBe('2020-01-01T00:00:00');
    expect(serialText(43831, 'date', false)).toBe('2020-01-01');
    expect(serialText(43831.5, 'date', false)).toBe('2020-01-01T12:00:00');
    expect(serialText(0.75, 'time', false)).toBe('18:00:00');
    expect(serialText(43831.75, 'time', false)).toBe('2020-01-01T18:00:00');
  });

  it('are none before 1900 and behind 9999', () => {
    expect(serialText(0, 'date', false)).toBe('1899-12-31');
    expect(serialText(60, 'date', false)).toBe('1900-02-28');
    expect(serialText(-1, 'date', false)).toBeUndefined();
    expect(serialText(2958466, 'date', false)).toBeUndefined();
    expect(serialText(1e300, 'duration', false)).toBeUndefined();
  });

  it('that are elapsed time may be longer than a day', () => {
    expect(serialText(1.5, 'duration', false)).toBe('36:00:00');
    expect(serialText(0.5 / 86400, 'duration', false)).toBe('0:00:00.500');
    expect(serialText(-0.25, 'duration', true)).toBe('-6:00:00');
  });

  it.each([
    ['2020-01-02', 'number', '2020-01-02'],
    ['2020-01-02T00:00:00', 'date', '2020-01-02'],
    ['2020-01-02T00:00:00.000', 'dateTime', '2020-01-02T00:00:00'],
    ['2020-01-02T08:30', 'dateTime', '2020-01-02T08:30:00'],
    ['2020-01-02T08:30:01.250Z', 'date', '2020-01-02T08:30:01.25Z'],
    ['08:30', 'time', '08:30:00'],
    ['soon', 'date', 'soon'],
    ['', 'date', ''],
  ] as const)('in ISO 8601 stay: %s', (text, kind, expected) => {
    expect(isoText(text, kind)).toBe(expected);
  });
});
