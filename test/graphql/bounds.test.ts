import { describe, expect, it } from '@jest/globals';
import { getIntrospectionQuery, GraphQLError } from 'graphql';
import { isAppError } from '../../src/errors.js';
import { parseBounded } from '../../src/graphql/bounds-document.js';
import type { QueryLimits } from '../../src/graphql/bounds.js';

const limits: QueryLimits = {
  maxQueryTokens: 2000,
  maxQueryDepth: 5,
  maxQueryAliases: 10,
  maxQueryRootFields: 8,
  maxQueryCost: 1,
};

/** The bound that a document is beyond, as {bound, limit, found}; undefined if it is within all. */
function refusal(document: string, more: Partial<QueryLimits> = {}): unknown {
  try {
    parseBounded(document, { ...limits, ...more });
    return undefined;
  } catch (error) {
    if (!isAppError(error)) throw error;
    expect(error.code).toBe('QUERY_TOO_COMPLEX');
    return error.details;
  }
}

const times = (count: number, textOf: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => textOf(i)).join(' ');

describe('the bounds of a document', () => {
  it('let an operation through that touches each of them', () => {
    expect(refusal(`{ ${times(8, (i) => `r${i}: x${i}`)} }`)).toBeUndefined();
    expect(refusal('{ a { b { c { d { e } } } } }')).toBeUndefined();
    expect(refusal(`{ a { ${times(11, (i) => `n${i}: b`)} } }`)).toBeUndefined();
    expect(refusal('{ a b }', { maxQueryTokens: 4 })).toBeUndefined();
  });

  it('count tokens', () => {
    expect(refusal('{ a b c }', { maxQueryTokens: 4 })).toEqual({
      bound: 'tokens',
      limit: 4,
      found: 5,
    });
  });

  it('count characters, whatever they are', () => {
    const most = 2 ** 18;
    expect(refusal(`{ a }${' '.repeat(most - 5)}`)).toBeUndefined();
    expect(refusal(`{ a }${' '.repeat(most - 4)}`)).toEqual({
      bound: 'characters',
      limit: most,
      found: most + 1,
    });
  });

  it('count root fields of each operation, through fragments', () => {
    const found = { bound: 'rootFields', limit: 8, found: 9 };
    expect(refusal(`{ ${times(9, (i) => `x${i}`)} }`)).toEqual(found);
    expect(
      refusal(`query A { a } query B { ...F ... { y } } fragment F on Query { ${x(8)} }`),
    ).toEqual(found);
    expect(refusal(`{ ...F ...F } fragment F on Query { ${x(8)} }`)).toBeUndefined();
  });

  it('count levels of fields; fragments are none', () => {
    const found = { bound: 'depth', limit: 5, found: 6 };
    expect(refusal('{ a { b { c { d { e { f } } } } } }')).toEqual(found);
    expect(refusal('{ ... { ... { ... { ... { ... { a } } } } } }')).toBeUndefined();
    expect(
      refusal('{ a { ...F } } fragment F on T { b { c { ...G } } } fragment G on T { d { e {f}}}'),
    ).toEqual(found);
  });

  it('count a field that a selection has already, under another name or the same, over the whole document', () => {
    const found = { bound: 'aliases', limit: 10, found: 11 };
    expect(refusal(`{ a { ${times(12, (i) => `n${i}: b`)} } }`)).toEqual(found);
    expect(refusal(`{ a { ${'b '.repeat(12)} } }`)).toMatchObject(found);
    expect(refusal(`{ ${times(7, () => 'a { b c }')} }`)).toMatchObject({ bound: 'aliases' });
    expect(refusal(times(6, (i) => `query Q${i} { a: x b: x c: x }`))).toMatchObject({
      bound: 'aliases',
    });
    expect(
      refusal(
        `{ a { ${times(12, (i) => `...F${i}`)} } } ${times(12, (i) => `fragment F${i} on T { n${i}: b }`)}`,
      ),
    ).toMatchObject(found);
  });

  it('do not count columns that are merely renamed', () => {
    expect(refusal(`{ a { ${times(300, (i) => `n${i}: column${i}`)} } }`)).toBeUndefined();
  });

  it('refuse more definitions than anybody needs to run one', () => {
    const many = times(201, (i) => `query Q${i} { a }`);
    expect(refusal(many)).toEqual({ bound: 'definitions', limit: 200, found: 201 });
  });

  it('stop at a fragment bomb', () => {
    const bomb = `{ ...F0 } ${times(60, (i) => `fragment F${i} on T { x { ...F${i + 1} } y { ...F${i + 1} } }`)} fragment F60 on T { z }`;
    expect(refusal(bomb, { maxQueryDepth: 100 })).toEqual({
      bound: 'tokens',
      limit: 2000,
      found: 2001,
    });
  });

  it('leave fragments in circles to validation, and still count what they have', () => {
    const circle = 'fragment F on T { ...G } fragment G on T { ...F ...G b { ...F } }';
    expect(refusal(`{ a { ...F } } ${circle}`)).toBeUndefined();
    expect(refusal(`{ a { ...F ${'c '.repeat(12)} } } ${circle}`)).toMatchObject({
      bound: 'aliases',
    });
    const dense = times(40, (i) => `fragment F${i} on T { ${times(40, (j) => `...F${j}`)} }`);
    expect(refusal(`{ a { ...F0 } } ${dense}`, { maxQueryTokens: 5000 })).toBeUndefined();
  });

  it('follow a fragment again that is spread below itself without a circle', () => {
    const document = `{ a { ...F a { ...F a { ...F } } } } fragment F on T { x: b y: b z: b w: b t: b }`;
    expect(refusal(document)).toMatchObject({ bound: 'aliases', found: 12 });
  });

  it('count what unused fragments and unused operations ask for', () => {
    expect(refusal(`{ a } fragment F on T { ${'b '.repeat(12)} }`)).toMatchObject({
      bound: 'aliases',
    });
    expect(refusal('query A { a } query B { a { b { c { d { e { f } } } } } }')).toMatchObject({
      bound: 'depth',
    });
  });

  it('count every one of several fragments with one name', () => {
    const many = `fragment F on T { ${'b '.repeat(12)} }`;
    for (const fragments of [`${many} fragment F on T { b }`, `fragment F on T { b } ${many}`]) {
      expect(refusal(`{ a { ...F } } ${fragments}`)).toMatchObject({ bound: 'aliases' });
    }
  });

  it('refuse braces that are too deep for the parser', () => {
    const deep = (open: string, close: string) =>
      `{a${open.repeat(20_000)}x${close.repeat(20_000)}}`;
    for (const document of [
      deep('{b', '}'),
      deep('{...', '}'),
      `{a(b:${'['.repeat(20_000)}${']'.repeat(20_000)})}`,
    ]) {
      expect(refusal(document, { maxQueryTokens: 1e6 })).toMatchObject({ bound: 'depth' });
    }
  });

  it('leave it to others to say what is wrong with a text that is no document', () => {
    expect(() => parseBounded('{ a', limits)).toThrow(GraphQLError);
  });

  it('say what to ask instead and which setting there is', () => {
    expect(() => parseBounded('{ a b c }', { ...limits, maxQueryTokens: 4 })).toThrow(
      /Send fewer fields at a time.*raise BUCKETQL_MAX_QUERY_TOKENS$/,
    );
  });
});

