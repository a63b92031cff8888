import { describe, expect, it } from '@jest/globals';
import { xmlParser } from '../../../src/formats/xml/parser.js';
import { defaultFormatLimits } from '../../../src/limits.js';
import { randomFrom, type Random } from '../../support/random.js';
import { collectRows } from '../../support/rows.js';

function element(random: Random, depth: number): string {
  const name = random.pick(['a', 'b', 'c', 'p:b', 'd']);
  const attributes = ['id', 'k']
    .filter(() => random.oneIn(3))
    .map((key) => ` ${key}="${random.oneIn(4) ? '&lt;' : random(3)}"`);
  const parts: string[] = [];
  for (let count = depth > 4 ? 0 : random(5); count > 0; count--)
    parts.push(element(random, depth + 1));
  if (random(3) > 0 && (parts.length === 0 || random.oneIn(6)))
    parts.splice(
      random(parts.length + 1),
      0,
      ['x', ' y\r\n ', '&amp;', '<![CDATA[z]]>', 'ü<!-- c -->'][random(5)]!,
    );
  if (parts.length === 0 && random.oneIn(2)) return `<${name}${attributes.join('')}/>`;
  return `<${name}${attributes.join('')}>${parts.join(random.oneIn(2) ? '\n ' : '')}</${name}>`;
}

function rowsOf(xml: string, xpath: string, piece: number, flatten: readonly string[]) {
  const rows = collectRows();
  const parser = xmlParser(
    { origin: 'x', partial: false },
    { xpath, flatten },
    rows.sink,
    defaultFormatLimits,
  );
  const bytes = Buffer.from(xml);
  for (let at = 0; at < bytes.length; at += piece) parser.push(bytes.subarray(at, at + piece));
  try {
    parser.end();
  } catch (error) {
    // Which of nothing found is an error may differ: conditions count as a reason.
    if ((error as { code?: string }).code !== 'RECORDS_NOT_FOUND') throw error;
  }
  return { columns: rows.columns, rows: rows.rows, records: rows.records };
}

describe('streaming and the whole document', () => {
  const xpaths = [
    '/r/a',
    '/r/*',
    '//b',
    '//a//b',
    '//p:b',
    '/r/a/b[@id]',
    "//*[@id='1' and @k]",
    '//b[2]',
    '/r/a[position()<=2]/c',
    "//b[@id != '1'][1]",
    '//a | //c/d',
    '//c[@k][1] | /r/b',
    "/r/a[b = '1']",
    '//a[b][2] | //b[not(c)][@id][1]',
    "//a[contains(., 'x') or count(.//b) > 1]",
    "//*[starts-with(normalize-space(b), 'y')]",
    '/r/*[string-length(a) = 1 or a/b/@id]',
    "//b[(a | c)/d[2] or *[@k = '1' and not(*)]]",
    "//*[local-name() = 'b' and text()][position() = 1]",
  ];

  it.each(xpaths)('give equal rows for %s', (xpath) => {
    for (let seed = 1; seed <= 25; seed++) {
      const random = randomFrom(seed);
      const xml = `<r>${Array.from({ length: 1 + random(12) }, () => element(random, 1)).join('')}</r>`;
      const flatten = seed % 3 === 0 ? ['a', 'b.c'] : [];
      // A condition that always holds and looks at the document as a whole.
      const whole = rowsOf(
        xml,
        xpath
          .split('|')
          .map((path) => `${path.trim()}[last() > 0]`)
          .join(' | '),
        1e9,
        flatten,
      );
      for (const piece of [1, 17, 1e9])
        expect([xml, piece, rowsOf(xml, xpath, piece, flatten)]).toEqual([xml, piece, whole]);
    }
  });
});
