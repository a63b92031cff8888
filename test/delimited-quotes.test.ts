import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { endsOutsideQuotes, QuoteCheck, quotesIn } from '../src/delimited-quotes.js';

const dir = mkdtemp(join(tmpdir(), 'bucketql-quotes-'));
let path: string;
beforeAll(async () => {
  path = join(await dir, 'a.csv');
});
afterAll(async () => rm(await dir, { recursive: true }));

const doubled = { delimiter: ',', quote: '"', escape: '"' };
const escaped = { delimiter: ',', quote: '"', escape: '\\' };

describe('how quotes stand in a text', () => {
  it.each([
    ['a,b\n', 'NONE'],
    ['a  b, c\n', 'NONE'],
    ['"a","b"\n', 'PLAIN'],
    ['"a" ,"b"   \n "c", "d ""e"" f"\n', 'PLAIN'],
    ['"a" "b"\n', 'SPACED'],
    ['"a"    "b"\n', 'SPACED'],
    ['a,  "b"\n', 'SPACED'],
    ['"a"  ,      "b"\n', 'SPACED'],
    ['"a" ', 'PLAIN'],
    ['  "', 'SPACED'],
  ])('%j: %s, in pieces of any size', async (text, expected) => {
    for (let size = 1; size <= text.length; size++) {
      const check = new QuoteCheck('"');
      for (let at = 0; at < text.length; at += size)
        check.add(Buffer.from(text.slice(at, at + size)));
      expect([size, check.quotes]).toEqual([size, expected]);
    }
    await writeFile(path, text.replaceAll('"', "'"));
    expect(await quotesIn(path, "'")).toBe(expected);
    expect(await quotesIn(path, '"')).toBe('NONE');
  });
});

// Far from the end, and over the borders of what is read at once.
const farFromTheEnd = [(1 << 14) - 3, 1 << 14, (1 << 14) + 2, 3_000_000];

describe('the end of a text', () => {
  const ends = async (text: string, dialect = doubled) => {
    await writeFile(path, text);
    return endsOutsideQuotes(path, dialect);
  };

  it.each([
    '',
    '\n',
    '1,2\n',
    '1,"a"\n2,b',
    '1,"a"  \n',
    '1,""\n2,""',
    '1,""""\n',
    '1,"""a"""\n',
    '1,"a ""b"" c"',
    '1,"ends with a delimiter,"\n2,b\n',
    '1,"ends with a line\n"\n2,"x\n"\n',
    '1,","\n2,","\n',
    '1,5" pipe\n2,x\n',
    '"1\n2","3"\n"4","5,"\n',
  ])('is outside of quotes: %j', async (text) => {
    expect(await ends(text)).toBe(true);
    for (const bytes of farFromTheEnd)
      expect([bytes, await ends(`${text}\n`.padEnd(bytes, '1,2\n'))]).toEqual([bytes, true]);
  });

  it.each([
    '"',
    '1,"never closed',
    '1,"never closed\n',
    '1, "never closed\n2,x\n',
    '1,"a"\n2,"never, closed\n3,b\n',
    '1,"""never closed\n',
    '1,"never closed""\n',
    '1,"never"" closed\n',
    '1,",\n',
    '1,"ends with a line\n"\n2,"\n',
    '1,"x","",\n2,"y,"\n3,"',
  ])('is inside of quotes: %j', async (text) => {
    expect(await ends(text)).toBe(false);
    for (const bytes of farFromTheEnd)
      expect([bytes, await ends(text.padEnd(bytes, '1,2\n'))]).toEqual([bytes, false]);
  });

  it.each([
    ['1,"a \\" b"\n', true],
    ['1,"a \\\\"\n', true],
    ['1,"a\\"\n', false],
    ['1,"a \\" b\n', false],
    ['1,""\n', true],
    ['1,"a"",b\n', false],
    ['1,"""\n', false],
  ])('with an escape of its own: %j is %s', async (text, expected) => {
    expect(await ends(text, escaped)).toBe(expected);
  });

  it('knows delimiters of several characters, and spaces as such', async () => {
    expect(await ends('1||"a"||2\n', { ...doubled, delimiter: '||' })).toBe(true);
    expect(await ends('1||"a||2\n', { ...doubled, delimiter: '||' })).toBe(false);
    expect(await ends('1 "a" 2\n', { ...doubled, delimiter: ' ' })).toBe(true);
    expect(await ends('1 "a 2\n', { ...doubled, delimiter: ' ' })).toBe(false);
  });

  it('is not sure where more stands beside a quote than is looked at', async () => {
    const spaces = ' '.repeat(200);
    expect(await ends(`1,"a"${spaces}\n`.padEnd(20_000, '1,2\n'))).toBe(true);
    expect(await ends(`${'1,2\n'.repeat(5_000)}1,x${spaces}"\n`)).toBe(true);
    const cut = `"a"${spaces}\n`.padEnd((1 << 14) + 3, '1,2\n');
    expect(await ends(`${'1,2\n'.repeat(5_000)}1,${cut}`)).toBe(false);
  });

  it('gives up where too many quotes say nothing', async () => {
    expect(await ends('"a","b"\n'.padEnd(3_000_000, '"",""\n'))).toBe(true);
    expect(await ends('"a","b"\n'.padEnd(4_000_000, '"",""\n'))).toBe(false);
  });
});