describe('introspection', () => {
  it('of the usual tools is within the bounds, whatever these are', () => {
    const everything = getIntrospectionQuery({
      schemaDescription: true,
      specifiedByUrl: true,
      directiveIsRepeatable: true,
      inputValueDeprecation: true,
      oneOf: true,
    });
    expect(refusal(everything)).toBeUndefined();
    expect(refusal('{ __schema { queryType { fields { name type { fields { name } } } } } }')).toBe(
      undefined,
    );
    expect(
      refusal(
        '{ a: __type(name: "A") { fields { name } } b: __type(name: "B") { fields { name } } }',
      ),
    ).toBeUndefined();
  });

  it.each([
    '{ __schema { types { fields { type { fields { name } } } } } }',
    '{ __type(name: "Q") { fields { type { fields { args { type { inputFields { name } } } } } } } }',
    '{ __schema { types { possibleTypes { ...F } } } } fragment F on __Type { interfaces { name } }',
  ])('does not go from types to types to types: %s', (document) => {
    expect(refusal(document)).toEqual({ bound: 'introspection', limit: 2, found: 3 });
  });

  it.each([
    '{ a: __schema { types { name } } b: __schema { types { name } } }',
    '{ __schema { a: types { name } b: types { name } } }',
    '{ __schema { ...A ...B } } fragment A on __Schema { a: types { name } } fragment B on __Schema { b: types { name } }',
  ])('gives the same once: %s', (document) => {
    expect(refusal(document)).toEqual({ bound: 'introspection', limit: 1, found: 2 });
  });

  it('is not endlessly deep', () => {
    const deep = `{ __type(name: "Q") ${'{ ofType '.repeat(30)} { name } ${'}'.repeat(30)} }`;
    expect(refusal(deep)).toMatchObject({ bound: 'introspection', limit: 20 });
  });
});

const x = (count: number) => times(count, (i) => `x${i}`);
