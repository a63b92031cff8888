import { describe, expect, it } from '@jest/globals';
import { checkXPath, xmlParser } from '../../../src/formats/xml/parser.js';
import { parseXPath } from '../../../src/formats/xml/xpath-path.js';
import { defaultFormatLimits } from '../../../src/limits.js';
import { collectRows } from '../../support/rows.js';

interface Reading {
  readonly piece?: number;
  readonly maxDocumentBytes?: number;
}

function read(xml: string, xpath: string, { piece = 1e9, maxDocumentBytes = 1e6 }: Reading = {}) {
  const rows = collectRows();
  const source = { origin: 'drop.xml', partial: false };
  const limits = { ...defaultFormatLimits, maxDocumentBytes };
  const parser = xmlParser(source, { xpath }, rows.sink, limits);
  const bytes = Buffer.from(xml);
  for (let at = 0; at < bytes.length; at += piece) parser.push(bytes.subarray(at, at + piece));
  parser.end();
  return rows;
}

/** The attributes `n` of the picked records, joined. */
function picked(xml: string, xpath: string, reading?: Reading): string {
  return read(xml, xpath, reading)
    .objects()
    .map((row) => row['@n'])
    .join(' ');
}

const orders = `<rows>
  <row n="1"><name>Anna</name><price>50</price><status>open</status><customer id="7"/><item><sku>a</sku></item><item><sku>b</sku></item></row>
  <row n="2"><name>Bob</name><price>n/a</price><status>closed</status><deleted/><customer id="8"/><item><sku>b</sku></item></row>
  <row n="3"><name>Axel</name><price> 50.50 </price><status> open </status><x> </x></row>
  <row n="4" k=""><name>\u{1F600}\u{1F600}</name><price>-1</price><a>2</a><b>0</b></row>
  <row n="5"><price>1e3</price><a>2</a><a>x</a><p:b xmlns:p="urn:p">9</p:b></row>
</rows>`;

