import {
  GraphQLID,
  GraphQLInputObjectType,
  GraphQLInt,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
  parse,
  validate,
  type GraphQLFieldConfigMap,
} from 'graphql';
import type { Column, ColumnType } from '../../../src/columns.js';
import { duckdbDialect } from '../../../src/engine/dialect.js';
import type { Engine } from '../../../src/engine/engine.js';
import { buildExecutionSchema, executeOperation } from '../../../src/graphql/execute.js';
import { tableFields } from '../../../src/graphql/tables/fields.js';
import { splice } from '../../../src/graphql/tables/raw-json.js';
import type {
  FreshnessFacts,
  TableContext,
  TableReader,
} from '../../../src/graphql/tables/reader.js';
import { sharedTypes } from '../../../src/graphql/tables/shared.js';
import { tablesOf } from '../../../src/graphql/tables/table.js';
import type { TableDataset } from '../../../src/graphql/tables/types.js';
import type { Query } from '../../../src/query/query.js';

/** A column called like its header. */
export function column(name: string, type: ColumnType, more: Partial<Column> = {}): Column {
  return { name, source: name, type, nullable: true, ...more };
}

/** The dataset of the contract's example. */
export const orders: TableDataset = {
  name: 'orders',
  title: 'Orders of the shop',
  columns: [
    column('order_id', 'BIGINT', { nullable: false }),
    column('amount', 'DECIMAL', { decimal: { precision: 12, scale: 2 } }),
    column('region', 'STRING'),
    column('order_date', 'DATE', { source: 'order date', description: 'dd-MM-yyyy' }),
    column('created_at', 'TIMESTAMP_TZ'),
    column('_BATCH_FILE_NAME_', 'STRING', { nullable: false }),
  ],
  primaryKey: ['order_id'],
  origin: 's3://acme/orders/*.csv over connection acme-prod',
};

/** A column of every type. */
export const everything: TableDataset = {
  name: 'every_type',
  columns: [
    column('flag', 'BOOLEAN'),
    column('small', 'INTEGER'),
    column('big', 'BIGINT'),
    column('exact', 'DECIMAL', { decimal: { precision: 18, scale: 3 } }),
    column('rough', 'DOUBLE'),
    column('words', 'STRING'),
    column('day', 'DATE'),
    column('clock', 'TIME'),
    column('local', 'TIMESTAMP'),
    column('moment', 'TIMESTAMP_TZ'),
    column('tree', 'JSON'),
  ],
  primaryKey: ['small', 'words'],
  origin: 's3://acme/types/*.json over connection acme-prod',
};

/** Names that are words of SQL, of GraphQL or of the generated API; no numbers and no dates. */
export const awkward: TableDataset = {
  name: 'select_2',
  columns: ['select', '_where', 'count', 'limit', 'node', 'Order', 'x__typename'].map((name) =>
    column(name, 'STRING', { source: `the "${name}"` }),
  ),
  primaryKey: ['select', 'limit'],
  origin: 's3://acme/awkward/*.csv over connection acme-prod',
};

/** Names that every JavaScript object has. */
export const inherited: TableDataset = {
  name: 'odd',
  columns: [
    column('constructor', 'STRING'),
    column('toString', 'STRING'),
    column('hasOwnProperty', 'BIGINT'),
    column('valueOf', 'DATE'),
  ],
  primaryKey: ['constructor'],
  origin: 's3://acme/odd/*.csv over connection acme-prod',
};

export const facts: FreshnessFacts = {
  generation: 'g7',
  importedAt: new Date('2024-05-06T07:08:09Z'),
  fileCount: 3,
  rowCount: 6n,
  rejectedRowCount: 1n,
  stale: false,
};

const destinationInput = new GraphQLInputObjectType({
  name: 'DestinationInput',
  fields: { fileName: { type: new GraphQLNonNull(GraphQLString) } },
});

const writebackRun = new GraphQLObjectType({
  name: 'WritebackRun',
  fields: { id: { type: new GraphQLNonNull(GraphQLID) } },
});

export const shared = sharedTypes({ destinationInput, writebackRun });

