import { describe, expect, it } from '@jest/globals';
import { anyNamespace } from '../../../src/formats/xml/document.js';
import { xmlParser } from '../../../src/formats/xml/parser.js';
import { defaultFormatLimits } from '../../../src/limits.js';
import { collectRows } from '../../support/rows.js';

function rows(xpath: string, xml: string): number {
  const found = collectRows();
  const source = { origin: 'a.xml', partial: false };
  const parser = xmlParser(source, { xpath }, found.sink, defaultFormatLimits);
  parser.push(Buffer.from(xml));
  parser.end();
  return found.rows.length;
}

describe('an XPath over a document in memory', () => {
  const twice = '<r><x><n>abcd</n><n>b</n></x><x><n>b</n></x></r>';

  it.each([
    ['//x[string-length(n) > 3]', 1],
    ["//x[contains(n, 'ab')]", 1],
    ["//x[starts-with(normalize-space(n), 'b')]", 1],
    ["//x[concat(n, '-', count(n)) = 'abcd-2']", 1],
    ['//x[string-length() > 4]', 1],
  ])('takes the first of several nodes as XPath 1.0 does: %s', (xpath, expected) => {
    expect(rows(xpath, twice)).toBe(expected);
  });

  it('leaves text in quotes and functions of node sets alone', () => {
    expect(anyNamespace("//a[count(b) > 1 and contains(c, 'd, (e)')]")).toBe(
      "//*:a[count(*:b) > 1 and contains((*:c)[1],( 'd, (e)')[1])]",
    );
  });
});
