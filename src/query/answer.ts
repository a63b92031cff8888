import type { Dialect } from '../dialect.js';
import type { Sql, SqlValue } from '../sql.js';
import { isShortGroups, shortGroupsJson } from './groups-json.js';
import { compileJson, type JsonOptions } from './json.js';
import type { Json, Query, RowsQuery } from './query.js';
import { isPlainAnswer, isShortAnswer, plainRowsJson, shortRowsJson } from './rows-json.js';

/** A row of a result, by the names of its columns. */
type ResultRow = Readonly<Record<string, SqlValue>>;

/** The texts of a result as they stand behind each other, by column. */
interface ResultTexts {
  readonly rows: number;
  readonly columns: readonly (readonly Uint8Array[])[];
}

/** An answer as JSON text, and what is known of it. */
export interface JsonAnswer {
  /** For each shape the texts of its rows in order, to be joined by commas. Bytes are UTF-8. */
  readonly texts: readonly (readonly (string | Uint8Array)[])[];
  readonly rows: number;
  readonly hasMore: boolean;
  readonly firstCursor: string | null;
  readonly lastCursor: string | null;
  readonly total: bigint;
}

/** A statement, and what its result says: its rows, or nothing but texts. */
export type AnswerStatement = { readonly statement: Sql } & (
  | { readonly gives: 'rows'; readonly read: (result: readonly ResultRow[]) => JsonAnswer }
  | { readonly gives: 'texts'; readonly read: (result: ResultTexts) => JsonAnswer }
);

/** The statement that answers a query with the JSON of shapes, in the way that suits its size. */
export function compileAnswer(
  query: Query,
  shapes: readonly Json[],
  dialect: Dialect,
  options: JsonOptions = {},
): AnswerStatement {
  if (query.kind === 'rows' && isPlainAnswer(shapes, options)) {
    return { statement: plainRowsJson(query, shapes, dialect), gives: 'texts', read: readTexts };
  }
  if (query.kind === 'rows' && isShortAnswer(query, shapes)) {
    return {
      gives: 'rows',
      statement: shortRowsJson(query, shapes, dialect, options),
      read: (result) => readRows(result, query, shapes, options.probe ?? false),
    };
  }
  if (query.kind === 'groups' && isShortGroups(query, options)) {
    return {
      gives: 'rows',
      statement: shortGroupsJson(query, shapes, dialect, options),
      read: (result) => ({
        ...plainAnswer(result, shapes),
        total: totalOf(result),
      }),
    };
  }
  return {
    gives: 'rows',
    statement: compileJson(query, shapes, dialect, options),
    read: (result) => readBlocks(result, shapes),
  };
}

/** Each text has a comma in front. */
function readTexts({ rows, columns }: ResultTexts): JsonAnswer {
  const texts = columns.map((pieces) => pieces.map((piece) => piece.subarray(1)));
  return { texts, rows, hasMore: false, firstCursor: null, lastCursor: null, total: 0n };
}

function readRows(
  found: readonly ResultRow[],
  { limit = Infinity, page }: RowsQuery,
  shapes: readonly Json[],
  probe: boolean,
): JsonAnswer {
  const hasMore = probe && found.length > limit;
  // The walk may go backwards; the answer never does, so what lies beyond comes first in it.
  const beyond = hasMore && page?.backwards ? 1 : 0;
  const rows = hasMore ? found.slice(beyond, beyond + limit) : found;
  return {
    ...plainAnswer(rows, shapes),
    hasMore,
    firstCursor: textOf(rows[0]?.cursor),
    lastCursor: textOf(rows.at(-1)?.cursor),
  };
}

/** An answer whose rows come each by itself. */
function plainAnswer(rows: readonly ResultRow[], shapes: readonly Json[]): JsonAnswer {
  return {
    texts: shapes.map((_, shape) => rows.map((row) => row[`json${shape}`] as string)),
    rows: rows.length,
    hasMore: false,
    firstCursor: null,
    lastCursor: null,
    total: 0n,
  };
}

function readBlocks(blocks: readonly ResultRow[], shapes: readonly Json[]): JsonAnswer {
  const filled = blocks.filter(({ rows }) => Number(rows) > 0);
  return {
    texts: shapes.map((_, shape) => filled.map((block) => block[`json${shape}`] as Uint8Array)),
    rows: filled.reduce((sum, block) => sum + Number(block.rows), 0),
    hasMore: blocks.some((block) => block.has_more === true),
    firstCursor: textOf(blocks[0]?.first_cursor),
    lastCursor: textOf(blocks.at(-1)?.last_cursor),
    total: totalOf(blocks),
  };
}

const totalOf = ([first]: readonly ResultRow[]) =>
  (first?.total as bigint | null | undefined) ?? 0n;
const textOf = (value: SqlValue | undefined) => (value as string | null | undefined) ?? null;