/** A written query and its destination, as the mutation fields hand them on. */
export interface Written {
  readonly dataset: string;
  readonly query: Query;
  readonly destination: unknown;
  readonly wait: boolean;
}

export interface TestApi {
  readonly schema: GraphQLSchema;
  readonly executed: GraphQLSchema;
  readonly written: Written[];
  /** How many snapshots were lent. */
  reads(): number;
  /** Validates, executes and splices; the answer is parsed from the very bytes a client would get. */
  query(source: string, variables?: Record<string, unknown>): Promise<Answer>;
  /** The bytes of an answer as text. */
  text(source: string, variables?: Record<string, unknown>): Promise<string>;
}

/** A response as a client reads it. Tests compare members of `data` as they are; it is null where GraphQL makes it null. */
export interface Answer {
  readonly data: Readonly<Record<string, unknown>>;
  readonly errors?: readonly { readonly message: string; readonly path?: readonly unknown[] }[];
}

/** A schema of datasets beside a few management fields, over tables of the same names in `engine`. */
export function testApi(
  engine: Engine | null,
  datasets: readonly TableDataset[],
  maxLimit = 100_000,
): TestApi {
  const written: Written[] = [];
  let reads = 0;
  const tables = tablesOf(datasets, shared);
  const parts = datasets.map((dataset) => tableFields(dataset, shared, tables));
  const generated = Object.assign({}, ...parts.map(({ query }) => query)) as GraphQLFieldConfigMap<
    unknown,
    unknown
  >;
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType({
      name: 'Query',
      fields: { ...managementQueries(), ...generated },
    }),
    mutation: new GraphQLObjectType({
      name: 'Mutation',
      fields: Object.assign(
        { rename: { type: GraphQLString, resolve: () => 'renamed' } },
        ...parts.map(({ mutation }) => mutation),
      ) as GraphQLFieldConfigMap<unknown, unknown>,
    }),
  });
  const executed = buildExecutionSchema(schema, new Set(Object.keys(generated)));
  const reader: TableReader = {
    dialect: duckdbDialect,
    limits: { maxLimit },
    async read(names, job) {
      reads++;
      const sources = names.map((name) => {
        const dataset = datasets.find((one) => one.name === name);
        if (!engine || !dataset) throw new Error(`no table ${name}`);
        return { segments: [{ table: name }], columns: dataset.columns };
      });
      const { generation } = facts;
      return engine!.read((session) =>
        job({
          source: sources[0]!,
          related: Object.fromEntries(names.map((name, index) => [name, sources[index]!])),
          reads: names.map((dataset) => ({ dataset, version: generation })),
          generation,
          freshness: facts,
          session,
        }),
      );
    },
  };
  const context: TableContext = {
    tables: {
      ...reader,
      writeback(dataset, query, destination, wait) {
        written.push({ dataset, query, destination, wait });
        return Promise.resolve({ id: `run-${written.length}` });
      },
    },
  };
  async function text(source: string, variables?: Record<string, unknown>): Promise<string> {
    const document = parse(source);
    const invalid = validate(schema, document);
    if (invalid.length > 0) throw invalid[0]!;
    const result = await executeOperation(executed, { document, variables, context });
    return Buffer.concat(splice(result)).toString();
  }
  return {
    schema,
    executed,
    written,
    reads: () => reads,
    text,
    query: async (source, variables) => JSON.parse(await text(source, variables)) as Answer,
  };
}

function managementQueries(): GraphQLFieldConfigMap<unknown, unknown> {
  const dataset = new GraphQLObjectType({
    name: 'Dataset',
    fields: { name: { type: new GraphQLNonNull(GraphQLString) }, files: { type: GraphQLInt } },
  });
  return {
    dataset: {
      type: dataset,
      args: { name: { type: new GraphQLNonNull(GraphQLString) } },
      resolve: (_source, { name }: { name: string }) => ({ name, files: 2 }),
    },
    broken: {
      type: GraphQLString,
      resolve: () => {
        throw new Error('broken as asked');
      },
    },
  };
}
