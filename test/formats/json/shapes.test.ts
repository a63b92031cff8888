import { describe, expect, it } from '@jest/globals';
import { readJson } from '../../support/json.js';
import { collectRows } from '../../support/rows.js';
import { jsonParser } from '../../../src/formats/json/json.js';
import { defaultFormatLimits } from '../../../src/limits.js';

const rs = '\x1e';
const two = [
  { id: '1', name: 'Zoë 😀' },
  { id: '1.10', name: '' },
];
const first = '{"id":1,"name":"Zo\\u00eb \\ud83d\\ude00"}';
const second = '{"id":1.10,"name":""}';

describe.each([1, 7, Infinity])('JSON in pieces of %p bytes', (pieceBytes) => {
  it.each<[shape: string, name: string, text: string]>([
    ['array', 'a list', `[${first},${second}]`],
    ['array', 'a list over lines', `\ufeff\r\n[\r\n ${first} ,\r\n ${second}\r\n]\r\n\r\n`],
    ['lines', 'lines', `${first}\n${second}\n`],
    ['lines', 'lines without the last line end', `${first}\n${second}`],
    [
      'lines',
      'lines with a mark, CRLF and blanks',
      `\ufeff${first}\r\n\r\n  \r\n${second}\r\n\r\n`,
    ],
    ['concatenated', 'values in a row', `${first}${second}`],
    ['concatenated', 'values over lines', `{"id":1,\n"name":"Zoë 😀"}\n{"id":1.10,\n"name":""}`],
    ['concatenated', 'a text sequence', `${rs}${first}\n${rs}${second}\n`],
  ])('reads %s: %s', (shape, _, text) => {
    const rows = readJson(text, {}, pieceBytes);
    expect(rows.objects()).toEqual(two);
    expect(rows.detected).toEqual({ shape });
    expect(rows.rejected).toEqual([]);
  });

  it('reads one document as one record', () => {
    const rows = readJson(
      ' {"a":{"b":{"c":-1e400}},"d":[1, {"x" : "y z"}],"e":{},"f":null,"g":true}\n',
      {},
      pieceBytes,
    );
    expect(rows.columns.map(({ source }) => source)).toEqual(['a.b.c', 'd', 'e', 'f', 'g']);
    expect(rows.rows).toEqual([['-1e400', '[1,{"x":"y z"}]', '{}', null, 'true'].slice(0, 5)]);
    expect([...rows.json]).toEqual([1, 2]);
    expect(rows.detected).toEqual({ shape: 'document' });
  });

  it('reads scalars and lists as records', () => {
    expect(readJson('[1,"a",null,true]', {}, pieceBytes).rows).toEqual([
      ['1'],
      ['a'],
      [],
      ['true'],
    ]);
    const lists = readJson('[1,"a"]\n[null,[2, 3]]\n', {}, pieceBytes);
    expect(lists.columns.map(({ source }) => source)).toEqual(['column0', 'column1']);
    expect(lists.rows).toEqual([
      ['1', 'a'],
      [null, '[2,3]'],
    ]);
    for (const between of ['', ' ', '\n', '\r\n\n'])
      expect(readJson(`[{"a":1},{"a":2}]${between}[{"a":3}]\n`, {}, pieceBytes).rows).toEqual([
        ['1'],
        ['2'],
        ['3'],
      ]);
  });

  it('sets wrong lines aside and goes on', () => {
    const text = Buffer.concat([
      Buffer.from('{"a":1}\n{"a":}\n{"a":2} x\n{"a":"\n'),
      Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d, 0x0a]),
      Buffer.from('{"a":"\\ud800"}\n{"a":3}\n{"a":[1'),
    ]);
    const rows = readJson(text, {}, pieceBytes);
    expect(rows.objects()).toEqual([{ a: '1' }, { a: '3' }]);
    expect(rows.records).toEqual([1, 7]);
    expect(rows.rejected.map(({ record, raw }) => [record, raw])).toEqual([
      [2, '{"a":}'],
      [3, '{"a":2} x'],
      [4, '{"a":"'],
      [5, '{"a":"\ufffd"}'],
      [6, '{"a":"\\ud800"}'],
      [8, '{"a":[1'],
    ]);
    expect(rows.rejected[0]?.reason).toBe('Expected a value, found "}" (byte 6 of the line)');
  });

  it('takes each line as a record when told so', () => {
    const rows = readJson('{"a":\n1}\n{"a":2}\n', { lines: true }, pieceBytes);
    expect(rows.objects()).toEqual([{ a: '2' }]);
    expect(rows.rejected).toHaveLength(2);
    expect(rows.detected).toEqual({});
  });

  it('finds the records below a path, wherever they are', () => {
    const text =
      '{"meta":{"items":[{"no":1}],"s":"\\"]}"},"data":[{"items":[{"id":1}]},{"x":[[]],"items":{"id":2}}],"data.items":[{"id":3}]}';
    for (const dataTag of ['data.items', '$.data[*].items'])
      expect(readJson(text, { dataTag }, pieceBytes).objects()).toEqual([
        { id: '1' },
        { id: '2' },
        { id: '3' },
      ]);
    expect(
      readJson(`${text}\n${text}\n`, { dataTag: '/data/items' }, pieceBytes).rows,
    ).toHaveLength(6);
    expect(readJson('{"a":{"b":[]}}', { dataTag: 'a.b' }, pieceBytes).rows).toEqual([]);
    expect(() => readJson(text, { dataTag: 'data.rows' }, pieceBytes)).toThrow(
      expect.objectContaining({
        code: 'RECORDS_NOT_FOUND',
        details: expect.objectContaining({
          lists: ['meta.items', 'data', 'data.items', 'data.x'],
        }) as unknown,
      }),
    );
  });

  it('names columns by a header before or behind the records', () => {
    const header = '"columns":["a",{"label":"b"},"a"]';
    const records = '"rows":[[1,"x",[2]],[3],[4,5,6,null],[7,8,9,10]]';
    for (const text of [`{${header},${records}}`, `{${records},${header}}`]) {
      const rows = readJson(text, { dataTag: 'rows', headerTag: 'columns' }, pieceBytes);
      expect(rows.columns).toEqual([
        { source: 'a', occurrence: 0 },
        { source: 'b', occurrence: 0 },
        { source: 'a', occurrence: 1 },
      ]);
      expect(rows.rows).toEqual([['1', 'x', '[2]'], ['3'], ['4', '5', '6']]);
      expect(rows.records).toEqual([1, 2, 3]);
      expect(rows.rejected).toMatchObject([{ record: 4, raw: '[7,8,9,10]' }]);
    }
    expect(() =>
      readJson(`{${records}}`, { dataTag: 'rows', headerTag: 'columns' }, pieceBytes),
    ).toThrow(/no list at headerTag/);
  });

  it('spreads lists into rows', () => {
    const text =
      '[{"id":1,"items":[{"sku":"a\\n","options":["x","y"]},{"sku":"b","options":[]},5,null],"tags":["p","q"],"note":"n"},{"id":2,"items":[]},{"id":3}]';
    expect(readJson(text, { flatten: ['items'] }, pieceBytes).objects()).toEqual([
      { id: '1', 'items.sku': 'a\n', 'items.options': '["x","y"]', tags: '["p","q"]', note: 'n' },
      { id: '1', 'items.sku': 'b', 'items.options': '[]', tags: '["p","q"]', note: 'n' },
      { id: '1', items: '5', tags: '["p","q"]', note: 'n' },
      { id: '1', tags: '["p","q"]', note: 'n' },
      { id: '2' },
      { id: '3' },
    ]);
    const nested = readJson(text, { flatten: ['items', 'items.options', 'tags'] }, pieceBytes);
    expect(nested.columns.map(({ source }) => source)).toEqual([
      'id',
      'items.sku',
      'items.options',
      'items',
      'tags',
      'note',
    ]);
    expect(nested.rows.slice(0, 5)).toEqual([
      ['1', 'a\n', 'x', null, 'p', 'n'],
      ['1', 'a\n', 'x', null, 'q', 'n'],
      ['1', 'a\n', 'y', null, 'p', 'n'],
      ['1', 'a\n', 'y', null, 'q', 'n'],
      ['1', 'b', null, null, 'p', 'n'],
    ]);
    expect(nested.rows).toHaveLength(12);
    const deep = readJson(
      '{"order":{"items":[{"n":1},{"n":2}]},"z":0}',
      { flatten: ['items', 'none'] },
      pieceBytes,
    );
    expect(deep.objects()).toEqual([
      { 'order.items.n': '1', z: '0' },
      { 'order.items.n': '2', z: '0' },
    ]);
    expect(deep.warnings).toEqual([
      'No record of a.json has a list at "none", which flatten names',
    ]);
  });

  it('takes the last of equal keys, with all that lay below the others', () => {
    const rows = readJson(
      '[{"a":{"x":1},"l":[{"m":1},{"m":2}],"a":{"y":2},"l":[{"m":3}]},{"a":1,"a":null}]',
      { flatten: ['l'] },
      pieceBytes,
    );
    expect(rows.objects()).toEqual([{ 'a.y': '2', 'l.m': '3' }, {}]);
    expect(rows.warnings).toHaveLength(2);
  });

  it('keeps backslashes that begin no escape when told so', () => {
    const text = '{"a":"C:\\dir\\u12","b\\d":["\\q\\\\"]}';
    expect(() => readJson(text, {}, pieceBytes)).toThrow(/backslash/);
    const rows = readJson(text, { escapeBackslash: true }, pieceBytes);
    expect(rows.objects()).toEqual([{ a: 'C:\\dir\\u12', 'b\\d': '["\\\\q\\\\"]' }]);
  });

  it('leaves out what nobody needs, but not its column', () => {
    const rows = readJson(
      '[{"a":{"b":1,"c":[2]},"d":"x","e":3}]',
      { excludeFields: ['a.c', 'd'] },
      pieceBytes,
    );
    expect(rows.columns.map(({ source }) => source)).toEqual(['a.b', 'a.c', 'd', 'e']);
    expect(rows.objects()).toEqual([{ 'a.b': '1', e: '3' }]);
  });

  it('takes any key for a name', () => {
    const text =
      '{"__proto__":1,"constructor":{"prototype":2},"":3,"é\\u0000":4,"a.b":5,"a":{"b":6}}';
    expect(readJson(text, {}, pieceBytes).columns).toEqual([
      { source: '__proto__', occurrence: 0 },
      { source: 'constructor.prototype', occurrence: 0 },
      { source: '', occurrence: 0 },
      { source: 'é\0', occurrence: 0 },
      { source: 'a.b', occurrence: 0 },
      { source: 'a.b', occurrence: 1 },
    ]);
  });

  it('refuses what is cut, goes on behind its end or is no UTF-8', () => {
    for (const text of [
      '[{"a":1},',
      '{"a":"x',
      '[{"a":1}',
      '{"a":tru',
      '[1,2]]',
      '{"a":1}}',
      '{"a":1} x',
      '[1],',
      '[][]',
      '[1] [2]',
      '{"a":1} "x"',
      '{"a":1}[2]',
      '{"a":1}{"a":2} 3',
      '"a" {}',
      '[',
    ])
      expect(() => readJson(text, {}, pieceBytes)).toThrow(
        expect.objectContaining({ code: 'MALFORMED_FILE' }),
      );
    expect(() => readJson('[\n {"a":1},\n {"a":01}]', {}, pieceBytes)).toThrow(
      expect.objectContaining({ details: { file: 'a.json', line: 3, column: 8 } }),
    );
    expect(() =>
      readJson(Buffer.from([0x5b, 0x22, 0xe2, 0x82, 0x22, 0x5d]), {}, pieceBytes),
    ).toThrow(
      expect.objectContaining({
        code: 'INVALID_ENCODING',
        details: { file: 'a.json', line: 1, column: 3 },
      }),
    );
  });

  it('holds no text that is too long, and sets its record aside', () => {
    const long = 'x'.repeat(5000);
    const text = `[{"a":1},{"a":"${long}","b":[1]},"${long}",{"a":2}]`;
    const rows = readJson(text, {}, pieceBytes, { maxCellBytes: 100 });
    expect(rows.objects()).toEqual([{ a: '1' }, { a: '2' }]);
    expect(rows.rejected.map(({ record }) => record)).toEqual([2, 3]);
    expect(() => readJson(text, {}, pieceBytes, { maxDocumentBytes: 1000 })).toThrow(
      expect.objectContaining({ code: 'DOCUMENT_TOO_LARGE' }),
    );
    const skipped = `{"x":"${long}","y":["${long}"],"d":[{"a":1}]}`;
    expect(
      readJson(skipped, { dataTag: 'd' }, pieceBytes, { maxDocumentBytes: 1000 }).rows,
    ).toEqual([['1']]);
  });

  it('gives no rows of a file without values', () => {
    for (const text of ['', ' \r\n', '\ufeff', '[]', '[ ]\n']) {
      const rows = readJson(text, {}, pieceBytes);
      expect([rows.rows, rows.columns, rows.rejected]).toEqual([[], [], []]);
    }
  });
});

