import {
  GraphQLFloat,
  GraphQLObjectType,
  GraphQLString,
  type GraphQLFieldConfig,
  type GraphQLFieldConfigMap,
  type GraphQLOutputType,
  type GraphQLScalarType,
} from 'graphql';
import type { Exposed } from '../../catalog/definition.js';
import { fileNameColumn, type Column } from '../../columns.js';
import type { Link } from '../../query/query.js';
import { GraphQLBigInt, GraphQLDecimal } from '../scalars.js';
import { typeNames } from '../names.js';
import { briefNotes, columnNotes, describeDataset, type ColumnNotes } from './descriptions.js';
import { relationFields } from './relation-fields.js';
import type { SharedTypes } from './shared.js';
import type { TableRelation } from './table.js';
import { listOf, required } from './wrappers.js';

type Fields = GraphQLFieldConfigMap<unknown, unknown>;

/** What the generated schema needs to know of a dataset. */
export interface TableDataset {
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  readonly columns: readonly Column[];
  /** Names of columns; empty without a key. */
  readonly primaryKey: readonly string[];
  /** What its rows lead to, where both sides have the columns. (Default: nothing) */
  readonly relations?: readonly {
    readonly name: string;
    readonly many: boolean;
    readonly link: Link;
  }[];
  /** For descriptions: "s3://acme/orders/*.csv over connection acme-prod". */
  readonly origin: string;
  /** For descriptions: what the table holds, and since when. (Default: not told) */
  readonly freshness?: {
    readonly importedAt: Date;
    readonly rowCount: bigint;
    readonly fileCount: number;
    readonly fileType: string;
  };
  /** Which fields there are beside rows and pages. (Default: all) */
  readonly expose?: Exposed;
}

/** The object types that one dataset adds. */
export interface TableTypes {
  readonly row: GraphQLObjectType;
  readonly connection: GraphQLObjectType;
  readonly aggregate: GraphQLObjectType;
  readonly groups: GraphQLObjectType;
}

/** Whether a column can be summed and averaged. */
export function isNumeric(column: Column): boolean {
  return ['INTEGER', 'BIGINT', 'DECIMAL', 'DOUBLE'].includes(column.type);
}

/** Whether a column's values fall into time buckets. */
export function hasTime(column: Column): boolean {
  return ['DATE', 'TIMESTAMP', 'TIMESTAMP_TZ'].includes(column.type);
}

/** Makes a dataset's object types; a type that would have no fields is left out, and so are the fields of that type. */
export function tableTypes(
  dataset: TableDataset,
  shared: SharedTypes,
  related: () => readonly TableRelation[],
): TableTypes {
  const names = typeNames(dataset.name);
  const row = new GraphQLObjectType({
    name: names.row,
    description: describeDataset(dataset),
    fields: () => ({
      ...fieldsOf(
        dataset.columns,
        (column) => {
          const scalar = shared.scalars[column.type];
          return column.nullable && column.name !== fileNameColumn ? scalar : required(scalar);
        },
        columnNotes,
      ),
      ...relationFields(related()),
    }),
  });
  const edge = new GraphQLObjectType({
    name: names.edge,
    description: `A row of ${dataset.name} and its place.`,
    fields: {
      cursor: field(
        required(GraphQLString),
        'For `after` and `before`; good until the next import that changes rows.',
      ),
      node: field(required(row), 'The row.'),
    },
  });
  const freshness = field(required(shared.freshness), 'Which state of the table this is.');
  const connection = new GraphQLObjectType({
    name: names.connection,
    description: `A page of ${dataset.name}.`,
    fields: {
      edges: field(required(listOf(edge)), 'The rows with their cursors.'),
      nodes: field(required(listOf(row)), 'The rows.'),
      pageInfo: field(required(shared.pageInfo), 'Where the page lies.'),
      totalCount: field(required(GraphQLBigInt), 'Rows that `where` keeps, on all pages.'),
      freshness,
    },
  });
  const values = new GraphQLObjectType({
    name: names.values,
    description: `One value for each column of ${dataset.name}.`,
    fields: fieldsOf(dataset.columns, (column) => shared.scalars[column.type]),
  });
  const measures = measureFields(dataset, values);
  const group = new GraphQLObjectType({
    name: names.group,
    description: `Rows of ${dataset.name} that have the same keys.`,
    fields: {
      key: field(required(values), 'The values grouped by; other columns are null.'),
      ...(dataset.columns.some(hasTime) && {
        buckets: field(
          required(listOf(shared.timeBucket)),
          'The time buckets, in the order of `by`. Rows without a time are a group without that bucket.',
        ),
      }),
      ...measures,
    },
  });
  return {
    row,
    connection,
    aggregate: new GraphQLObjectType({
      name: names.aggregate,
      description: `Aggregates over rows of ${dataset.name}.`,
      fields: { ...measures, freshness },
    }),
    groups: new GraphQLObjectType({
      name: names.groups,
      description: `Groups of rows of ${dataset.name}.`,
      fields: {
        groups: field(required(listOf(group)), 'The groups.'),
        totalGroups: field(
          required(GraphQLBigInt),
          'Groups that `having` keeps, before limit and offset.',
        ),
        truncated: field(
          required(shared.scalars.BOOLEAN),
          'Whether more groups follow behind the last one here.',
        ),
        freshness,
      },
    }),
  };
}

