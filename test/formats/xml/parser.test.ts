import { describe, expect, it } from '@jest/globals';
import type { XmlOptions } from '../../../src/formats/xml/parser.js';
import { checkXPath, xmlEncoding, xmlParser } from '../../../src/formats/xml/parser.js';
import { defaultFormatLimits, type FormatLimits } from '../../../src/limits.js';
import { collectRows } from '../../support/rows.js';

interface Reading {
  readonly limits?: Partial<FormatLimits>;
  readonly partial?: boolean;
  readonly piece?: number;
  readonly enough?: number;
}

function read(xml: string | Buffer, options: XmlOptions, reading: Reading = {}) {
  const rows = collectRows(reading.enough);
  const source = { origin: 'drop.xml', partial: reading.partial ?? false };
  const limits = { ...defaultFormatLimits, ...reading.limits };
  const parser = xmlParser(source, options, rows.sink, limits);
  const bytes = Buffer.from(xml as string);
  const piece = reading.piece ?? Math.max(1, bytes.length);
  for (let at = 0; at < bytes.length; at += piece) {
    // The memory of a piece is used again by who hands it over.
    const lent = Buffer.from(bytes.subarray(at, at + piece));
    parser.push(lent);
    lent.fill(0x2e);
  }
  parser.end();
  return rows;
}

const failure = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) as unknown });