/** Conditions on /rows/row and the records for which they hold. */
const conditions: readonly (readonly [condition: string, wanted: string])[] = [
  // Comparisons of nodes with numbers: a text that is no number is NaN, 1e3 is none.
  ['price > 50', '3'],
  ['price >= 50', '1 3'],
  ['50 < price', '3'],
  ['price < 50', '4'],
  ['price = 50.5', '3'],
  ['price != 50', '2 3 4 5'],
  ['not(price = 50)', '2 3 4 5'],
  ['not(price > 0)', '2 4 5'],
  ['price = -1', '4'],
  ['number(price) = number(price)', '1 3 4'],
  // With texts.
  ["status = 'open'", '1'],
  ["normalize-space(status) = 'open'", '1 3'],
  ["status != 'open'", '2 3'],
  ["status > 'a'", ''],
  ["price > '50'", '3'],
  // One of several nodes is enough, none is not.
  ["item/sku = 'b'", '1 2'],
  ["item/sku != 'b'", '1'],
  ["not(item/sku = 'a')", '2 3 4 5'],
  ['a = b', ''],
  ['a != b', '4 5'],
  ['a > b', '4'],
  ['b > a', '5'],
  ['a <= a', '4 5'],
  // With booleans a set of nodes is whether there are some.
  ['deleted = true()', '2'],
  ['deleted = false()', '1 3 4 5'],
  ['item > (1 = 2)', '1 2'],
  ["true() = 'x'", '1 2 3 4 5'],
  // Whether there is something.
  ['deleted', '2'],
  ['not(deleted)', '1 3 4 5'],
  ['@k', '4'],
  ['@k or deleted', '2 4'],
  ['string(@k)', ''],
  ["''", ''],
  ["'0'", '1 2 3 4 5'],
  ['x', '3'],
  // Paths.
  ["customer/@id = '7'", '1'],
  ["customer[@id = '8']", '2'],
  ['.//@id', '1 2'],
  ['.//sku', '1 2'],
  ['descendant::sku[2]', '1'],
  ['.//sku[2]', ''],
  ['(.//sku)[2]', '1'],
  ["item[2]/sku = 'b'", '1'],
  ["(name | status)[1] = 'Anna'", '1'],
  ["(status | name)[2] = 'open'", '1'],
  ['*/*', '1 2'],
  ['p:b = 9', '5'],
  ['b', '4 5'],
  ['self::row[@k]', '4'],
  ["child::name/text() = 'Bob'", '2'],
  ["name[. = 'Bob']/self::node()", '2'],
  ["attribute::n = '2'", '2'],
  ['@*[2]', '4'],
  // Functions of texts.
  ["contains(name, 'n')", '1'],
  ["contains(deleted, '')", '1 2 3 4 5'],
  ["starts-with(name, 'A') and price >= 50", '1 3'],
  ['string-length(name) > 3', '1 3'],
  ['string-length(name) = 2', '4'],
  ["normalize-space(x) = ''", '1 2 3 4 5'],
  ["substring(name, 2) = 'ob'", '2'],
  ["substring(name, 0, 3) = 'An'", '1'],
  ["substring(name, 1.5, 2.6) = 'nna'", '1'],
  ['substring(name, 0 div 0) = name', ''],
  ["substring('12345', -42, 1 div 0) = '12345'", '1 2 3 4 5'],
  ["substring('12345', -1 div 0, 1 div 0) = ''", '1 2 3 4 5'],
  ["substring(name, 2, 1) = '\u{1F600}'", '4'],
  ["substring-before(price, '.') = ' 50'", '3'],
  ["substring-after(price, '/') = 'a'", '2'],
  ["substring-after(name, '') = 'Bob'", '2'],
  ["translate(name, 'ABno', 'ab') = 'aa'", '1'],
  ["concat(name, '-', count(item)) = 'Anna-2'", '1'],
  ["string(.) = 'n'", ''],
  ["starts-with(., 'Anna50open')", '1'],
  ["string(price * 0) = 'NaN'", '2 5'],
  ["string(-a * 0) = '0'", '4 5'],
  ["string(1 div 0) = 'Infinity' and string(-1 div 0) = '-Infinity'", '1 2 3 4 5'],
  ["string(100000000000 * 100000000000) = '10000000000000000000000'", '1 2 3 4 5'],
  ["string(1 div 10000000) = '0.0000001' and string(2.50) = '2.5'", '1 2 3 4 5'],
  ["string(true()) = 'true'", '1 2 3 4 5'],
  // Functions of numbers and nodes.
  ['count(item) > 1', '1'],
  ['count(* | @*) = 6', '4'],
  ['sum(a) = 2', '4'],
  ['sum(item) = 0', '3 4 5'],
  ['number(a) + 1 = 3', '4 5'],
  ['a + 1 = 3 and b', '4 5'],
  ['floor(price) = 50 and ceiling(price) = 51', '3'],
  ['round(price) = 51', '3'],
  ['round(-2.5) = -2 and round(2.5) = 3', '1 2 3 4 5'],
  ['-price = 1', '4'],
  ['--price = 50', '1'],
  ['@n mod 2 = 1', '1 3 5'],
  ['-5 mod 2 = -1 and 5 mod -2 = 1 and 1.5 mod .5 = 0', '1 2 3 4 5'],
  ['@n * 2 - 1 = 3', '2'],
  ['@n div 2 = 1.5', '3'],
  ['1 + 2 * 3 - 4 div 2 = 5', '1 2 3 4 5'],
  ['3 > 2 > 1', ''],
  ['1 = 1 = true()', '1 2 3 4 5'],
  ['false() and false() or true()', '1 2 3 4 5'],
  ['true() or true() and false()', '1 2 3 4 5'],
  ["name() = 'row' and local-name(*[last = 1]) = ''", '1 2 3 4 5'],
  ["name(p:b) = 'p:b' and local-name(p:b) = 'b'", '5'],
  ["name(@n) = 'n' and local-name(deleted) = 'deleted'", '2'],
  // A number alone is a position.
  ['count(item)', ''],
  ['count(item) + 1', '2'],
  ['number(b)', ''],
  ['@n', '1 2 3 4 5'],
  ['number(@n)', '1 2 3 4 5'],
  ['2', '2'],
  ['position() mod 2 = 0', '2 4'],
  ['position() > 3 or deleted', '2 4 5'],
];