/** count, countNonNull … quantile: the same for aggregates and groups. */
function measureFields(dataset: TableDataset, values: GraphQLObjectType): Fields {
  const counts = required(
    new GraphQLObjectType({
      name: typeNames(dataset.name).counts,
      description: `One count for each column of ${dataset.name}.`,
      fields: fieldsOf(dataset.columns, () => required(GraphQLBigInt)),
    }),
  );
  const numeric = numericFields(dataset);
  return {
    count: field(required(GraphQLBigInt), 'Rows.'),
    countNonNull: field(counts, 'Values that are not null.'),
    countDistinct: field(counts, 'Different values, nulls left out.'),
    approxCountDistinct: field(
      counts,
      'Different values, estimated to a few percent; fast on many rows.',
    ),
    ...(numeric && { sum: numeric.sum, avg: numeric.avg }),
    min: field(required(values), 'Smallest values; null without rows.'),
    max: field(required(values), 'Greatest values; null without rows.'),
    ...(numeric && {
      stddev: numeric.stddev,
      median: numeric.median,
      quantile: numeric.quantile,
    }),
  };
}

function numericFields(dataset: TableDataset) {
  const columns = dataset.columns.filter(isNumeric);
  if (columns.length === 0) return undefined;
  const names = typeNames(dataset.name);
  const sums = new GraphQLObjectType({
    name: names.sums,
    description: `One sum for each numeric column of ${dataset.name}.`,
    fields: fieldsOf(columns, sumScalar),
  });
  const numbers = new GraphQLObjectType({
    name: names.numbers,
    description: `One number for each numeric column of ${dataset.name}.`,
    fields: fieldsOf(columns, () => GraphQLFloat),
  });
  return {
    sum: field(required(sums), 'Sums; null without values.'),
    avg: field(required(numbers), 'Arithmetic means; null without values.'),
    stddev: field(required(numbers), 'Sample standard deviations; null with less than two values.'),
    median: field(required(numbers), 'Medians, interpolated; null without values.'),
    quantile: {
      ...field(required(numbers), 'Quantiles, interpolated; null without values.'),
      args: {
        q: { type: required(GraphQLFloat), description: 'From 0 (smallest) to 1 (greatest).' },
      },
    },
  };
}

/** The scalar of a column's sum: exact where the column is. */
export function sumScalar(column: Column): GraphQLScalarType {
  return column.type === 'DOUBLE' ? GraphQLFloat : GraphQLDecimal;
}

function fieldsOf(
  columns: readonly Column[],
  typeOf: (column: Column) => GraphQLOutputType,
  notesOf: (column: Column) => ColumnNotes = briefNotes,
): Fields {
  return Object.fromEntries(
    columns.map((column) => [column.name, { type: typeOf(column), ...notesOf(column) }]),
  );
}

function field(type: GraphQLOutputType, description: string): GraphQLFieldConfig<unknown, unknown> {
  return { type, description };
}
