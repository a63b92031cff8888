import { describe, expect, it } from '@jest/globals';
import { nextRun } from '../../src/jobs/schedule.js';

function moments(cron: string, timezone: string, after: string, count: number): string[] {
  const found: string[] = [];
  let at = new Date(after);
  while (found.length < count) {
    at = nextRun({ cron, timezone }, at);
    found.push(at.toISOString().replace(':00.000Z', 'Z'));
  }
  return found;
}

describe('a schedule', () => {
  it.each([
    ['* * * * *', '2026-01-01T00:00Z', '2026-01-01T00:01Z'],
    ['*/15 * * * *', '2026-01-01T00:00:01Z', '2026-01-01T00:15Z'],
    ['30 2 * * *', '2026-01-01T02:30Z', '2026-01-02T02:30Z'],
    ['30 2 * * *', '2026-01-01T02:29:59.999Z', '2026-01-01T02:30Z'],
    ['0 6 * * MON-FRI', '2026-01-02T07:00Z', '2026-01-05T06:00Z'],
    ['0 0 * * 7', '2026-01-01T00:00Z', '2026-01-04T00:00Z'],
    ['0 0 1 JAN,JUL *', '2026-01-02T00:00Z', '2026-07-01T00:00Z'],
    ['0 0 13 * 5', '2026-02-01T00:00Z', '2026-02-06T00:00Z'],
    ['0 0 29 2 *', '2026-01-01T00:00Z', '2028-02-29T00:00Z'],
    ['  0  0   1 1 *  ', '2026-01-01T00:00Z', '2027-01-01T00:00Z'],
  ])('of "%s" is due next after %s at %s', (cron, after, next) => {
    expect(nextRun({ cron, timezone: 'UTC' }, new Date(after))).toEqual(new Date(next));
  });

  it.each([
    ['Asia/Kolkata', '2026-01-01T21:00Z'],
    ['America/New_York', '2026-01-01T07:30Z'],
    ['UTC', '2026-01-01T02:30Z'],
  ])('is read in its time zone %s', (timezone, next) => {
    const after = new Date('2026-01-01T00:00Z');
    expect(nextRun({ cron: '30 2 * * *', timezone }, after)).toEqual(new Date(next));
  });

  describe('on the days when clocks change', () => {
    it.each([
      // 29 March: 02:00 becomes 03:00. 25 October: 03:00 becomes 02:00.
      ['Europe/Zurich', '2026-03-28T00:00Z', ['28T01:30Z', '29T01:00Z', '30T00:30Z', '31T00:30Z']],
      ['Europe/Zurich', '2026-10-24T00:00Z', ['24T00:30Z', '25T00:30Z', '26T01:30Z', '27T01:30Z']],
      // 8 March: 02:00 becomes 03:00. 1 November: 02:00 becomes 01:00, so that 02:30 comes once anyway.
      ['America/New_York', '2026-03-07T00:00Z', ['07T07:30Z', '08T07:00Z', '09T06:30Z']],
      ['America/New_York', '2026-11-01T00:00Z', ['01T07:30Z', '02T07:30Z']],
    ])('at 02:30 in %s after %s is due once a day', (timezone, after, expected) => {
      const month = after.slice(0, 8);
      expect(moments('30 2 * * *', timezone, after, expected.length)).toEqual(
        expected.map((day) => `${month}${day}`),
      );
    });

    it('at a time that comes twice in New York is due at its first coming', () => {
      expect(moments('30 1 * * *', 'America/New_York', '2026-10-31T00:00Z', 3)).toEqual([
        '2026-10-31T05:30Z',
        '2026-11-01T05:30Z',
        '2026-11-02T06:30Z',
      ]);
    });

    it('at several fixed times is due once for each that there is', () => {
      expect(moments('0,30 2,14 * * *', 'Europe/Zurich', '2026-10-24T22:00Z', 4)).toEqual([
        '2026-10-25T00:00Z',
        '2026-10-25T00:30Z',
        '2026-10-25T13:00Z',
        '2026-10-25T13:30Z',
      ]);
    });

    it.each([
      ['Europe/Zurich', '2026-03-28T23:00Z', 23],
      ['Europe/Zurich', '2026-10-24T22:00Z', 25],
      ['America/New_York', '2026-03-08T05:00Z', 23],
      ['America/New_York', '2026-11-01T04:00Z', 25],
    ])('every hour in %s is due each hour that passes, %s and on', (timezone, midnight, hours) => {
      const start = new Date(midnight).getTime();
      expect(moments('0 * * * *', timezone, midnight, hours)).toEqual(
        Array.from({ length: hours }, (_, hour) =>
          new Date(start + (hour + 1) * 3_600_000).toISOString().replace(':00.000Z', 'Z'),
        ),
      );
    });
  });

  it.each([
    ['0 0 * *', /has 4 fields, and must have five/],
    ['0 0 0 * * *', /has 6 fields, and must have five/],
    ['@daily', /has 1 field, and must have five/],
    ['60 * * * *', /minute/],
    ['0 24 * * *', /hour/],
    ['0 0 32 * *', /day/],
    ['0 0 * 13 *', /month/],
    ['*/0 * * * *', /stepping/],
    ['every day at two o’clock', /not valid/],
    ['0 0 30 2 *', /no such day/],
  ])('of "%s" is refused, with what is wrong', (cron, reason) => {
    const next = () => nextRun({ cron, timezone: 'UTC' }, new Date('2026-01-01T00:00Z'));
    expect(next).toThrow(reason);
    expect(next).toThrow(
      expect.objectContaining({
        code: 'INVALID_INPUT',
        details: { field: 'schedule.cron', value: cron },
      }),
    );
  });
});