const documents: {
  readonly about: string;
  readonly xml: string;
  readonly options?: Partial<XmlOptions>;
  readonly columns?: readonly string[];
  readonly rows: readonly Readonly<Record<string, string>>[];
}[] = [
  {
    about: 'child elements and attributes are columns',
    xml: '<?xml version="1.0"?><rows><row id="1"><a>x</a><price currency="EUR">1.50</price></row><row id="2"><a>y</a><price currency="USD">2</price></row></rows>',
    columns: ['@id', 'a', 'price.@currency', 'price'],
    rows: [
      { '@id': '1', a: 'x', 'price.@currency': 'EUR', price: '1.50' },
      { '@id': '2', a: 'y', 'price.@currency': 'USD', price: '2' },
    ],
  },
  {
    about: 'white space is text where xml:space says so, and nothing beside it is',
    xml:
      '<rows><row><a xml:space="preserve"> x\n</a><b> y </b><c xml:space="preserve"></c><d xml:space="preserve"/><e/></row>' +
      '<row><a xml:space="default"> x </a><b xml:space="preserve"> <![CDATA[ ]]>&#13;</b></row>' +
      '<row xml:space="preserve"> <a> z </a> <f xml:space="preserve"> <g>1</g> </f> </row></rows>',
    columns: ['a', 'b', 'c', 'd', 'e', 'f.g'],
    rows: [
      { a: ' x\n', b: 'y', c: '', d: '' },
      { a: 'x', b: '  \r' },
      { a: 'z', 'f.g': '1' },
    ],
  },
  {
    about: 'white space is kept in lists too, and an XPath can ask for it',
    xml: '<rows><row><a xml:space="preserve"> x</a><a xml:space="preserve"/><a/></row><row><a>y</a></row></rows>',
    options: { xpath: "/rows/row[a/@xml:space='preserve']" },
    columns: ['a'],
    rows: [{ a: '[" x","",null]' }],
  },
  {
    about: 'attributes are left out when they are not wanted',
    xml: '<rows><row id="1"><a n="&amp;">x</a><b c="1"/></row><row id="2"><a n="2">y</a></row></rows>',
    options: { attributes: false },
    columns: ['a', 'b'],
    rows: [{ a: 'x' }, { a: 'y' }],
  },
  {
    about: 'nested elements are joined by a dot and missing ones are null',
    xml: '<rows><row><a><b><c>1</c></b><d>2</d></a></row><row><a><d>3</d></a><e>4</e></row></rows>',
    columns: ['a.b.c', 'a.d', 'e'],
    rows: [
      { 'a.b.c': '1', 'a.d': '2' },
      { 'a.d': '3', e: '4' },
    ],
  },
  {
    about: 'empty elements, empty attributes and white space are null, their columns stay in place',
    xml: '<rows><row x=""><a/><b></b><c> \n </c><d>1</d></row><row x="1"><a>2</a></row></rows>',
    columns: ['@x', 'a', 'b', 'c', 'd'],
    rows: [{ d: '1' }, { '@x': '1', a: '2' }],
  },
  {
    about: 'attributes alone make a row without a column for text',
    xml: '<rows><row id="1" n="a"/><row n="b" id="2"></row>\n<row id="3" n="c" /></rows>',
    columns: ['@id', '@n'],
    rows: [
      { '@id': '1', '@n': 'a' },
      { '@id': '2', '@n': 'b' },
      { '@id': '3', '@n': 'c' },
    ],
  },
  {
    about: "a record of text only has a column of the element's name",
    xml: '<rows><row>1</row><row at="b"> 2 </row><row/></rows>',
    columns: ['row', '@at'],
    rows: [{ row: '1' }, { '@at': 'b', row: '2' }, {}],
  },
  {
    about: 'CDATA is text, comments and processing instructions are nothing',
    xml: '<rows><!-- <row/> --><row><a><![CDATA[<x> & ]]]]><![CDATA[>]]></a><?go on?><b>1<!-- - -->2</b></row></rows>',
    rows: [{ a: '<x> & ]]>', b: '12' }],
  },
  {
    about: 'mixed content is joined, its elements have columns of their own',
    xml: '<rows><row> before <b>bold</b> after <p>in <i>it</i></p></row></rows>',
    columns: ['b', 'p.i', 'p.#text', '#text'],
    rows: [{ b: 'bold', 'p.i': 'it', 'p.#text': 'in', '#text': 'before  after' }],
  },
  {
    about: 'references and line ends mean what XML says',
    xml: '<rows><row v="a&#10;b\tc\r\nd&quot;"><a>&lt;&amp;&gt;&apos;&#x20AC;&#128512;</a><b>x\r\ny\rz&#13;!</b></row></rows>',
    rows: [{ '@v': 'a\nb c d"', a: "<&>'€😀", b: 'x\ny\nz\r!' }],
  },
  {
    about: 'an element that repeats is a JSON list in its records',
    xml: '<rows><row><t>1</t></row><row><t>a</t><t/><t>"b"</t></row><row><i><s>1</s></i><i n="2"><s>2</s><s>3</s>x</i></row></rows>',
    columns: ['t', 'i'],
    rows: [
      { t: '1' },
      { t: '["a",null,"\\"b\\""]' },
      { i: '[{"s":"1"},{"@n":"2","s":["2","3"],"#text":"x"}]' },
    ],
  },
  {
    about: 'flatten makes a row of each, siblings are crossed, none is one row',
    xml: '<rows><row id="1"><items><item><s>a</s></item><item><s>b</s></item></items><t>1</t><t>2</t></row><row id="2"><t>3</t></row></rows>',
    options: { flatten: ['items.item', 't'] },
    columns: ['@id', 'items.item.s', 't'],
    rows: [
      { '@id': '1', 'items.item.s': 'a', t: '1' },
      { '@id': '1', 'items.item.s': 'a', t: '2' },
      { '@id': '1', 'items.item.s': 'b', t: '1' },
      { '@id': '1', 'items.item.s': 'b', t: '2' },
      { '@id': '2', t: '3' },
    ],
  },
  {
    about: 'namespaces are columns as they are written and declarations none',
    xml: '<r:rows xmlns:r="urn:r" xmlns="urn:d"><r:row xmlns:x="urn:x" x:at="1"><x:a>1</x:a><a>2</a></r:row></r:rows>',
    columns: ['@x:at', 'x:a', 'a'],
    rows: [{ '@x:at': '1', 'x:a': '1', a: '2' }],
  },
  {
    about: 'excluded fields go with all that lies in them',
    xml: '<rows><row id="1"><a>1</a><b c="1"><d>2</d></b><bb>3</bb></row></rows>',
    options: { excludeFields: ['b', '@id'] },
    columns: ['a', 'bb'],
    rows: [{ a: '1', bb: '3' }],
  },
  {
    about: 'names of objects are only names',
    xml: '<rows><row __proto__="1"><__proto__>2</__proto__><constructor>3</constructor></row><row><__proto__>4</__proto__><__proto__>5</__proto__></row></rows>',
    rows: [
      JSON.parse('{"@__proto__":"1","__proto__":"2","constructor":"3"}') as Record<string, string>,
      JSON.parse('{"__proto__":"[\\"4\\",\\"5\\"]"}') as Record<string, string>,
    ],
  },
  {
    about: 'names in any script are names',
    xml: '<rows><row größe="1"><имя>ж</имя><a.b-c_1>2</a.b-c_1></row></rows>',
    columns: ['@größe', 'имя', 'a.b-c_1'],
    rows: [{ '@größe': '1', имя: 'ж', 'a.b-c_1': '2' }],
  },
  {
    about: 'a document type is passed over',
    xml: '<!DOCTYPE rows PUBLIC "-//x//y" "http://127.0.0.1:9/never.dtd" [<!ELEMENT rows (row*)><!ATTLIST row id CDATA "7"><!ENTITY e "x>]"><!-- ]> --><?p ]> ?>%pe; ]><rows><row><a>1</a></row></rows>',
    rows: [{ a: '1' }],
  },
];

