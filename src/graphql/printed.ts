import {
  GraphQLObjectType,
  lexicographicSortSchema,
  printSchema,
  printType,
  type GraphQLFieldConfigMap,
  type GraphQLSchema,
} from 'graphql';
import type { Column } from '../columns.js';
import { LiveSchema } from './live-schema.js';
import { buildManagementSchema } from './management/schema.js';

const column = (name: string, type: Column['type'], more: Partial<Column> = {}): Column => ({
  name,
  source: name,
  type,
  nullable: true,
  ...more,
});

/** The SDL files of schema/: what every service has, and what one dataset adds, by the example of "orders". */
export function printedSchemas(): Readonly<Record<string, string>> {
  const management = buildManagementSchema();
  const live = new LiveSchema(management);
  live.publish([
    {
      name: 'orders',
      origin: 's3://acme/orders/* over connection acme-prod',
      primaryKey: ['order_id'],
      columns: [
        column('order_id', 'BIGINT', { nullable: false }),
        column('amount', 'DECIMAL', { decimal: { precision: 18, scale: 2 } }),
        column('region', 'STRING'),
        column('order_date', 'DATE', { source: 'order date', description: 'dd-MM-yyyy' }),
        column('created_at', 'TIMESTAMP_TZ'),
        column('_BATCH_FILE_NAME_', 'STRING', { nullable: false }),
      ],
    },
  ]);
  return {
    'management.graphql': `${printSchema(lexicographicSortSchema(management))}\n`,
    'orders.example.graphql': `${printAdded(management, live.current.api)}\n`,
  };
}

function printAdded(before: GraphQLSchema, after: GraphQLSchema): string {
  const sorted = lexicographicSortSchema(after);
  const types = Object.values(sorted.getTypeMap()).filter(({ name }) => !before.getType(name));
  const roots = [sorted.getQueryType(), sorted.getMutationType()].map((root) => {
    const config = root?.toConfig() ?? { name: '', fields: {} };
    const known = before.getType(config.name) as GraphQLObjectType;
    const fields = Object.entries(config.fields).filter(([name]) => !(name in known.getFields()));
    const added = new GraphQLObjectType({
      name: config.name,
      fields: Object.fromEntries(fields) as GraphQLFieldConfigMap<unknown, unknown>,
    });
    return `extend ${printType(added)}`;
  });
  return [...roots, ...types.map((type) => printType(type))].join('\n\n');
}
