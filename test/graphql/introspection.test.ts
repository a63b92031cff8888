import { describe, expect, it } from '@jest/globals';
import {
  getIntrospectionQuery,
  graphqlSync,
  isEnumType,
  isInputObjectType,
  isObjectType,
  type GraphQLSchema,
} from 'graphql';
import type { Exposed } from '../../src/catalog/definition.js';
import type { Column } from '../../src/columns.js';
import { LiveSchema } from '../../src/graphql/live-schema.js';
import { buildManagementSchema } from '../../src/graphql/management/schema.js';
import type { TableDataset } from '../../src/graphql/tables/types.js';
import { column, everything, orders } from './tables/support.js';

const all: Exposed = { aggregates: true, groups: true, relations: true };

type Member = { readonly name: string; readonly deprecationReason: string | null | undefined };

function schemaOf(datasets: readonly TableDataset[]): GraphQLSchema {
  const live = new LiveSchema(buildManagementSchema());
  live.publish(datasets);
  return live.current.api;
}

function fieldsOf(schema: GraphQLSchema, name: string): string[] {
  const type = schema.getType(name);
  if (!isObjectType(type) && !isInputObjectType(type)) throw new TypeError(`no type ${name}`);
  return Object.keys(type.getFields());
}

describe('what a dataset exposes', () => {
  const related: TableDataset = {
    ...orders,
    relations: [
      {
        name: 'same_region',
        many: false,
        link: { dataset: 'orders', keys: [{ column: 'region', references: 'region' }] },
      },
    ],
  };
  const added = (expose?: Exposed): string[] => {
    const before = schemaOf([]);
    const schema = schemaOf([expose ? { ...related, expose } : related]);
    const types = Object.keys(schema.getTypeMap()).filter((name) => !before.getType(name));
    const roots = ['Query', 'Mutation'].flatMap((root) =>
      fieldsOf(schema, root).filter((name) => !fieldsOf(before, root).includes(name)),
    );
    return [...types, ...roots].sort();
  };
  const rows = [
    'BigIntFilter',
    'Date',
    'DateFilter',
    'DateTimeFilter',
    'Decimal',
    'DecimalFilter',
    'Freshness',
    'Orders',
    'OrdersColumn',
    'OrdersConnection',
    'OrdersEdge',
    'OrdersFilter',
    'OrdersOrder',
    'PageInfo',
    'SortDirection',
    'StringFilter',
    'orders',
    'ordersByKey',
    'ordersConnection',
    'writebackOrders',
  ];
  const measures = ['Float', 'OrdersCounts', 'OrdersNumbers', 'OrdersSums', 'OrdersValues'];
  const aggregates = ['OrdersAggregate', 'ordersAggregate'];
  const groups = [
    'FloatFilter',
    'LocalDateTime',
    'OrdersBucket',
    'OrdersGroup',
    'OrdersGroupBy',
    'OrdersGroupOrder',
    'OrdersGroups',
    'OrdersHaving',
    'OrdersNumberFilter',
    'OrdersNumberOrder',
    'OrdersSumFilter',
    'OrdersTimeColumn',
    'TimeBucket',
    'TimeUnit',
    'ordersGroups',
    'writebackOrdersGroups',
  ];

  it.each<[string, Exposed | undefined, string[]]>([
    ['everything where nobody says', undefined, [...rows, ...measures, ...aggregates, ...groups]],
    ['everything', all, [...rows, ...measures, ...aggregates, ...groups]],
    ['no aggregates', { ...all, aggregates: false }, [...rows, ...measures, ...groups]],
    ['no groups', { ...all, groups: false }, [...rows, ...measures, ...aggregates]],
    ['neither', { ...all, aggregates: false, groups: false }, rows],
  ])('is %s: the fields and the types that they need', (_, expose, expected) => {
    expect(added(expose)).toEqual(expected.sort());
  });

  it('leaves relations out of rows and filters, and those of other datasets in', () => {
    const link = { dataset: 'orders', keys: [{ column: 'big', references: 'order_id' }] };
    const other: TableDataset = {
      ...everything,
      relations: [{ name: 'order', many: false, link }],
    };
    const schema = schemaOf([{ ...related, expose: { ...all, relations: false } }, other]);
    expect(fieldsOf(schema, 'Orders')).not.toContain('same_region');
    expect(fieldsOf(schema, 'OrdersFilter')).not.toContain('same_region');
    expect(fieldsOf(schema, 'EveryType')).toContain('order');
    expect(fieldsOf(schema, 'EveryTypeFilter')).toContain('order');
  });
});