describe('a JSON file', () => {
  it('says which lists a document has', () => {
    expect(readJson('{"a":[{"b":1}],"c":{"d":[{}],"e":[1]}}').detected).toEqual({
      shape: 'document',
      recordPaths: ['a', 'c.d'],
    });
  });

  it('says which lists it has behind a long one too', () => {
    const long = Array.from({ length: 20_000 }, () => '{"a":1}').join(',');
    const options = { dataTag: 'Second' };
    expect(() => readJson(`{"first":[${long}],"second":[]}`, options)).toThrow(/first, second/);
  });

  it('may be only the beginning of one', () => {
    const rows = collectRows();
    const parser = jsonParser({ origin: 'a', partial: true }, {}, rows.sink, defaultFormatLimits);
    parser.push(Buffer.from('[{"a":1},{"a":2},{"a":"\u20ac'.slice(0)).subarray(0, -1));
    parser.end();
    expect(rows.rows).toEqual([['1'], ['2']]);
    const lines = collectRows(1);
    const reader = jsonParser({ origin: 'a', partial: true }, {}, lines.sink, defaultFormatLimits);
    reader.push(Buffer.from('{"a":1}\n{"a":2}\n{"a'));
    reader.end();
    expect(lines.rows).toEqual([['1']]);
  });

  it('is not combined into more rows than anyone wants', () => {
    const list = `[${'1,'.repeat(1999)}1]`;
    expect(() => readJson(`[{"a":${list},"b":${list}}]`, { flatten: ['a', 'b'] })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTIONS' }),
    );
    expect(readJson(`[{"a":${list},"b":2}]`, { flatten: ['a', 'b'] }).rows).toHaveLength(2000);
  });

  it('may switch to lines behind a first line longer than what is looked at', () => {
    const long = 'x'.repeat(70_000);
    const rows = readJson(`{"a":"${long}"}\n{"a":}\n{"a":"b"}\n`, {}, 1000);
    expect(rows.detected).toEqual({ shape: 'lines' });
    expect(rows.rows).toEqual([[long], ['b']]);
    expect(rows.rejected).toMatchObject([{ record: 2, raw: '{"a":}' }]);
    expect(readJson(`{"a":"${long}"} `, {}, 1000).detected).toEqual({ shape: 'document' });
  });
});