describe('the rows of an XML document', () => {
  it.each(documents)('$about', ({ xml, options, columns, rows }) => {
    const found = read(xml, { xpath: '/rows/row', ...options });
    expect(found.objects()).toEqual(rows);
    expect(found.records.length).toBe(rows.length);
    if (columns) expect(found.columns.map(({ source }) => source)).toEqual(columns);
  });

  it.each(documents)('are the same in pieces of any size: $about', ({ xml, options }) => {
    const wanted = read(xml, { xpath: '/rows/row', ...options });
    for (let piece = 1; piece < 60; piece++) {
      const found = read(xml, { xpath: '/rows/row', ...options }, { piece });
      expect([piece, found.columns, found.rows, found.records]).toEqual([
        piece,
        wanted.columns,
        wanted.rows,
        wanted.records,
      ]);
    }
  });

  it('keeps an element a.b apart from the b of an a', () => {
    const { columns, rows } = read('<r><a.b>1</a.b><a><b>2</b></a></r>', { xpath: '/r' });
    expect(columns).toEqual([
      { source: 'a.b', occurrence: 0 },
      { source: 'a.b', occurrence: 1 },
    ]);
    expect(rows).toEqual([['1', '2']]);
  });

  it('says that an element repeats and gives JSON', () => {
    const { warnings, json } = read('<r><x><t>1</t><t>2</t></x></r>', { xpath: '//x' });
    expect(warnings).toEqual([expect.stringContaining('element t repeats')]);
    expect([...json]).toEqual([0]);
  });

  it('sets a record aside whose lists make too many rows', () => {
    const many = (name: string) => `<${name}>1</${name}>`.repeat(400);
    const { rejected, rows } = read(`<r><x>${many('a')}${many('b')}</x><x><a>1</a></x></r>`, {
      xpath: '/r/x',
      flatten: ['a', 'b'],
    });
    expect(rejected).toEqual([
      expect.objectContaining({ record: 1, reason: expect.stringContaining('100000') as unknown }),
    ]);
    expect(rows).toEqual([['1']]);
  });

  it('stops when there are enough rows', () => {
    const { rows } = read('<r><x>1</x><x>2</x><x>3</x><broken', { xpath: '/r/x' }, { enough: 2 });
    expect(rows.length).toBe(2);
  });

  it('takes the beginning of a file without complaint', () => {
    const cut = '<r><x><a>1</a></x><x><a>2';
    expect(read(cut, { xpath: '/r/x' }, { partial: true }).rows).toEqual([['1']]);
    expect(() => read(cut, { xpath: '/r/x' })).toThrow(failure('MALFORMED_FILE', /line 1/));
  });

  it('skips a byte order mark', () => {
    expect(read('\uFEFF<r><x>1</x></r>', { xpath: '/r/x' }, { piece: 1 }).rows).toEqual([['1']]);
  });
});

