import { describe, expect, it } from '@jest/globals';
import {
  buildClientSchema,
  execute,
  getIntrospectionQuery,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
  lexicographicSortSchema,
  parse,
  printSchema,
  validate,
  type IntrospectionQuery,
} from 'graphql';
import { AppError } from '../../src/errors.js';
import { buildExecutionSchema, executeOperation } from '../../src/graphql/execute.js';
import { RawJson, splice } from '../../src/graphql/tables/raw-json.js';
import { awkward, everything, orders, testApi } from './tables/support.js';

const row = new GraphQLObjectType({
  name: 'Row',
  fields: { id: { type: new GraphQLNonNull(GraphQLInt) }, name: { type: GraphQLString } },
});
const args = { n: { type: GraphQLInt, defaultValue: 7 } };
const rows = new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(row)));
const schema = new GraphQLSchema({
  query: new GraphQLObjectType({
    name: 'Query',
    fields: {
      // Answers with its arguments, so that a test sees what was coerced.
      echo: { type: rows, args, resolve: (_source, values) => raw([values]) },
      late: { type: rows, args, resolve: async (_source, values) => raw([await values]) },
      none: { type: row, resolve: () => null },
      nullable: { type: new GraphQLList(row), resolve: () => fail('nullable') },
      strict: { type: rows, resolve: () => Promise.resolve().then(() => fail('strict')) },
      plain: { type: row, resolve: () => ({ id: 1, name: 'one' }) },
      broken: { type: GraphQLString, resolve: () => fail('broken') },
    },
  }),
  mutation: new GraphQLObjectType({
    name: 'Mutation',
    fields: { first: { type: row, resolve: () => ({ id: 1 }) } },
  }),
});
const executed = buildExecutionSchema(
  schema,
  new Set(['echo', 'late', 'none', 'nullable', 'strict']),
);

function raw(value: unknown): RawJson {
  return new RawJson([Buffer.from(JSON.stringify(value))]);
}

function fail(what: string): never {
  throw new AppError('INVALID_INPUT', `${what} failed`);
}

async function run(source: string, variables?: Record<string, unknown>) {
  const document = parse(source);
  expect(validate(schema, document)).toEqual([]);
  const result = await executeOperation(executed, { document, variables, context: {} });
  return {
    result,
    answer: JSON.parse(Buffer.concat(splice(result)).toString()) as {
      data?: unknown;
      errors?: unknown;
    },
  };
}

