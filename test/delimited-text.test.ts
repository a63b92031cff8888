import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { scanFile } from '../src/delimited-file.js';
import { fieldsOf, RecordScanner } from '../src/delimited-text.js';
import type { DelimitedDialect } from '../src/relation.js';

const comma: DelimitedDialect = { delimiter: ',', quote: '"', escape: '"' };

/** Line, text and number of fields of each record, the text handed over in pieces of a size. */
function records(text: string, dialect: DelimitedDialect, size: number) {
  const scanner = new RecordScanner(dialect, 2);
  const bytes = Buffer.from(text);
  const found: unknown[] = [];
  let held = Buffer.alloc(0);
  for (let at = 0; at < bytes.length; at += size) {
    const buffer = Buffer.concat([held, bytes.subarray(at, at + size)]);
    const final = at + size >= bytes.length;
    const used = scanner.scan(buffer, 0, final, ({ line, start, end, fields, fault }) => {
      found.push([line, buffer.toString('utf8', start, end), fields, fault]);
    });
    held = Buffer.from(buffer.subarray(used));
  }
  expect(held).toHaveLength(0);
  return found;
}

describe('RecordScanner', () => {
  it.each([
    ['LF', 'a,b\n\n"x\n""y""",2\n3\n4,"5"'],
    ['CRLF', 'a,b\r\n\r\n"x\r\n""y""",2\r\n3\r\n4,"5"\r\n'],
    ['CR', 'a,b\r\r"x\r""y""",2\r3\r4,"5"\r'],
  ])('finds the same records whatever the pieces (%s)', (_, text) => {
    const whole = records(text, comma, text.length);
    expect(whole).toMatchObject([
      [1, 'a,b', 2, null],
      [3, expect.stringContaining('""y"""'), 2, null],
      [5, '3', 1, null],
      [6, '4,"5"', 2, null],
    ]);
    for (let size = 1; size < text.length; size++)
      expect(records(text, comma, size)).toEqual(whole);
  });

  it('follows delimiters of several bytes and escapes over the ends of pieces', () => {
    const dialect = { delimiter: '||', quote: '"', escape: '\\' };
    const text = 'a||b|c\n"x\\"||\\\\"||2\n§||"q\\\nr"\n';
    const whole = records(text, dialect, 1000);
    expect(whole).toEqual([
      [1, 'a||b|c', 2, null],
      [2, '"x\\"||\\\\"||2', 2, null],
      [3, '§||"q\\\nr"', 2, null],
    ]);
    for (let size = 1; size < 40; size++) expect(records(text, dialect, size)).toEqual(whole);
  });

  it('goes on with the next line behind a damaged field', () => {
    expect(records('"a"b,c\n1,2\n', comma, 100)).toEqual([
      [1, '"a"b,c', 2, 'TEXT_AFTER_QUOTE'],
      [2, '1,2', 2, null],
    ]);
    expect(records('1,2\n3,"x\n4,5\n', comma, 100)).toEqual([
      [1, '1,2', 2, null],
      [2, '3,"x\n4,5\n', 2, 'UNCLOSED_QUOTE'],
    ]);
  });
});

describe('fieldsOf', () => {
  it('takes quotes and escapes away', () => {
    expect(fieldsOf('a,"b ""c""",, "d" ,e"f', comma)).toEqual(['a', 'b "c"', '', 'd', 'e"f']);
    expect(fieldsOf('"a\\"b"|c\\', { delimiter: '|', quote: '"', escape: '\\' })).toEqual([
      'a"b',
      'c\\',
    ]);
    expect(fieldsOf('"a"\t', { delimiter: '\t', quote: '', escape: '' })).toEqual(['"a"', '']);
  });
});

describe('scanFile', () => {
  it('reads files of many pieces and tells offsets and lines', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'scan-'));
    try {
      const path = join(folder, 'a.csv');
      const lines = Array.from({ length: 100_000 }, (_, i) => `${i},"text ${i}\nsecond line"`);
      const text = `\ufeffa,b\n${lines.join('\n')}\n`;
      await writeFile(path, text);
      const bytes = Buffer.from(text);
      let count = 0;
      const options = { origin: 'a.csv', dialect: comma, width: 2, skipLines: 1 };
      await scanFile(path, options, (_, record, offset) => {
        const from = offset + record.start;
        const found = bytes.toString('utf8', from, offset + record.end);
        if (found !== lines[count] || record.line !== 2 + count * 2) {
          throw new Error(`record ${count} at line ${record.line} is ${found}`);
        }
        count++;
      });
      expect(count).toBe(100_000);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
