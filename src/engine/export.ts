import type { Column } from '../columns.js';
import { ident, join, literal, sql, type Sql } from '../sql.js';
import { duckdbDialect } from './dialect.js';
import type { RunOptions, Session } from './engine.js';

/** A local file to write rows into. */
export type ExportTarget = { readonly path: string } & (
  | { readonly kind: 'delimited'; readonly delimiter: string; readonly header: boolean }
  | { readonly kind: 'ndjson' }
  | { readonly kind: 'parquet' }
);

type ExportColumn = Pick<Column, 'name' | 'type' | 'decimal'>;

/**
 * Writes the rows of a select into a file. Texts are RFC 4180 and RFC 8259: instants as the API shows them, NaN and
 * infinity as nothing (null), whole numbers and decimals with all their digits.
 * @returns rows written
 */
export async function exportRows(
  session: Session,
  select: Sql,
  columns: readonly ExportColumn[],
  target: ExportTarget,
  options: RunOptions = {},
): Promise<number> {
  return session.run(
    sql`copy (${projection(select, columns, target)}) to ${literal(target.path)} ${optionsOf(target)}`,
    options,
  );
}

function projection(select: Sql, columns: readonly ExportColumn[], target: ExportTarget): Sql {
  const from = sql`from (${select}) as q`;
  switch (target.kind) {
    case 'parquet':
      return select;
    case 'delimited': {
      const fields = columns.map((column) => sql`${plainText(column)} as ${ident(column.name)}`);
      return sql`select ${join(fields)} ${from}`;
    }
    case 'ndjson': {
      const members = columns.flatMap((column, index) => [
        literal(`${index === 0 ? '{' : ','}${JSON.stringify(column.name)}:`),
        jsonText(column),
      ]);
      return sql`select concat(${join([...members, literal('}')])}) as line ${from}`;
    }
  }
}

function optionsOf(target: ExportTarget): Sql {
  switch (target.kind) {
    case 'parquet':
      return sql`(format parquet, compression zstd)`;
    case 'delimited':
      return sql`(format csv, delimiter ${literal(target.delimiter)}, header ${target.header ? sql`true` : sql`false`})`;
    case 'ndjson':
      // Lines of JSON hold no control characters, so neither delimiter nor quote ever stands in one.
      return sql`(format csv, delimiter ${literal('\u0001')}, header false, quote '', escape '')`;
  }
}

function plainText(column: ExportColumn): Sql {
  const field = sql`q.${ident(column.name)}`;
  switch (column.type) {
    case 'TIMESTAMP':
      return sql`replace(cast(${field} as varchar), ' ', 'T')`;
    case 'TIMESTAMP_TZ':
      return sql`replace(cast(timezone('UTC', ${field}) as varchar), ' ', 'T') || 'Z'`;
    case 'DOUBLE':
      return sql`case when isfinite(${field}) then ${field} end`;
    default:
      return field;
  }
}

function jsonText(column: ExportColumn): Sql {
  const field = sql`q.${ident(column.name)}`;
  switch (column.type) {
    case 'BIGINT':
    case 'DECIMAL':
      return sql`coalesce(cast(${field} as varchar), 'null')`;
    default:
      return duckdbDialect.jsonText(field, column);
  }
}