describe('a condition on what a record holds', () => {
  it.each(conditions)('[%s] picks %s', (condition, wanted) => {
    const xpath = `/rows/row[${condition}]`;
    expect(parseXPath(xpath).streams).toBe(true);
    for (const piece of [1, 1e9]) expect(picked(orders, xpath, { piece })).toBe(wanted);
    // The same over the document in memory.
    expect(picked(orders, `/*[rows or *]/row[${condition}]`)).toBe(wanted);
  });

  const groups =
    '<r><g><x n="1"><a/></x><x n="2"/><x n="3"><a/></x></g><g><x n="4"/><x n="5"><a/><x n="6"><a/></x><x n="7"><a/></x></x><x n="8"><a/></x></g></r>';

  it.each([
    ['//x[a]', '1 3 5 6 7 8'],
    ['//x[a][2]', '3 7 8'],
    ['//x[2][a]', '5 7'],
    ['//x[a][position() > 1][1]', '3 7 8'],
    ['/r/g/x[a][1]', '1 5'],
    ['//x[x]', '5'],
    ['//x[x/a]/x[a][2]', '7'],
    ['//x[not(x)][a][2] | /r/g[1]/x[2]', '2 3 7'],
    ['//x[a][1] | //x[@n = 8]', '1 5 6 8'],
    ['//x[@n > 5][a]', '6 7 8'],
    ['//g[1]/x[a]', '1 3'],
    ['/r/g[x[2]/a]/x', '4 5 8'],
    ['//x[a and position() = 3]', '3 8'],
  ])('counts within the parent and may be nested: %s', (xpath, wanted) => {
    for (const piece of [1, 7, 1e9]) expect(picked(groups, xpath, { piece })).toBe(wanted);
  });

  it('numbers the records that are picked', () => {
    const { records } = read(orders, '/rows/row[item or a]');
    expect(records).toEqual([1, 2, 3, 4]);
  });

  it('holds one record in memory, whether it is picked or not', () => {
    const record = '<x><a>1</a></x>';
    const large = `<r>${record.repeat(5000)}<x n="1"><a>2</a></x></r>`;
    expect(picked(large, '/r/x[a = 2]', { maxDocumentBytes: 300, piece: 100 })).toBe('1');
  });

  it.each([
    ["/rows/row[customer/@id = '8']/item", '[customer'],
    ['/rows/row[last()]', '[last()'],
    ['/rows/row[../row]', '[../row'],
    ['/rows/row[//item]', '[//item'],
    ['/rows/row[following-sibling::row]', '[following-sibling'],
    ["/rows/row[id('a')]", "[id('a')"],
    ["/rows/row[lang('en')]", "[lang('en')"],
    ['/rows/row[$x]', '[$x'],
    ['//row[a]//b', '[a]//b'],
    ['descendant::row[a][1]', 'descendant::row'],
  ])('does not stream when it looks elsewhere: %s', (xpath, part) => {
    expect(parseXPath(xpath)).toEqual({
      streams: false,
      part: expect.stringContaining(part) as unknown,
    });
  });

  it('warns when it never holds', () => {
    const { rows, warnings } = read(orders, '/rows/row[price > 1000]');
    expect([rows, warnings]).toEqual([[], [expect.stringContaining('no records')]]);
  });
});

describe('a document in memory', () => {
  it.each([
    // XPath 3.1 would refuse the comparison of n/a with a number.
    ['/rows[row/price > 50]/row[@n < 3]', '1 2'],
    ['//row[//price > 50][1]', '1'],
    ["/rows/row[item/sku = 'b'][count(//row) = 5]", '1 2'],
    ['/rows/row[last()]', '5'],
    ['//sku/../..', '1 2'],
  ])('is asked for %s', (xpath, wanted) => {
    expect(picked(orders, xpath)).toBe(wanted);
  });

  it('gives nodes of nested elements in document order, each once', () => {
    const xml = '<r><a><a><b>1</b></a><b>2</b></a><b>3</b></r>';
    expect(read(xml, '//a//b[//a]').objects()).toEqual([{ b: '1' }, { b: '2' }]);
    expect(read(xml, '(//b | //a/b)[. > 0]/text()').objects()).toEqual([
      { value: '1' },
      { value: '2' },
      { value: '3' },
    ]);
  });
});

describe('a hostile XPath', () => {
  const refused = (xpath: string, message: RegExp) =>
    expect(() => checkXPath(xpath)).toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTIONS',
        message: expect.stringMatching(message) as unknown,
      }),
    );

  it('is refused when its brackets lie too deep', () => {
    for (const deep of [101, 4000]) {
      refused(`//a[${'('.repeat(deep)}b${')'.repeat(deep)}]`, /100 deep/);
      refused(`//a${'[a'.repeat(deep)}${']'.repeat(deep)}`, /100 deep/);
    }
    refused(`//a[${'not('.repeat(2500)}b${')'.repeat(2500)}]`, /100 deep/);
    refused(`//a[${'('.repeat(10_000)}b${')'.repeat(10_000)}]`, /longer than/);
    expect(picked(orders, `//row[${'('.repeat(99)}deleted${')'.repeat(99)}]`)).toBe('2');
  });

  it('is refused when it is too long, and not repeated as a whole', () => {
    const long = `//a[b = '${'x'.repeat(2 ** 20)}']`;
    refused(long, /^.{0,400}longer than 16384 characters.{0,60}$/);
    refused(`//a[b${' or b'.repeat(2 ** 18)}]`, /longer than/);
  });

  it.each([' or deleted', ' and deleted', ' = true()', ' + 0', ' | deleted', '[1]', '/.'])(
    'may have thousands of the same: %s',
    (more) => {
      const count = Math.floor(16_000 / more.length);
      const xpath = `//row[boolean(deleted${more.repeat(count)})]`;
      if (more === ' + 0') expect(picked(orders, xpath)).toBe('');
      else expect(picked(orders, xpath)).toBe('2');
    },
  );

  it('is refused or evaluated when it is long and needs the document', () => {
    for (const more of [' or deleted', ' + 0', '/.']) {
      const xpath = `//row[last() > 0 and boolean(deleted${more.repeat(16_000 / more.length)})]`;
      try {
        checkXPath(xpath);
      } catch (error) {
        expect(error).toMatchObject({ code: 'INVALID_OPTIONS' });
      }
    }
  });
});
