import { describe, expect, it } from '@jest/globals';
import { readJson } from '../../support/json.js';
import type { JsonOptions } from '../../../src/formats/json/json.js';

describe.each([1, 7, Infinity])('records that wait, in pieces of %p bytes', (pieceBytes) => {
  it('give no rows and no columns of a line that turns out to be wrong', () => {
    const text = [
      '{"data":[{"a":1},{"a":2}]}',
      '{"data":[{"a":3},{"x":4}],}',
      '{"data":[{"a":5}]} x',
      '{"data":["text","\\ud800",7]}',
      '{"data":{"a":8}}',
      '{"data":[{"a":9},{"a"',
    ].join('\n');
    const rows = readJson(text, { dataTag: 'data' }, pieceBytes);
    expect(rows.columns.map(({ source }) => source)).toEqual(['a', 'value']);
    expect(rows.objects()).toEqual([
      { a: '1' },
      { a: '2' },
      { value: 'text' },
      { value: '7' },
      { a: '8' },
    ]);
    expect(rows.records).toEqual([1, 1, 4, 4, 5]);
    expect(rows.rejected.map(({ record }) => record)).toEqual([2, 3, 4, 6]);
  });

  it('take the names of their own line, before or behind them', () => {
    const text = [
      '{"rows":[[1,2]],"columns":["a","b"]}',
      '{"columns":["c"],"rows":[[3]]}',
      '{"columns":["d"],"rows":[[4]]]',
      '{"rows":[[5]]}',
    ].join('\n');
    const options = { dataTag: 'rows', headerTag: 'columns' };
    const rows = readJson(text, options, pieceBytes);
    expect(rows.columns.map(({ source }) => source)).toEqual(['a', 'b', 'c']);
    expect(rows.objects()).toEqual([{ a: '1', b: '2' }, { c: '3' }, { c: '5' }]);
    expect(rows.records).toEqual([1, 2, 4]);
    expect(rows.rejected.map(({ record }) => record)).toEqual([3]);
  });

  it('do not take keys of another document for keys of their own', () => {
    const page = '{"rows":[{"a":1},{"a":2}],"columns":["a"]}';
    const options = { dataTag: 'rows', headerTag: 'columns' };
    const rows = readJson(`[${page},${page}]`, options, pieceBytes);
    expect(rows.objects()).toEqual([{ a: '1' }, { a: '2' }, { a: '1' }, { a: '2' }]);
    expect(rows.warnings).toEqual([]);
  });

  it('are refused when there is too much of them', () => {
    const line = `{"data":[${'{"a":1},'.repeat(200)}{"a":1}]}\n`;
    expect(() =>
      readJson(line + line, { dataTag: 'data', lines: true }, pieceBytes, {
        maxDocumentBytes: 1000,
      }),
    ).toThrow(expect.objectContaining({ code: 'DOCUMENT_TOO_LARGE' }));
  });
});

describe('a null', () => {
  const sources = (text: string, options: JsonOptions = {}, pieceBytes = Infinity) =>
    readJson(text, options, pieceBytes).columns.map(({ source }) => source);

  it.each([1, 7, Infinity])('is no column where objects stand, in pieces of %p bytes', (bytes) => {
    const text = '{"a":1,"c":null,"n":null,"z":2}\n{"a":2,"c":{"id":3,"x":null},"n":4,"z":5}\n';
    expect(sources(text, {}, bytes)).toEqual(['a', 'n', 'z', 'c.id', 'c.x']);
    const list = `[${text.trim().replace('\n', ',')}]`;
    expect(sources(list, {}, bytes)).toEqual(['a', 'n', 'z', 'c.id', 'c.x']);
    expect(sources(`{"d":${list}}`, { dataTag: 'd' }, bytes)).toEqual(
      sources(list, { flatten: ['x'] }, bytes),
    );
    expect(readJson(list, {}, bytes).rows).toEqual([
      ['1', null, '2'],
      ['2', '4', '5', '3'],
    ]);
  });

  it('is a column in its place where values stand, or nothing else', () => {
    expect(sources('[{"a":null,"b":1,"c":null},{"a":{"x":1}},{"a":2}]')).toEqual([
      'a',
      'b',
      'c',
      'a.x',
    ]);
    expect(sources('[{"a":null},{"a":{}}]')).toEqual(['a']);
  });
});
