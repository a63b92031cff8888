import type { Dialect } from '../../dialect.js';
import type { JoinedTexts, Row, SelectOptions } from '../../engine/engine.js';
import { AppError, isAppError } from '../../errors.js';
import { compileAnswer, type JsonAnswer } from '../../query/answer.js';
import { compile } from '../../query/compile.js';
import { refusedQuery } from '../../query/refused.js';
import type { Sql } from '../../sql.js';
import type { Facts, Plan, Template } from './plan.js';
import { chunkWriter, RawJson, type ChunkWriter } from './raw-json.js';
import type { ResponseBudget, TableContext, TableReader, TableSnapshot } from './reader.js';

/** Runs a plan on one snapshot of a dataset's table. @returns null if it asks for a single row and there is none */
export async function respond(
  reader: TableReader,
  dataset: string,
  plan: Plan,
  { signal, reads, budget }: Pick<TableContext, 'signal' | 'reads' | 'budget'> = {},
): Promise<RawJson | null> {
  const others = plan.related.filter((name) => name !== dataset);
  return reader.read(
    [dataset, ...others],
    async (snapshot) => {
      const { dialect } = reader;
      if (reads) note(snapshot, reads);
      const ask = asking(dataset, snapshot, dialect, { signal, budget });
      const answer = await answerOf(plan, snapshot, dialect, ask);
      const total = await totalOf(plan, snapshot, dialect, ask, answer);
      const { rows: rowCount, hasMore, firstCursor, lastCursor } = answer;
      const { freshness } = snapshot;
      const facts = { freshness, rowCount, hasMore, firstCursor, lastCursor, total };
      if (plan.template.kind === 'single' && rowCount === 0) return null;
      const writer = chunkWriter();
      fill(plan.template, answer.texts, facts, writer);
      return new RawJson(writer.chunks());
    },
    signal,
  );
}

/** Of two fields, one may have read a dataset before it changed and one after: then the answer is of no version. */
function note({ reads }: TableSnapshot, noted: Map<string, string>): void {
  for (const { dataset, version } of reads) {
    const before = noted.get(dataset) ?? version;
    noted.set(dataset, before === version ? version : 'several');
  }
}

/** Asks the snapshot, within the budget. */
interface Asking {
  rows(statement: Sql): Promise<Row[]>;
  texts(statement: Sql): Promise<JoinedTexts>;
}

function asking(
  dataset: string,
  { session }: TableSnapshot,
  dialect: Dialect,
  { signal, budget }: Pick<TableContext, 'signal' | 'budget'>,
): Asking {
  const ask = async <T>(
    job: (options: SelectOptions) => Promise<T>,
    bytesOf: (found: T) => number,
  ): Promise<T> => {
    try {
      const found = await job({
        signal,
        // A generation never changes.
        keepPlan: true,
        ...(budget && { maxBytes: Math.max(0, budget.left) }),
      });
      if (budget) take(budget, bytesOf(found));
      return found;
    } catch (error) {
      if (budget && isAppError(error) && error.code === 'RESPONSE_TOO_LARGE') {
        throw tooLarge(dataset, budget, error);
      }
      throw refusedQuery(error, dialect);
    }
  };
  return {
    rows: (statement) => ask((options) => session.rows(statement, options), bytesOfRows),
    texts: (statement) =>
      ask(
        (options) => session.texts(statement, options),
        ({ bytes }) => bytes,
      ),
  };
}

function bytesOfRows(rows: readonly Row[]): number {
  let bytes = 0;
  for (const row of rows) {
    for (const value of Object.values(row)) {
      if (typeof value === 'string' || value instanceof Uint8Array) bytes += value.length;
    }
  }
  return bytes;
}

function take(budget: ResponseBudget, bytes: number): void {
  budget.left -= bytes;
  // Others took of it while this ran.
  if (budget.left < 0) throw new AppError('RESPONSE_TOO_LARGE', 'Several fields took too much');
}

function tooLarge(dataset: string, { limit }: ResponseBudget, cause: AppError): AppError {
  return new AppError(
    'RESPONSE_TOO_LARGE',
    `The answer is larger than ${limit} bytes; ask for fewer rows or columns, read them from /export/${dataset}, or raise BUCKETQL_MAX_RESPONSE_BYTES`,
    { details: { limit }, cause },
  );
}

async function answerOf(
  plan: Plan,
  snapshot: TableSnapshot,
  dialect: Dialect,
  ask: Asking,
): Promise<JsonAnswer> {
  if (!plan.query) return nothing;
  const { shapes, cursors, probe, total } = plan;
  const asked = compileAnswer(plan.query(snapshot), shapes, dialect, {
    ...(cursors && { cursors: { generation: snapshot.generation } }),
    probe,
    total,
  });
  return asked.gives === 'texts'
    ? asked.read(await ask.texts(asked.statement))
    : asked.read(await ask.rows(asked.statement));
}

const nothing: JsonAnswer = {
  texts: [],
  rows: 0,
  hasMore: false,
  firstCursor: null,
  lastCursor: null,
  total: 0n,
};

async function totalOf(
  plan: Plan,
  snapshot: TableSnapshot,
  dialect: Dialect,
  ask: Asking,
  answer: JsonAnswer,
): Promise<bigint> {
  if (!plan.count) return answer.total;
  const [counted] = await ask.rows(compile(plan.count(snapshot), dialect));
  return (counted?.total as bigint | null | undefined) ?? 0n;
}

function fill(
  template: Template,
  texts: JsonAnswer['texts'],
  facts: Facts,
  writer: ChunkWriter,
): void {
  switch (template.kind) {
    case 'object':
      template.members.forEach(({ key, value }, index) => {
        writer.text(`${index === 0 ? '{' : ','}${JSON.stringify(key)}:`);
        fill(value, texts, facts, writer);
      });
      writer.text(template.members.length === 0 ? '{}' : '}');
      break;
    case 'fact':
      writer.text(JSON.stringify(template.of(facts)));
      break;
    case 'single':
      rowsText(texts[template.shape], writer);
      break;
    case 'list':
      writer.text('[');
      rowsText(texts[template.shape], writer);
      writer.text(']');
      break;
  }
}

function rowsText(texts: JsonAnswer['texts'][number] = [], writer: ChunkWriter): void {
  texts.forEach((text, index) => {
    if (index > 0) writer.text(',');
    if (typeof text === 'string') writer.text(text);
    else writer.bytes(text);
  });
}
