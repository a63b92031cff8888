import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { engineReads } from '../delimited-text.js';
import { emptyProfile, mergeProfiles, type TextProfile } from '../inference.js';
import type { FormatLimits } from '../limits.js';
import type { DelimitedRelation, TextRelation } from '../relation.js';
import { ident, integer, join, literal, sql, type Sql, type SqlValue } from '../sql.js';
import { EngineError, isAboutText, type Session } from './engine.js';
import { exactCopy, fromCopy } from './exact-copy.js';
import { fromRows } from './row-relation.js';
import { engineTakes, filesBeforeLongLine, from, textColumn, unreadGuard } from './relation.js';
import {
  cast,
  isBoolean,
  isDate,
  isExponent,
  isFraction,
  isInteger,
  isDouble,
  isTime,
  isTimestamp,
  isTimestampTz,
  isWhole,
} from './shapes.js';

export interface ProfileOptions {
  /** Rows to look at; a sample passes over rows that cannot be read. (Default: all, read as a load reads them) */
  readonly sampleRows?: number;
  /** Folder for exact copies of files that the engine's reader cannot take. (Default: beside each file) */
  readonly spoolDirectory?: string;
  readonly limits?: Pick<FormatLimits, 'maxCellBytes'>;
  readonly signal?: AbortSignal | undefined;
}

const manyColumns = 60;
const mostCells = 4_000_000;

/** Says for each of the columns (positions in the relation) what its texts are. */
export async function profile(
  session: Session,
  relation: TextRelation,
  columns: readonly number[],
  options: ProfileOptions = {},
): Promise<TextProfile[]> {
  const none = columns.map(() => emptyProfile);
  if (columns.length === 0 || relation.files.length === 0) return none;
  if (options.sampleRows !== undefined) {
    return profileSample(session, relation, columns, {
      ...options,
      sampleRows: options.sampleRows,
    });
  }
  if (relation.kind === 'rows') return profileOf(session, fromRows(relation), columns, options);
  const all = await profileFast(session, relation, columns, options);
  if (all) return all;
  let merged = none;
  for (const file of relation.files) {
    const single = { ...relation, files: [file] };
    const profiles =
      (relation.files.length > 1 && (await profileFast(session, single, columns, options))) ||
      (await profileExact(session, single, columns, options));
    merged = merged.map((known, index) => mergeProfiles(known, profiles[index] ?? emptyProfile));
  }
  return merged;
}

async function profileSample(
  session: Session,
  relation: TextRelation,
  columns: readonly number[],
  options: ProfileOptions & { readonly sampleRows: number },
): Promise<TextProfile[]> {
  // Rows of thousands of columns are as good a sample when they are fewer.
  const enough = Math.floor(mostCells / relation.headers.length);
  const rows = Math.max(1, Math.min(options.sampleRows, enough));
  const limited = (source: Sql) => sql`(select r.* from ${source} limit ${integer(rows)}) r`;
  if (relation.kind === 'rows') {
    return profileOf(session, limited(fromRows(relation)), columns, options);
  }
  // The engine would hold a line of any length.
  const files = await filesBeforeLongLine(relation.files);
  if (files.length === 0 || !engineReads(relation.dialect)) {
    const first = relation.files.slice(0, 1);
    return profileExact(session, { ...relation, files: first }, columns, options, rows);
  }
  const source = from({ ...relation, files }, { tolerant: true });
  // Every column is read, as in a load: the engine can end over a damaged text that nobody reads.
  const texts = relation.headers.map((_, position) => textColumn(position));
  const sound = sql`${source} where not contains(concat(${join(texts)}), chr(0))`;
  return profileOf(session, limited(sound), columns, options);
}

const unfit = 'bucketql: exact reading needed';

async function profileFast(
  session: Session,
  relation: DelimitedRelation,
  columns: readonly number[],
  options: ProfileOptions,
): Promise<TextProfile[] | undefined> {
  if (!(await engineTakes(relation))) return undefined;
  const every = relation.headers.map((_, position) => position);
  const source = sql`${from(relation)} ${unreadGuard(relation, every, unfit)}`;
  try {
    return await profileOf(session, source, columns, options);
  } catch (error) {
    if (error instanceof EngineError && isAboutText(error)) return undefined;
    throw error;
  }
}

// The same rows as a load: those that it would reject say nothing about a column's type.
async function profileExact(
  session: Session,
  relation: DelimitedRelation,
  columns: readonly number[],
  options: ProfileOptions,
  enough?: number,
): Promise<TextProfile[]> {
  let merged = columns.map(() => emptyProfile);
  for (const file of relation.files) {
    const directory = options.spoolDirectory ?? dirname(file.path);
    const { signal, limits } = options;
    const making = { signal, limits, enough };
    const copy = await exactCopy(relation, file, directory, () => undefined, making);
    try {
      const profiles = await profileOf(session, fromCopy(relation, copy, false), columns, options);
      merged = merged.map((known, index) => mergeProfiles(known, profiles[index] ?? emptyProfile));
    } finally {
      await rm(copy.path, { force: true });
    }
  }
  return merged;
}

