import { describe, expect, it } from '@jest/globals';
import { AppError } from '../../../src/errors.js';
import { collectRows } from '../../support/rows.js';
import { jsonParser, type JsonOptions } from '../../../src/formats/json/json.js';
import { defaultFormatLimits } from '../../../src/limits.js';
import type { RowSink } from '../../../src/formats/rows.js';

function feed(sink: RowSink, pieces: Iterable<string>, options: JsonOptions = {}) {
  const parser = jsonParser(
    { origin: 'a.json', partial: false },
    options,
    sink,
    defaultFormatLimits,
  );
  for (const piece of pieces) parser.push(Buffer.from(piece));
  parser.end();
}

const code = (name: string) => expect.objectContaining({ code: name });

describe('a hostile JSON file', () => {
  it.each([
    ['lists', '['.repeat(1_000_000)],
    ['objects', '{"a":'.repeat(1_000_000)],
    ['lists in a record', `[{"a":${'['.repeat(1_000_000)}`],
    ['lists in a line', `{"a":1}\n{"a":${'['.repeat(1_000_000)}`],
  ])('may nest %s no deeper than the limit', (_, text) => {
    expect(() => feed(collectRows().sink, [text])).toThrow(code('NESTED_TOO_DEEP'));
    expect(() => feed(collectRows().sink, [text], { dataTag: 'x' })).toThrow(
      code('NESTED_TOO_DEEP'),
    );
  });

  it('may have long texts and numbers', () => {
    const text = 'x'.repeat(1_000_000);
    const number = '1'.repeat(1_000_000);
    const rows = collectRows();
    feed(rows.sink, [`[{"a":"${text}\\n","b":${number}}]`]);
    expect(rows.rows).toEqual([[`${text}\n`, number]]);
    const cut = collectRows();
    feed(cut.sink, `[{"a":"${text.slice(0, 200_000)}","b":${number.slice(0, 200_000)}}]`);
    expect(cut.rows).toEqual([[text.slice(0, 200_000), number.slice(0, 200_000)]]);
  });

  it('has no more columns than the sink takes', () => {
    const names = new Map<string, number>();
    const limited: RowSink = {
      ...collectRows().sink,
      bytes() {},
      column(source) {
        if (names.size >= 2000) throw new AppError('TOO_MANY_COLUMNS', 'Too many columns');
        names.set(source, names.size);
        return names.size - 1;
      },
    };
    const keys = Array.from({ length: 100_000 }, (_, at) => `"k${at}":1`);
    expect(() => feed(limited, [`[{${keys.join(',')}}]`])).toThrow(code('TOO_MANY_COLUMNS'));
    names.clear();
    const records = keys.map((key) => `{${key}}`).join('\n');
    expect(() => feed(limited, [records])).toThrow(code('TOO_MANY_COLUMNS'));
  });

  it('is read in time linear in its length when one key comes again and again', () => {
    const rows = collectRows();
    feed(rows.sink, [`[{${'"a":{"b":1},'.repeat(100_000)}"a":2}]`]);
    expect(rows.objects()).toEqual([{ a: '2' }]);
    expect(rows.warnings).toHaveLength(1);
  });

  it('may not make names longer than names are', () => {
    const key = 'k'.repeat(60_000);
    expect(() => feed(collectRows().sink, [`{"${key}":{"${key}":1}}`])).toThrow(
      code('CELL_TOO_LONG'),
    );
  });

  it('may have a list of any length outside of the records', () => {
    const rows = collectRows();
    const pieces = function* () {
      yield '{"skipped":["';
      for (let piece = 0; piece < 80; piece++) yield 'y'.repeat(1 << 20);
      yield '"],"data":[{"a":1}]}';
    };
    feed(rows.sink, pieces(), { dataTag: 'data' });
    expect(rows.rows).toEqual([['1']]);
  });

  it('may not have one record larger than what is kept of it', () => {
    const pieces = function* () {
      yield '[{"a":[';
      for (let piece = 0; piece < 80; piece++) yield `"${'y'.repeat(1 << 20)}",`;
      yield '1]}]';
    };
    expect(() => feed(collectRows().sink, pieces())).toThrow(code('DOCUMENT_TOO_LARGE'));
    const items = `{"items":[${'1,'.repeat(5_000_000)}1]}`;
    expect(() => feed(collectRows().sink, [items], { flatten: ['items'] })).toThrow(
      code('DOCUMENT_TOO_LARGE'),
    );
  });
});
