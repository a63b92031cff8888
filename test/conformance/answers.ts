import { expect } from '@jest/globals';
import { GraphQLError, parse, validate } from 'graphql';
import { openDuckDB } from '../../src/engine/duckdb.js';
import { duckdbDialect } from '../../src/engine/dialect.js';
import { isAppError } from '../../src/errors.js';
import { executeOperation } from '../../src/graphql/execute.js';
import { splice } from '../../src/graphql/tables/raw-json.js';
import type { TableContext } from '../../src/graphql/tables/reader.js';
import type { TableDataset } from '../../src/graphql/tables/types.js';
import type { Segment, Source } from '../../src/query/query.js';
import { sql } from '../../src/sql.js';
import { facts, testApi } from '../graphql/tables/support.js';

/** How the rows of a dataset stand in tables: as one table, or in the segments that imports append. */
export type Layout = 'whole' | 'segments';

/** A dataset and where its rows stand: in a table of its name, and in segments where it says so. */
export interface Tested extends TableDataset {
  readonly segments?: readonly Segment[];
}

/** The generated API over tables in memory, beside the SQL that says what is right. */
export interface Answers {
  /** The data of an operation, from the very bytes that a client would get; fails on errors. */
  ask(operation: string, options?: Options): Promise<Readonly<Record<string, unknown>>>;
  /** The code of the error that an operation gives: of ours, or "INTERNAL"; undefined if it gives none. */
  refusal(operation: string, options?: Options): Promise<string | undefined>;
  /** Rows of hand-written SQL as JSON has them; `zone` is the session's time zone. */
  truth(query: string, zone?: string): Promise<unknown[][]>;
  close(): Promise<void>;
}

export interface Options {
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly layout?: Layout;
}

/** Makes the tables and the API over them. */
export async function openAnswers(script: string, datasets: readonly Tested[]): Promise<Answers> {
  const engine = await openDuckDB({});
  await engine.session((session) => session.run(asWritten(script)));
  const { schema, executed } = testApi(null, datasets);

  const sourceOf = (name: string, layout: Layout): Source => {
    const tested = datasets.find((one) => one.name === name);
    if (!tested) throw new Error(`there is no dataset ${name}`);
    const segments = (layout === 'segments' ? tested.segments : undefined) ?? [{ table: name }];
    return { segments, columns: tested.columns };
  };
  const { generation } = facts;
  const context = (layout: Layout): TableContext => ({
    tables: {
      dialect: duckdbDialect,
      limits: { maxLimit: 100_000 },
      read: (names, job) =>
        engine.read((session) =>
          job({
            source: sourceOf(names[0], layout),
            related: Object.fromEntries(names.map((name) => [name, sourceOf(name, layout)])),
            reads: names.map((dataset) => ({ dataset, version: generation })),
            generation,
            freshness: facts,
            session,
          }),
        ),
      writeback: () => Promise.reject(new Error('nothing is written back here')),
    },
  });

  const run = async (operation: string, { variables, layout = 'whole' }: Options = {}) => {
    const document = parse(operation, { noLocation: true });
    const invalid = validate(schema, document);
    if (invalid[0]) throw invalid[0];
    return executeOperation(executed, { document, variables, context: context(layout) });
  };

  return {
    async ask(operation, options) {
      const result = await run(operation, options);
      const text = Buffer.concat(splice(result)).toString();
      const { data, errors } = JSON.parse(text) as {
        data: Record<string, unknown>;
        errors?: unknown;
      };
      expect(errors).toBeUndefined();
      return data;
    },
    async refusal(operation, options) {
      const { errors } = await run(operation, options);
      return errors?.[0] && codeOf(errors[0]);
    },
    truth: (query, zone = 'UTC') =>
      engine.session(async (session) => {
        await session.run(asWritten(`set TimeZone = '${zone}'`));
        const described = await session.rows(asWritten(`describe ${query}`));
        const rows = await session.rows(
          asWritten(`select cast(columns(*) as varchar) from (${query})`),
        );
        return rows.map((row) =>
          Object.values(row).map((text, index) =>
            jsonOf(text as string | null, String(described[index]?.column_type)),
          ),
        );
      }),
    close: () => engine.close(),
  };
}

/** SQL that a test has written. */
function asWritten(text: string) {
  return sql([text] as unknown as TemplateStringsArray);
}

function codeOf(error: GraphQLError): string {
  const { originalError } = error;
  if (isAppError(originalError)) return originalError.code;
  // A scalar that threw is the request's fault, anything else ours.
  return originalError === undefined || originalError instanceof GraphQLError
    ? 'BAD_USER_INPUT'
    : 'INTERNAL';
}

/**
 * The text of a value in DuckDB as the JSON that the contract has for its type: whole numbers beyond 32 bits and
 * decimals as strings, numbers that are no number as null, times with T, moments in UTC with Z.
 */
function jsonOf(text: string | null, type: string): unknown {
  if (text === null) return null;
  switch (type.replace(/\(.*/, '')) {
    case 'BOOLEAN':
      return text === 'true';
    case 'INTEGER':
      return Number(text);
    case 'DOUBLE':
      return Number.isFinite(Number(text)) ? Number(text) : null;
    case 'TIMESTAMP':
      return text.replace(' ', 'T');
    case 'TIMESTAMP WITH TIME ZONE':
      return text.replace(' ', 'T').replace(/\+00$/, 'Z');
    case 'JSON':
    case 'INTEGER[]':
      return JSON.parse(text);
    default:
      return text;
  }
}