/** The shape of a text, the frequent ones first and behind cheap questions: most texts begin with a letter. */
function shapeOf(text: Sql, big: Sql): Sql {
  const date = cast(text, 'DATE');
  const timestamp = cast(text, 'TIMESTAMP');
  return sql`case
    when ${text} is null then null
    when ${text} < '-' or ${text} >= ':' then case when ${isBoolean(text)} then 'boolean' else 'text' end
    when ${isInteger(text, big)} then
      case when strlen(${text}) < 10 or ${cast(text, 'INTEGER')} is not null then 'integer' else 'bigint' end
    when ${text} like '____-__-__' then case when ${isDate(text, date)} then 'date' else 'text' end
    when ${text} like '____-__-__%' then case
      when ${isTimestamp(text, timestamp)} then 'timestamp'
      when ${isTimestampTz(text, cast(text, 'TIMESTAMP_TZ'))} then 'timestampTz'
      else 'text' end
    when ${isFraction(text)} then 'fraction'
    when ${isWhole(text)} then 'whole'
    when ${isExponent(text)} then 'exponent'
    when ${isTime(text)} then 'time'
    else 'text' end`;
}

const shapes = [
  'integer',
  'bigint',
  'whole',
  'fraction',
  'exponent',
  'boolean',
  'date',
  'time',
  'timestamp',
  'timestampTz',
] as const;

async function profileOf(
  session: Session,
  source: Sql,
  columns: readonly number[],
  options: ProfileOptions,
): Promise<TextProfile[]> {
  if (columns.length > manyColumns) return profileLong(session, source, columns, options);
  const part = (what: string, position: number) => ident(`${what}${position}`);
  const parsed = columns.map((position) => parsedText(textColumn(position), part, position));
  const shaped = columns.map((position) => shapedText(part, position));
  const counts = columns.flatMap((position) => countsOf(part, position));
  const [row] = await session.rows(
    sql`select ${join(counts)} from (
      select ${join(shaped)} from (select ${join(parsed)} from ${source}) p
    ) s`,
    options,
  );
  return columns.map((position) => profileFrom((what) => row?.[`${what}${position}`]));
}

/** One row for each text, so that a statement does not grow with the columns: planning thousands takes minutes. */
async function profileLong(
  session: Session,
  source: Sql,
  columns: readonly number[],
  options: ProfileOptions,
): Promise<TextProfile[]> {
  const part = (what: string) => ident(what);
  const texts = join(columns.map(textColumn));
  const rows = await session.rows(
    sql`select place, ${join(countsOf(part, 0))} from (
      select place, ${shapedText(part, 0)} from (
        select place, ${parsedText(ident('cell'), part, 0)} from (
          select unnest([${texts}]) as cell, unnest(range(${integer(columns.length)})) as place from ${source}
        ) c
      ) p
    ) s group by place`,
    options,
  );
  const byPlace = new Map(rows.map((row) => [Number(row.place), row]));
  return columns.map((_, place) => profileFrom((what) => byPlace.get(place)?.[what]));
}

/** Names what is computed for a column. */
type Part = (what: string, position: number) => Sql;

function parsedText(text: Sql, part: Part, position: number): Sql {
  return sql`${text} as ${part('text', position)}, ${cast(text, 'BIGINT')} as ${part('big', position)}`;
}

function shapedText(part: Part, position: number): Sql {
  const text = part('text', position);
  return sql`${text}, ${shapeOf(text, part('big', position))} as ${part('shape', position)}`;
}

function countsOf(part: Part, position: number): Sql[] {
  const text = part('text', position);
  const shape = part('shape', position);
  const column = (expression: Sql, what: string) => sql`${expression} as ${part(what, position)}`;
  const plain = sql`${shape} in ('integer', 'bigint', 'whole', 'fraction')`;
  const point = sql`instr(${text}, '.')`;
  const end = sql`case when ${shape} = 'fraction' then ${point} - 1 else strlen(${text}) end`;
  // Other shapes have no zero in front, so one there is all that stands before the point: no digit that a type has to hold.
  const zero = sql`starts_with(${text}, '0') or starts_with(${text}, '-0') or starts_with(${text}, '+0')`;
  // A double holds any 15 digits, so only longer numbers and exponents need a closer look.
  const double = sql`case when ${plain} and strlen(${text}) <= 15 then true
    when ${plain} or ${shape} = 'exponent' then ${isDouble(text, cast(text, 'DOUBLE'))} else false end`;
  return [
    column(sql`count(${text})`, 'values'),
    ...shapes.map((kind) => column(sql`count_if(${shape} = ${literal(kind)})`, kind)),
    column(
      sql`max(case when ${plain} then ${end} - case when ${text} < '.' then 1 else 0 end - case when ${zero} then 1 else 0 end end)`,
      'wholeDigits',
    ),
    column(
      sql`max(case when ${shape} = 'fraction' then strlen(${text}) - ${point} else 0 end)`,
      'scale',
    ),
    column(sql`count_if(${double})`, 'doubles'),
  ];
}

function profileFrom(found: (what: string) => SqlValue | undefined): TextProfile {
  const count = (what: string) => Number(found(what) ?? 0);
  const integers = count('integer');
  const bigints = integers + count('bigint');
  return {
    values: count('values'),
    booleans: count('boolean'),
    whole: bigints + count('whole'),
    fractions: count('fraction'),
    exponents: count('exponent'),
    doubles: count('doubles'),
    dates: count('date'),
    times: count('time'),
    timestamps: count('timestamp'),
    timestampsTz: count('timestampTz'),
    wholeDigits: count('wholeDigits'),
    scale: count('scale'),
    integers,
    bigints,
  };
}
