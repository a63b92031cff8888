import { specifiedScalarTypes, type GraphQLSchema } from 'graphql';

/** The root fields one dataset adds to Query and Mutation. */
export interface RootFieldNames {
  readonly rows: string;
  readonly connection: string;
  readonly aggregate: string;
  readonly groups: string;
  readonly byKey: string;
  readonly writeback: string;
  readonly writebackGroups: string;
}

/** The root fields of a dataset: "order_items" gives order_items, order_itemsConnection … writebackOrderItems. */
export function rootFieldNames(dataset: string): RootFieldNames {
  const writeback = `writeback${pascalCase(dataset)}`;
  return {
    rows: dataset,
    connection: `${dataset}Connection`,
    aggregate: `${dataset}Aggregate`,
    groups: `${dataset}Groups`,
    byKey: `${dataset}ByKey`,
    writeback,
    writebackGroups: `${writeback}Groups`,
  };
}

const typeSuffixes = {
  row: '',
  filter: 'Filter',
  order: 'Order',
  column: 'Column',
  timeColumn: 'TimeColumn',
  edge: 'Edge',
  connection: 'Connection',
  counts: 'Counts',
  sums: 'Sums',
  numbers: 'Numbers',
  values: 'Values',
  aggregate: 'Aggregate',
  bucket: 'Bucket',
  groupBy: 'GroupBy',
  group: 'Group',
  groups: 'Groups',
  sumFilter: 'SumFilter',
  numberFilter: 'NumberFilter',
  having: 'Having',
  numberOrder: 'NumberOrder',
  groupOrder: 'GroupOrder',
} as const;

/** The types one dataset can add, by their part. */
export type TypeNames = Readonly<Record<keyof typeof typeSuffixes, string>>;

/** The types of a dataset: "order_items" gives OrderItems, OrderItemsFilter and so on. */
export function typeNames(dataset: string): TypeNames {
  const prefix = pascalCase(dataset);
  const entries = Object.entries(typeSuffixes).map(([part, suffix]) => [part, prefix + suffix]);
  return Object.fromEntries(entries) as TypeNames;
}

/** Types that the generated fields of all datasets share. */
export const sharedTypeNames = [
  'BigInt',
  'Decimal',
  'Date',
  'Time',
  'DateTime',
  'LocalDateTime',
  'JSON',
  'SortDirection',
  'TimeUnit',
  'StringFilter',
  'IntFilter',
  'BigIntFilter',
  'DecimalFilter',
  'FloatFilter',
  'BooleanFilter',
  'DateFilter',
  'TimeFilter',
  'DateTimeFilter',
  'LocalDateTimeFilter',
  'JSONFilter',
  'PageInfo',
  'Freshness',
  'TimeBucket',
] as const;

/** Names that no dataset may take. */
export interface TakenNames {
  readonly queryFields: ReadonlySet<string>;
  readonly mutationFields: ReadonlySet<string>;
  readonly types: ReadonlySet<string>;
}

/** The names a schema without datasets takes, with GraphQL's own scalars and the shared types of the generated fields. */
export function takenNames(management: GraphQLSchema): TakenNames {
  return {
    queryFields: new Set(Object.keys(management.getQueryType()?.getFields() ?? {})),
    mutationFields: new Set(Object.keys(management.getMutationType()?.getFields() ?? {})),
    types: new Set([
      ...Object.keys(management.getTypeMap()),
      ...specifiedScalarTypes.map((type) => type.name),
      ...sharedTypeNames,
    ]),
  };
}

/** One name that a new dataset would share with something that is already there. */
export interface Collision {
  readonly kind: 'query field' | 'mutation field' | 'type';
  readonly name: string;
  /** The dataset that has the name, or null if it belongs to the API itself. */
  readonly dataset: string | null;
}

/**
 * What keeps a dataset's name from being used: every root field or type it could add that another dataset or the API
 * has. All names a dataset could ever add count, as its columns may change with any import.
 */
export function collisions(
  dataset: string,
  others: readonly string[],
  taken: TakenNames,
): Collision[] {
  const mine = names(dataset);
  const found: Collision[] = mine.filter(({ kind, name }) => takenOf(taken, kind).has(name));
  for (const other of others) {
    const theirs = new Set(names(other).map(({ kind, name }) => `${kind} ${name}`));
    for (const { kind, name } of mine) {
      if (theirs.has(`${kind} ${name}`)) found.push({ kind, name, dataset: other });
    }
  }
  return found;
}

function names(dataset: string): Collision[] {
  const { writeback, writebackGroups, ...queries } = rootFieldNames(dataset);
  const named = (kind: Collision['kind'], list: readonly string[]): Collision[] =>
    list.map((name) => ({ kind, name, dataset: null }));
  return [
    ...named('query field', Object.values(queries)),
    ...named('mutation field', [writeback, writebackGroups]),
    ...named('type', Object.values(typeNames(dataset))),
  ];
}

function takenOf(taken: TakenNames, kind: Collision['kind']): ReadonlySet<string> {
  switch (kind) {
    case 'query field':
      return taken.queryFields;
    case 'mutation field':
      return taken.mutationFields;
    case 'type':
      return taken.types;
  }
}

function pascalCase(name: string): string {
  return name
    .split('_')
    .filter((word) => word !== '')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}
