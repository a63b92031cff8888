import { lexicographicSortSchema, printSchema, type GraphQLSchema } from 'graphql';
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
    'management.graphql': print(management),
    'orders.example.graphql': print(live.current.api),
  };
}

const print = (schema: GraphQLSchema) => `${printSchema(lexicographicSortSchema(schema))}\n`;