describe('what the XPath picks', () => {
  const xml =
    '<a xmlns:p="u"><b id="1" k="x"><c>1</c></b><p:b id="2"><c>2</c></p:b><b k="y"><c>3</c><b id="4"><c>4</c></b></b><d><b id="5"><c>5</c></b></d></a>';
  it.each([
    ['/a/b', ['1', '2', '3']],
    ['a/b', ['1', '2', '3']],
    ['./a/b', ['1', '2', '3']],
    ['//b', ['1', '2', '3', '4', '5']],
    ['/a//b', ['1', '2', '3', '4', '5']],
    ['//b/b', ['4']],
    ['/a/*/b', ['4', '5']],
    ['/a/p:b', ['2']],
    ['//*:b[@id > 3]', ['4', '5']],
    ['//b[@id]', ['1', '2', '4', '5']],
    ["//b[@id='5']", ['5']],
    ["//b[@k != 'x']", ['3']],
    ["//b[@id='1' or @k='y']", ['1', '3']],
    ['//b[@id and @k]', ['1']],
    ['//b[not(@id)]', ['3']],
    ['/a/b[1]', ['1']],
    ['//b[1]', ['1', '4', '5']],
    ['/a/b[position()<=2]', ['1', '2']],
    ['/a/b[@id][2]', ['2']],
    ['/a/b[2][@id]', ['2']],
    ['//d/b | /a/p:b', ['2', '5']],
    ['/descendant::b[@id]', ['1', '2', '4', '5']],
    // over the whole document
    ['/a/b[last()]', ['3']],
    ['//b[c=4]', ['4']],
    ['//c[. = 5]/..', ['5']],
    ['/a/b[c > 1 and not(@id)]', ['3']],
    ["/a/b[starts-with(@k, 'y')]", ['3']],
    ['/a/b[1]/following-sibling::b', ['2', '3']],
    ["//*[local-name()='b' and @id='2']", ['2']],
    ['(//b)[last()]', ['5']],
    ['/descendant::b[2]', ['2']],
  ])('%s', (xpath, wanted) => {
    const found = read(xml, { xpath });
    const c = found.columns.findIndex(({ source }) => source === 'c');
    expect(found.rows.map((row) => row[c])).toEqual(wanted);
    expect(read(xml, { xpath }, { piece: 7 }).rows).toEqual(found.rows);
  });

  it('may be attributes and texts, as a column value', () => {
    expect(read(xml, { xpath: '//b/@id' }).objects()).toEqual(
      ['1', '2', '4', '5'].map((value) => ({ value })),
    );
    expect(read(xml, { xpath: '//d//text()' }).objects()).toEqual([{ value: '5' }]);
  });

  it('may be nested: a record is a part of the one around it too', () => {
    expect(read('<a><a n="1"/></a>', { xpath: '//a' }).objects()).toEqual([
      { 'a.@n': '1' },
      { '@n': '1' },
    ]);
  });

  it.each(['/', '/*', '.'])('the document is its outermost element: %s', (xpath) => {
    expect(read('<a><b>1</b></a>', { xpath }).objects()).toEqual([{ b: '1' }]);
  });

  it.each([
    'count(//a)',
    '1',
    "'a'",
    '//a = 1',
    '//a[',
    '/a/b/',
    '',
    '//',
    'a b',
    '//a[@]',
    'x(1)',
    '//a[1',
    '$x',
  ])('is refused when it can give no records: %s', (xpath) => {
    expect(() => checkXPath(xpath)).toThrow(failure('INVALID_OPTIONS', /xpath/));
  });

  it.each(['/rows/row', '//row[price > 5]', '//a[last()]'])('is taken when it may: %s', (xpath) =>
    expect(() => checkXPath(xpath)).not.toThrow(),
  );

  it('says what does not stream when a document is too large for memory', () => {
    const large = `<r>${'<x><a>1</a></x>'.repeat(200)}</r>`;
    for (const piece of [100, 10_000])
      expect(() =>
        read(large, { xpath: '/r/x[last()]' }, { limits: { maxDocumentBytes: 1000 }, piece }),
      ).toThrow(failure('DOCUMENT_TOO_LARGE', /\[last\(\)\].*BUCKETQL_MAX_DOCUMENT_BYTES/));
    expect(
      read(large, { xpath: '/r/x' }, { limits: { maxDocumentBytes: 1000 }, piece: 100 }).rows
        .length,
    ).toBe(200);
  });
});