describe('introspection', () => {
  const columns = everything.columns.filter(({ type }) => type !== 'INTEGER');
  const bytes = (datasets: number, expose: Exposed, more: Partial<Column> = {}): number => {
    const schema = schemaOf(
      Array.from({ length: datasets }, (_, index) => ({
        ...everything,
        name: `dataset_${index}`,
        columns: columns.map((one) => ({ ...one, ...more })),
        primaryKey: [],
        expose,
      })),
    );
    const answer = graphqlSync({ schema, source: getIntrospectionQuery() });
    return Buffer.byteLength(JSON.stringify(answer));
  };
  const few: Exposed = { aggregates: false, groups: false, relations: true };

  it('of 100 datasets with 10 columns is under 2 MB without aggregates and groups', () => {
    expect(columns).toHaveLength(10);
    const size = bytes(100, few);
    expect(size).toBeGreaterThan(1_000_000);
    expect(size).toBeLessThan(2_000_000);
  });

  it('has what people say of a column once, however many types the column is in', () => {
    const description = 'x'.repeat(100);
    const once = 10 * columns.length * description.length;
    expect(bytes(10, all, { description }) - bytes(10, all)).toBeLessThan(1.1 * once);
  });
});

describe('a column that no file has any more', () => {
  const absentSince = '2026-11-22T10:00:00.123Z';
  const reason = 'No file of the import of 2026-11-22T10:00:00Z or of later ones has it';
  const schema = schemaOf([
    { ...everything, columns: [column('id', 'BIGINT'), column('day', 'DATE', { absentSince })] },
  ]);

  it('is deprecated wherever its dataset has it, and no other is', () => {
    const types = Object.values(schema.getTypeMap()).filter(({ name }) => /^EveryType/.test(name));
    const members = types.flatMap((type): readonly Member[] => {
      if (isEnumType(type)) return type.getValues();
      if (isInputObjectType(type)) return Object.values(type.getFields());
      return isObjectType(type) ? Object.values(type.getFields()) : [];
    });
    const deprecated = members.filter(({ deprecationReason }) => deprecationReason !== undefined);
    // Row, filter, order, column, time column, counts and values.
    expect(deprecated).toHaveLength(7);
    for (const member of deprecated) {
      expect(member).toMatchObject({ name: 'day', deprecationReason: reason });
    }
    expect(members.filter(({ name }) => name === 'day')).toHaveLength(7);
  });
});

describe('the description', () => {
  const described: TableDataset = {
    ...orders,
    description: 'One a row.',
    freshness: {
      importedAt: new Date('2026-11-22T10:00:00.123Z'),
      rowCount: 12345n,
      fileCount: 1,
      fileType: 'CSV',
    },
    columns: [
      column('day', 'DATE', { source: 'the day', dateFormat: 'dd-MM-yyyy', description: 'Paid' }),
      column('hour', 'TIME', { dateFormat: 'HH:mm', description: 'HH:mm' }),
      column('column2', 'STRING', { source: '' }),
    ],
    primaryKey: [],
  };
  const schema = schemaOf([described]);

  it('of rows has dataset, origin, connection, freshness, title and description', () => {
    expect(schema.getType('Orders')?.description).toBe(
      [
        'Dataset `orders`: s3://acme/orders/*.csv over connection acme-prod',
        'Imported 2026-11-22T10:00:00Z: 12,345 rows of 1 CSV file',
        'Orders of the shop',
        'One a row.',
      ].join('\n\n'),
    );
  });

  it('of a column has its header, the pattern of its dates and what people say', () => {
    const row = schema.getType('Orders');
    const fields = isObjectType(row) ? row.getFields() : {};
    expect(fields.day?.description).toBe('Source header `the day`, dd-MM-yyyy. Paid');
    expect(fields.hour?.description).toBe('Source header `hour`, HH:mm');
    expect(fields.column2?.description).toBe('No source header');
  });
});
