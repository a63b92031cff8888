import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { checkOf } from '../../src/engine/checks.js';
import { openDuckDB } from '../../src/engine/duckdb.js';
import type { Engine } from '../../src/engine/engine.js';
import { parseDatePattern } from '../../src/formats/date-pattern.js';
import { sql, value } from '../../src/sql.js';

let engine: Engine;
beforeAll(async () => {
  engine = await openDuckDB({ threads: 1 });
});
afterAll(async () => {
  await engine.close();
});

/** What the engine makes of a text by a pattern; null when it does not fit. */
async function read(pattern: string, text: string) {
  const parsed = parseDatePattern(pattern);
  const column = { name: 'a', source: 'a', occurrence: 0, inferred: false, type: parsed.type };
  const check = checkOf({ ...column, pattern: parsed }, sql`t`, sql`v`);
  const [row] = await engine.read((session) =>
    session.rows(sql`select case when ${check.fits ?? sql`true`} then v::varchar end as v
      from (select t, ${check.parsed ?? sql`t`} as v from (select ${value(text)}::varchar as t))`),
  );
  return row?.v;
}

describe('parseDatePattern', () => {
  it.each([
    ['dd-MM-yyyy', '28-01-2018', '2018-01-28 00:00:00'],
    ['dd-MM-yyyy', '8-1-2018', '2018-01-08 00:00:00'],
    ['MM/dd/yyyy HH:mm', '1/2/2020 3:04', '2020-01-02 03:04:00'],
    ['yyyyMMdd', '2018128', null],
    ['ddMMyyyy', '8012018', null],
    ["MM'0'yyyy", '102018', null],
    ['dd-MM-yyyy', '28-01-18', null],
    ['dd-MM-yyyy', '31-02-2018', null],
    ['dd-MM-yyyy', ' 28-01-2018', null],
    ['d/M/yyyy', '8/1/2018', '2018-01-08 00:00:00'],
    ['d/M/yyyy', '28/11/2018', '2018-11-28 00:00:00'],
    ['MM/dd/yyyy HH:mm:ss', '01/28/2018 23:05:09', '2018-01-28 23:05:09'],
    ['M/d/yy h:mm a', '1/8/18 12:05 am', '2018-01-08 00:05:00'],
    ['M/d/yy h:mm a', '1/8/69 1:05 PM', '1969-01-08 13:05:00'],
    ['MMM d, yyyy', 'Jan 8, 2018', '2018-01-08 00:00:00'],
    ['MMM d, yyyy', 'JAN 28, 2018', '2018-01-28 00:00:00'],
    ['MMM d, yyyy', 'January 28, 2018', null],
    ['MMMM d, yyyy', 'January 28, 2018', '2018-01-28 00:00:00'],
    ['EEE, d MMM yyyy', 'Sun, 28 Jan 2018', '2018-01-28 00:00:00'],
    ['EEEE d MMMM yyyy', 'Sunday 28 January 2018', '2018-01-28 00:00:00'],
    ['yyyyMMdd', '20180128', '2018-01-28 00:00:00'],
    ['yyyyMMddHHmmssSSS', '20180128131415123', '2018-01-28 13:14:15.123'],
    ["yyyy-MM-dd'T'HH:mm:ss.SSS", '2018-01-28T13:14:15.120', '2018-01-28 13:14:15.12'],
    ["yyyy-MM-dd'T'HH:mm:ss.SSSSSS", '2018-01-28T13:14:15.123456', '2018-01-28 13:14:15.123456'],
    ["yyyy-MM-dd'T'HH:mm:ssX", '2018-01-28T13:14:15Z', '2018-01-28 13:14:15+00'],
    ["yyyy-MM-dd'T'HH:mm:ssX", '2018-01-28T13:14:15+02', '2018-01-28 11:14:15+00'],
    ["yyyy-MM-dd'T'HH:mm:ssXX", '2018-01-28T13:14:15-0330', '2018-01-28 16:44:15+00'],
    ["yyyy-MM-dd'T'HH:mm:ssXXX", '2018-01-28T13:14:15+05:30', '2018-01-28 07:44:15+00'],
    ["yyyy-MM-dd'T'HH:mm:ssXXX", '2018-01-28T13:14:15+0530', null],
    ['yyyy-MM-dd HH:mm:ss Z', '2018-01-28 13:14:15 +0200', '2018-01-28 11:14:15+00'],
    ['yyyy-MM-dd HH:mm z', '2018-07-28 13:14 Europe/Berlin', '2018-07-28 11:14:00+00'],
    ['yyyy-MM-dd HH:mm z', '2018-07-28 13:14 UTC', '2018-07-28 13:14:00+00'],
    ['yyyy-MM-dd HH:mm z', '2018-07-28 13:14 Nowhere', null],
    ['yyyy-MM-dd HH:mm z', '2018-07-28 13:14 PST', '2018-07-28 21:14:00+00'],
    ['yyyy-MM-dd HH:mm z', '2018-07-28 13:14 PDT', '2018-07-28 20:14:00+00'],
    ['yyyy-MM-dd HH:mm z', '2018-01-28 13:14 EST', '2018-01-28 18:14:00+00'],
    ['yyyy-MM-dd HH:mm z', '2018-07-28 13:14 CEST', '2018-07-28 11:14:00+00'],
    ['yyyy-MM-dd HH:mm z', '2018-07-28 13:14 CET', '2018-07-28 12:14:00+00'],
    ['yyyy-MM-dd HH:mm z', '2018-07-28 13:14 GMT+2', '2018-07-28 11:14:00+00'],
    ['yyyy-MM-dd HH:mm z', '2018-07-28 13:14 GMT-05:00', '2018-07-28 18:14:00+00'],
    ['yyyy-MM-dd HH:mm z', '2018-07-28 13:14 Etc/GMT+2', '2018-07-28 15:14:00+00'],
    ['yyyy-MM-dd HH:mm z', '2018-07-28 13:14 America/New_York', '2018-07-28 17:14:00+00'],
    ['yyyy-MM-dd HH:mm z', '2018-07-28 13:14 IST', null],
    ['yyyy-MM-dd HH:mm z', '2018-07-28 13:14 BST', null],
    ['EEE MMM dd HH:mm:ss z yyyy', 'Sat Jul 28 13:14:15 PDT 2018', '2018-07-28 20:14:15+00'],
    ["h 'o''clock' a", "3 o'clock PM", '1900-01-01 15:00:00'],
    ["yyyy.MM 100'%'", '2018.05 100%', '2018-05-01 00:00:00'],
    ['MMM yyyy', 'May 2018', '2018-05-01 00:00:00'],
    ['HH:mm', '24:00', null],
    ['HH:mm', '23:59', '1900-01-01 23:59:00'],
    ['d. MMMM yyyy', '3. May 2018', '2018-05-03 00:00:00'],
  ])('%s reads %s as %s', async (pattern, text, expected) => {
    expect(await read(pattern, text)).toBe(expected);
  });

  it.each([
    ['dd-MM-yyyy', 'DATE'],
    ['HH:mm:ss', 'TIME'],
    ['dd-MM-yyyy HH', 'TIMESTAMP'],
    ['dd-MM-yyyy HH:mm Z', 'TIMESTAMP_TZ'],
  ])('%s makes a %s', (pattern, type) => {
    expect(parseDatePattern(pattern).type).toBe(type);
  });

  it.each([
    ['dd-MM-YYYY', 'letter "Y"'],
    ['dd-bb-yyyy', 'letter "b"'],
    ['dd-MM-yyy', '"yyy"'],
    ['DDD yyyy', 'letter "D"'],
    ['kk:mm', 'letter "k"'],
    ['HH:mm:ss.SSSSSSS', 'six digits'],
    ['hh:mm', 'need each other'],
    ['HH:mm a', 'need each other'],
    ['dd-MM', 'needs a year'],
    ['dd yyyy', 'needs a month'],
    ['mm:ss', 'needs hours'],
    ['HH:ss', 'need minutes'],
    ['yyyy-MM-dd yyyy', 'year twice'],
    ['HH:mm Z', 'needs a date and a time'],
    ['dMyyyy', 'two letters'],
    ['yyyy-MM-dd[ HH:mm]', 'not supported'],
    ["yyyy 'oclock", 'not closed'],
    ['-', 'neither'],
    ['', 'neither'],
    ['yyyy constructor', 'letter "c"'],
  ])('refuses %s and says why', (pattern, why) => {
    expect(() => parseDatePattern(pattern)).toThrow(
      expect.objectContaining({
        code: 'INVALID_DATE_PATTERN',
        message: expect.stringContaining(why),
      }),
    );
  });
});
