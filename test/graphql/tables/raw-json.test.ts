import { describe, expect, it } from '@jest/globals';
import { GraphQLError } from 'graphql';
import { RawJson, splice } from '../../../src/graphql/tables/raw-json.js';

function raw(...chunks: string[]): RawJson {
  return new RawJson(chunks.map((chunk) => Buffer.from(chunk)));
}

function spliced(value: unknown): string {
  return Buffer.concat(splice(value)).toString();
}

describe('splice', () => {
  it('writes what JSON.stringify writes where there is no raw JSON', () => {
    const values = [
      { data: { a: [1, null, 'ü"\\\u2028', { b: true }], left: undefined } },
      { errors: [new GraphQLError('no', { path: ['a', 0] })], data: null },
      { data: { at: new Date(0), list: [undefined], nested: [[[]], {}] } },
    ];
    for (const value of values) expect(spliced(value)).toBe(JSON.stringify(value));
  });

  it('puts raw JSON in its place, wherever it is', () => {
    const value = {
      errors: undefined,
      data: { a: raw('[1,', '2]'), b: { c: [raw('"x"'), undefined, { d: raw('{}') }] }, e: 'e' },
    };
    expect(spliced(value)).toBe('{"data":{"a":[1,2],"b":{"c":["x",null,{"d":{}}]},"e":"e"}}');
  });

  it('hands on the bytes without copying them', () => {
    const chunk = Buffer.from('[1]');
    expect(splice({ data: { a: new RawJson([chunk]) } })[1]).toBe(chunk);
  });

  it('never takes a string or an object of a client for raw JSON', () => {
    const data = {
      rows: raw('[{"secret":1}]'),
      text: '{"chunks":[[1]]} RawJson [object RawJson] \u0000rows\u0000',
      look: { chunks: ['x'] },
      'key "rows"': 'rows',
    };
    expect(JSON.parse(spliced({ data }))).toEqual({ data: { ...data, rows: [{ secret: 1 }] } });
  });

  it('keeps member names that objects inherit', () => {
    const data = Object.assign(Object.create(null) as object, {
      ['__proto__x']: raw('1'),
      constructor: raw('2'),
      hasOwnProperty: 3,
    });
    expect(spliced({ data })).toBe('{"data":{"__proto__x":1,"constructor":2,"hasOwnProperty":3}}');
  });

  it('is the only way to write raw JSON', () => {
    expect(() => JSON.stringify({ data: raw('[]') })).toThrow('splice');
  });
});