describe('the execution schema', () => {
  it('passes the answers of generated fields on beside management fields and __typename', async () => {
    const { answer } = await run(
      `{ __typename a: echo(n: 1) { id } plain { id name __typename } b: late { id } none { id } }`,
    );
    expect(answer).toEqual({
      data: {
        __typename: 'Query',
        a: [{ n: 1 }],
        plain: { id: 1, name: 'one', __typename: 'Row' },
        b: [{ n: 7 }],
        none: null,
      },
    });
  });

  it('keeps the order of the selection in the answer', async () => {
    const { answer } = await run('{ late { id } plain { id } echo { id } __typename }');
    expect(Object.keys(answer.data as object)).toEqual(['late', 'plain', 'echo', '__typename']);
  });

  it('coerces variables and their defaults', async () => {
    const source = `query ($n: Int = 3, $m: Int) { a: echo(n: $n) { id } b: echo(n: $m) { id } }`;
    expect((await run(source)).answer.data).toEqual({ a: [{ n: 3 }], b: [{ n: 7 }] });
    expect((await run(source, { n: 4, m: null })).answer.data).toEqual({
      a: [{ n: 4 }],
      b: [{ n: null }],
    });
  });

  it('reads fragments on Query, inline and named', async () => {
    const { answer } = await run(
      `query { ...F ... on Query { b: echo(n: 2) { id } } ... { plain { id } } }
       fragment F on Query { a: echo(n: 1) { ...R } } fragment R on Row { id }`,
    );
    expect(answer.data).toEqual({ a: [{ n: 1 }], b: [{ n: 2 }], plain: { id: 1 } });
  });

  it('obeys @skip and @include on generated fields', async () => {
    const source = `query ($x: Boolean!) { a: echo @include(if: $x) { id } b: echo @skip(if: $x) { id } }`;
    expect((await run(source, { x: true })).answer.data).toEqual({ a: [{ n: 7 }] });
    expect((await run(source, { x: false })).answer.data).toEqual({ b: [{ n: 7 }] });
  });

  it('locates errors and makes a nullable field null', async () => {
    const { result, answer } = await run('{ oops: nullable { id } echo { id } broken }');
    expect(answer.data).toEqual({ oops: null, echo: [{ n: 7 }], broken: null });
    expect(answer.errors).toEqual([
      { message: 'nullable failed', path: ['oops'], locations: [{ line: 1, column: 3 }] },
      { message: 'broken failed', path: ['broken'], locations: [{ line: 1, column: 37 }] },
    ]);
    expect(result.errors?.[0]?.originalError).toBeInstanceOf(AppError);
  });

  it('carries the error of a field that cannot be null up to the data', async () => {
    const { answer } = await run('{ strict { id } echo { id } }');
    expect(answer).toEqual({
      data: null,
      errors: [{ message: 'strict failed', path: ['strict'], locations: [{ line: 1, column: 3 }] }],
    });
  });

  it('runs the operation that is named', async () => {
    const document = parse('query A { echo(n: 1) { id } } query B { echo(n: 2) { id } }');
    const operation = { document, operationName: 'B', context: {} };
    const result = await executeOperation(executed, operation);
    expect(Buffer.concat(splice(result)).toString()).toBe('{"data":{"echo":[{"n":2}]}}');
    const { errors } = await executeOperation(executed, { ...operation, operationName: null });
    expect(errors?.[0]?.message).toContain('Must provide operation name');
  });

  it('leaves mutations as they are', async () => {
    const { answer } = await run('mutation { a: first { id } b: first { __typename } }');
    expect(answer.data).toEqual({ a: { id: 1 }, b: { __typename: 'Row' } });
  });

  it('answers introspection from the public schema', async () => {
    const api = testApi(null, [orders, everything, awkward]);
    const options = {
      specifiedByUrl: true,
      directiveIsRepeatable: true,
      schemaDescription: true,
      inputValueDeprecation: true,
      oneOf: true,
    };
    const document = parse(getIntrospectionQuery(options));
    const { data } = await executeOperation(api.executed, { document, context: {} });
    expect(data).toEqual((await execute({ schema: api.schema, document })).data);
    const rebuilt = buildClientSchema(data as unknown as IntrospectionQuery);
    const sdl = (one: GraphQLSchema) => printSchema(lexicographicSortSchema(one));
    expect(sdl(rebuilt)).toBe(sdl(api.schema));
    expect(sdl(rebuilt)).toContain('input OrdersOrder @oneOf {');
  });

  it('answers __type and __schema beside data, aliased and in fragments', async () => {
    const { answer } = await run(
      `query ($name: String!) {
         q: __type(name: $name) { name fields { name type { kind ofType { kind } } } }
         none: __type(name: "Nothing") { name }
         ...S
         echo { id }
       }
       fragment S on Query { schema: __schema { queryType { name } mutationType { name } } }`,
      { name: 'Query' },
    );
    expect(answer.data).toMatchObject({
      q: { name: 'Query' },
      none: null,
      schema: { queryType: { name: 'Query' }, mutationType: { name: 'Mutation' } },
      echo: [{ n: 7 }],
    });
    const { q } = answer.data as {
      q: { fields: { name: string; type: { ofType: { kind: string } } }[] };
    };
    expect(q.fields.map(({ name }) => name)).toEqual(
      Object.keys(schema.getQueryType()?.getFields() ?? {}),
    );
    expect(q.fields[0]?.type.ofType.kind).toBe('LIST');
  });
});