describe('an XPath that finds nothing', () => {
  const xml = '<r><list><x><a>1</a></x><x><a>2</a></x></list><none/></r>';
  it('lists the elements that repeat', () => {
    expect(() => read(xml, { xpath: '/r/lists/x' })).toThrow(
      failure('RECORDS_NOT_FOUND', /\/r\/list\/x, \/r\/list\/x\/a/),
    );
    expect(() => read(xml, { xpath: '//y' })).toThrow(failure('RECORDS_NOT_FOUND', /\/r\/list\/x/));
    expect(() => read(xml, { xpath: '//y[a > 1]' })).toThrow(failure('RECORDS_NOT_FOUND', /./));
  });
  it.each(['/r/none/x', '//x[@id]', '/r/list/y', '//x[a = 3]'])(
    'is a warning where they could be: %s',
    (xpath) => {
      const { rows, warnings } = read(xml, { xpath });
      expect(rows).toEqual([]);
      expect(warnings.length).toBe(1);
    },
  );
  it('tells the paths of records for a preview', () => {
    expect(read(xml, { xpath: '/r/list/x' }).detected['recordPaths']).toEqual(['/r/list/x']);
    expect(read(xml, { xpath: '/r' }).detected['recordPaths']).toEqual([
      '/r/list/x',
      '/r/list/x/a',
    ]);
  });
});

