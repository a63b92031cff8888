import { AppError } from '../../errors.js';
import { columnAggregateNames, type Aggregate, type GroupKey } from '../../query/query.js';
import type { GroupByInput } from './arguments.js';
import { checkedQuantile } from './measures.js';
import { isNumeric, type TableDataset } from './types.js';

const numericOnly = ['sum', 'avg', 'stddev', 'median'];

/** The header of a grouped column in a written file: its name, or `order_date_month` for a bucket. */
export function keyHeader({ column, bucket }: GroupByInput): string {
  return bucket ? `${bucket.column}_${bucket.unit.toLowerCase()}` : (column ?? '');
}

/**
 * Reads the `aggregates` of a writeback, which say in JSON what a selection would:
 * `{"count": true, "sum": ["amount"], "max": {"amount": "largest"}, "quantile": [{"q": 0.9, "columns": ["amount"]}]}`.
 * Columns of the file follow that order; a header is `sum_amount` unless an object names it.
 * @throws INVALID_INPUT for anything else, COLUMN_NOT_FOUND for a column the dataset has not
 */
export function toAggregates(
  json: unknown,
  dataset: TableDataset,
  by: readonly GroupKey[],
): Aggregate[] {
  const aggregates = Object.entries(record(json, 'aggregates')).flatMap(([name, value]) => {
    if (name === 'count') return counts(value);
    if (name === 'quantile')
      return list(value, 'quantile').flatMap((one) => quantiles(one, dataset));
    const kind = columnAggregateNames.find((known) => known === name);
    if (!kind) {
      const known = ['count', ...columnAggregateNames, 'quantile'].join(', ');
      throw new AppError('INVALID_INPUT', `\`aggregates\` has ${name}, which is none of ${known}`);
    }
    const numeric = numericOnly.includes(kind);
    return headers(value, name, name).map(([column, as]): Aggregate => ({
      kind,
      column: known(column, name, dataset, numeric),
      as,
    }));
  });
  refuseRepeated([...by, ...aggregates].map(({ as }) => as));
  return aggregates;
}

function counts(value: unknown): Aggregate[] {
  if (value === false) return [];
  if (value === true) return [{ kind: 'count', as: 'count' }];
  if (typeof value === 'string' && value !== '') return [{ kind: 'count', as: value }];
  throw new AppError('INVALID_INPUT', '`count` of `aggregates` takes true or a header');
}

function quantiles(value: unknown, dataset: TableDataset): Aggregate[] {
  const { q, columns } = record(value, 'quantile');
  if (typeof q !== 'number') {
    throw new AppError(
      'INVALID_INPUT',
      '`quantile` of `aggregates` takes a list such as [{"q": 0.9, "columns": ["amount"]}]',
    );
  }
  return headers(columns, 'quantile', `quantile_${String(q).replace('.', '_')}`).map(
    ([column, as]): Aggregate => ({
      kind: 'quantile',
      column: known(column, 'quantile', dataset, true),
      q: checkedQuantile(q),
      as,
    }),
  );
}

/** `["amount"]` or `{"amount": "header"}` as pairs of column and header. */
function headers(value: unknown, name: string, prefix: string): [string, string][] {
  const pairs = Array.isArray(value)
    ? value.map((column: unknown) => [column, `${prefix}_${String(column)}`])
    : Object.entries(record(value, name));
  return pairs.map(([column, as]) => {
    if (typeof column === 'string' && typeof as === 'string' && as !== '') return [column, as];
    throw new AppError(
      'INVALID_INPUT',
      `\`${name}\` of \`aggregates\` takes a list of columns, or an object of columns and headers`,
    );
  });
}

function known(column: string, name: string, dataset: TableDataset, numeric: boolean): string {
  const candidates = dataset.columns.filter((one) => !numeric || isNumeric(one));
  if (candidates.some((one) => one.name === column)) return column;
  const names = candidates.map((one) => one.name);
  throw new AppError(
    'COLUMN_NOT_FOUND',
    `${name} of \`aggregates\` names ${column}; ${dataset.name} has ${names.join(', ') || 'no such column'}`,
    { details: { column, columns: names } },
  );
}

function refuseRepeated(names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name.toLowerCase())) {
      throw new AppError(
        'INVALID_INPUT',
        `Two columns of the file would be called ${name}; give one another header, as in {"sum": {"amount": "total"}}`,
        { details: { header: name } },
      );
    }
    seen.add(name.toLowerCase());
  }
}

function record(value: unknown, name: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new AppError('INVALID_INPUT', `\`${name}\` takes a JSON object, found ${typeof value}`);
}

function list(value: unknown, name: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new AppError('INVALID_INPUT', `\`${name}\` of \`aggregates\` takes a list`);
}