describe('hostile XML', () => {
  it('is refused when elements lie too deep in each other', () => {
    const deep = '<a>'.repeat(1_000_000);
    for (const xpath of ['/a', '//b', '//a[b=1]'])
      expect(() => read(deep, { xpath }, { piece: 65536 })).toThrow(
        failure('NESTED_TOO_DEEP', /BUCKETQL_MAX_NESTING/),
      );
  });

  it('does not expand entities', () => {
    const laughs =
      '<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;"><!ENTITY x SYSTEM "file:///etc/passwd">]><r><x>&ENTITY;</x></r>';
    for (const name of ['a', 'b', 'x', 'nbsp'])
      expect(() => read(laughs.replace('ENTITY;<', `${name};<`), { xpath: '/r/x' })).toThrow(
        failure('MALFORMED_FILE', new RegExp(`&${name}; is not expanded`)),
      );
  });

  it.each([
    ['a text', (n: number) => `<r><x>${'a'.repeat(n)}`],
    ['an attribute', (n: number) => `<r><x a="${'a'.repeat(n)}`],
    ['CDATA', (n: number) => `<r><x><![CDATA[${'a'.repeat(n)}`],
  ])('is refused for %s that is too long, before all of it is there', (_, make) => {
    expect(() =>
      read(make(5_000_000), { xpath: '/r/x' }, { limits: { maxCellBytes: 10_000 }, piece: 1000 }),
    ).toThrow(failure('CELL_TOO_LONG', /BUCKETQL_MAX_CELL_BYTES/));
  });

  it.each([
    ['a comment', '<r><!--'],
    ['CDATA', '<r><![CDATA['],
    ['text', '<r>'],
    ['a processing instruction', '<r><?x '],
  ])('may have %s without end', (_, begin) => {
    const rows = collectRows();
    const parser = xmlParser({ origin: 'x', partial: false }, { xpath: '/r/x' }, rows.sink, {
      ...defaultFormatLimits,
      maxDocumentBytes: 100_000,
    });
    parser.push(Buffer.from(begin));
    const piece = Buffer.alloc(2 ** 20, 'a ');
    for (let count = 0; count < 50; count++) parser.push(piece);
    expect(() => parser.end()).toThrow(failure('MALFORMED_FILE', /ends/));
  });

  it('may have 100,000 attributes, and one of them twice', () => {
    const attributes = Array.from({ length: 100_000 }, (_, index) => `a${index}="1"`).join(' ');
    const options = { xpath: '/r/x', attributes: false };
    expect(read(`<r><x ${attributes}>1</x></r>`, options).rows).toEqual([['1']]);
    expect(() => read(`<r><x ${attributes} a7="2">1</x></r>`, options)).toThrow(
      failure('MALFORMED_FILE', /a7 twice/),
    );
  });

  it('is refused when a record does not fit in memory', () => {
    expect(() =>
      read(
        `<r><x>${'<a>1</a>'.repeat(10_000)}`,
        { xpath: '/r/x' },
        { limits: { maxDocumentBytes: 10_000 }, piece: 1000 },
      ),
    ).toThrow(failure('DOCUMENT_TOO_LARGE', /BUCKETQL_MAX_DOCUMENT_BYTES/));
  });

  it('is refused when a record has too many elements to be held in memory', () => {
    const elements = Array.from({ length: 20_000 }, (_, n) => `<a${n}/>`).join('');
    expect(() =>
      read(
        `<r><x>${elements}</x></r>`,
        { xpath: '/r/x' },
        { limits: { maxDocumentBytes: 1_000_000 }, piece: 10_000 },
      ),
    ).toThrow(failure('DOCUMENT_TOO_LARGE', /too many elements.*BUCKETQL_MAX_DOCUMENT_BYTES/));
  });

  it('is refused for a DOCTYPE that does not end', () => {
    const doctype = `<!DOCTYPE r [${'<!ENTITY a "b">'.repeat(200_000)}`;
    expect(() => read(doctype, { xpath: '/r/x' }, { piece: 65_536 })).toThrow(
      failure('MALFORMED_FILE', /a DOCTYPE of more than 1048576 bytes/),
    );
  });

  it('names the line of bytes that are no UTF-8', () => {
    const bytes = Buffer.concat([
      Buffer.from('<r>\n<x>'),
      Buffer.from([0xe9]),
      Buffer.from('t</x>\n</r>'),
    ]);
    for (const piece of [1, 100])
      expect(() => read(bytes, { xpath: '/r/x' }, { piece })).toThrow(
        failure('INVALID_ENCODING', /line 2/),
      );
    expect(() => read(Buffer.from([0x3c, 0x72, 0xe2]), { xpath: '/r' })).toThrow(
      failure('INVALID_ENCODING', /line 1/),
    );
  });
});

describe('the encoding of XML', () => {
  it.each([
    ['<a/>', 'utf-8'],
    ['<?xml version="1.0" encoding="ISO-8859-1"?>', 'iso-8859-1'],
    ["<?xml version='1.0' encoding = 'windows-1252' standalone='yes'?>", 'windows-1252'],
    ['<?xml version="1.0" encoding="UTF-16"?>', 'utf-8'],
    ['<?xml version="1.0"?><a encoding="x"/>', 'utf-8'],
    ['\uFEFF<?xml version="1.0" encoding="latin1"?>', 'utf-8'],
    [Buffer.from('\uFEFF<a/>', 'utf16le'), 'utf-16le'],
    [Buffer.from('<a/>', 'utf16le'), 'utf-16le'],
    [Buffer.from('<a/>', 'utf16le').swap16(), 'utf-16be'],
    ['', 'utf-8'],
  ])('%s', (beginning, encoding) => {
    expect(xmlEncoding(Buffer.from(beginning as string))).toBe(encoding);
  });
});
