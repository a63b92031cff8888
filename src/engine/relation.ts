import { open } from 'node:fs/promises';
import { engineReads } from '../delimited-text.js';
import { longestLine as measureLines } from '../delimited-file.js';
import { endsOutsideQuotes, quotesIn } from '../delimited-quotes.js';
import type { DelimitedDialect, DelimitedRelation, LocalFile } from '../relation.js';
import { empty, ident, integer, join, literal, sql, type Sql } from '../sql.js';

/** The origin of each row's file, for a source with the virtual column `file_index`. */
export function originOf(files: readonly LocalFile[]): Sql {
  const origins = files.map(({ origin }) => literal(origin));
  const [only] = origins;
  if (only && origins.length === 1) return only;
  return sql`[${join(origins)}][r.file_index::bigint + 1]`;
}

/** How strictly text is read. */
export interface ReadOptions {
  /** Passes over what cannot be read, for guesses from a sample only. (Default: false) */
  readonly tolerant?: boolean;
}

/** A relation as something to select FROM: columns `c0 …` of texts, and the virtual column `file_index`. */
export function from(relation: DelimitedRelation, options: ReadOptions = {}): Sql {
  return readDelimited({
    files: relation.files,
    dialect: relation.dialect,
    columns: textColumns(relation),
    skip: relation.skipLines,
    nullValues: relation.nullValues,
    ...options,
  });
}

/** Names and types of a relation's columns as they are read. */
export function textColumns(
  relation: Pick<DelimitedRelation, 'headers'>,
): (readonly [name: string, type: 'VARCHAR'])[] {
  return relation.headers.map((_, position) => [`c${position}`, 'VARCHAR']);
}

/** The text of the column at a position. */
export function textColumn(position: number): Sql {
  return ident('r', `c${position}`);
}

/** Everything that read_csv is told; it detects nothing but each file's line ends. */
export interface DelimitedRead extends ReadOptions {
  readonly files: readonly LocalFile[];
  readonly dialect: DelimitedDialect;
  readonly columns: readonly (readonly [name: string, type: 'VARCHAR' | 'BIGINT'])[];
  readonly skip: number;
  readonly nullValues: readonly string[];
  /** (Default: 2,000,000) */
  readonly maxLineBytes?: number;
  /** (Default: true) */
  readonly parallel?: boolean;
  /** Null texts in quotes are null, too. (Default: true) */
  readonly quotedNulls?: boolean;
  /** All lines end with LF. (Default: looked up in each file, without regard to quotes) */
  readonly onlyLf?: boolean;
}

/** Bytes of a line that the engine's reader takes without being told more. */
const usualLine = 2_000_000;
// Half of the engine's own: each thread holds several. With less than that it loses last lines below the limit, too.
const usualBuffer = 2 ** 24;

/**
 * Whether a file has a line that is too long for the engine's reader: it says so for most of them, but the parallel one
 * loses a last line that is longer than its buffer without a word (DuckDB 1.5.6).
 */
async function hasLongLine({ path, longestLine }: LocalFile): Promise<boolean> {
  return (longestLine ?? (await measureLines(path))) > usualLine;
}

/** The files before the first one with such a line. */
export async function filesBeforeLongLine(files: readonly LocalFile[]): Promise<LocalFile[]> {
  const before: LocalFile[] = [];
  for (const file of files) {
    if (await hasLongLine(file)) break;
    before.push(file);
  }
  return before;
}

/**
 * Long lines are read one after the other. The parallel reader wants eight of the longest ones and a multiple of 16: with
 * less, or with another number, it refuses files that are longer than its buffer, or loses rows of them without a word
 * (DuckDB 1.5.6).
 */
function bufferFor(longestLine: number): number {
  return longestLine < usualLine
    ? Math.ceil(longestLine / 2) * 16
    : Math.max(usualBuffer, longestLine);
}

/** read_csv with every option said: its own guesses change values (0051 becomes 51) or take headers for rows. */
export function readDelimited(read: DelimitedRead): Sql {
  const { dialect } = read;
  const longest = read.maxLineBytes ?? usualLine;
  // The parallel reader refuses or loses lines that are longer than what each of its threads takes at a time.
  const parallel = read.parallel !== false && longest <= usualLine;
  const strictness = read.tolerant
    ? sql`strict_mode = false, null_padding = true, ignore_errors = true, parallel = false`
    : sql`strict_mode = true, parallel = ${parallel ? sql`true` : sql`false`}`;
  // Two characters in the SQL: a backslash and an n.
  const lines = read.onlyLf ? sql`, new_line = '\\n'` : empty;
  const buffer = sql`buffer_size = ${integer(bufferFor(longest))}`;
  const { plain, other } = nullTexts(read);
  const columns = read.columns.map(([name, type]) => sql`${literal(name)}: ${literal(type)}`);
  const reader = sql`read_csv([${join(read.files.map((file) => literal(file.path)))}], auto_detect = false, header = false,
    delim = ${literal(dialect.delimiter)}, quote = ${literal(dialect.quote)}, escape = ${literal(dialect.escape)},
    comment = '', columns = {${join(columns)}}, skip = ${integer(read.skip)}, nullstr = [${join(plain.map(literal))}],
    allow_quoted_nulls = ${read.quotedNulls === false ? sql`false` : sql`true`},
    max_line_size = ${integer(longest)}, ${buffer}, ${strictness}${lines}) r`;
  if (other.length === 0) return reader;
  const replaced = read.columns.flatMap(([name, type]) => {
    const column = ident('r', name);
    const text = sql`case when list_contains([${join(other.map(literal))}], ${column}) then null else ${column} end`;
    return type === 'VARCHAR' ? [sql`${text} as ${ident(name)}`] : [];
  });
  return sql`(select * replace (${join(replaced)}), r.file_index from ${reader}) r`;
}

// The engine takes no null text with a delimiter or quote in it, and no empty list of them.
function nullTexts({ nullValues, dialect }: DelimitedRead) {
  const marks = [dialect.delimiter, dialect.quote, dialect.escape].filter((mark) => mark !== '');
  const isPlain = (text: string) =>
    text === '' || !marks.some((mark) => text.includes(mark) || mark.includes(text));
  const plain = nullValues.filter(isPlain);
  const other = nullValues.filter((text) => !isPlain(text));
  // These stand in no file that people write.
  const never = ['\u0001\u0002', '\u0003\u0004', '\u0005\u0006', '\u0010\u0011'].find(isPlain);
  return { plain: plain.length === 0 && never ? [never] : plain, other };
}

/**
 * A WHERE clause that reads the columns nobody wants, and asks for an exact reading where the engine's would be wrong:
 * - Reading only some columns of a line with invalid UTF-8 ends the whole engine ("Attempted to access index 1 within
 *   vector of size 1" in DuckDB 1.5.6), so every column is read unless the files are known to be plain; NUL bytes are
 *   found on the way.
 * - With one column an empty line is no row, but the engine makes it a row of NULL.
 */
export function unreadGuard(
  relation: DelimitedRelation,
  unread: readonly number[],
  message: string,
): Sql {
  const tests = arePlain(relation.files)
    ? []
    : unread.map((position) => sql`contains(${textColumn(position)}, chr(0))`);
  if (relation.headers.length === 1) tests.push(sql`coalesce(${textColumn(0)}, '') = ''`);
  if (tests.length === 0) return empty;
  return sql`where case when ${join(tests, sql` or `)} then error(${literal(message)}) else true end`;
}

/** No file has a NUL byte or invalid UTF-8. */
export function arePlain(files: readonly LocalFile[]): boolean {
  return files.every(({ plain }) => plain === true);
}

const longestHead = 1 << 20;

/**
 * Whether the engine's reader can express the dialect, and takes the lines to skip for what they are: it counts a
 * quoted line's end as part of its line, so each of them must have its quotes in pairs.
 */
async function headsArePlain(relation: DelimitedRelation): Promise<boolean> {
  const { skipLines, files, dialect } = relation;
  if (!engineReads(dialect)) return false;
  if (skipLines === 0 || dialect.quote === '') return true;
  const buffer = Buffer.alloc(longestHead);
  for (const { path } of files) {
    const file = await open(path);
    try {
      let filled = 0;
      for (let wanted = 1 << 13; ; wanted = longestHead) {
        const { bytesRead } = await file.read(buffer, filled, wanted - filled, filled);
        filled += bytesRead;
        const plain = headIsPlain(buffer.toString('latin1', 0, filled), skipLines, dialect.quote);
        if (plain === false) return false;
        if (plain || bytesRead === 0) break;
        if (filled >= longestHead) return false;
      }
    } finally {
      await file.close();
    }
  }
  return true;
}

/** Undefined: there are fewer lines than that in the text. */
function headIsPlain(text: string, lines: number, quote: string): boolean | undefined {
  const heads = text.split(/\r\n|\n|\r/, lines + 1);
  const plain = heads.slice(0, lines).every((line) => line.split(quote).length % 2 === 1);
  // The last piece may be cut off, and then its quotes say nothing.
  return heads.length > lines ? plain : undefined;
}

/**
 * Whether the engine's reader says what is wrong with a file's quotes, if anything is. DuckDB 1.5.6 does not when one stays
 * open at the end and one thread reads the whole file (as it does with many files, or when loads make room for queries):
 * it loses all that stands behind. And `"a" "b"` becomes one text, and with two spaces in front a quote is none.
 */
async function quotesArePlain(file: LocalFile, dialect: DelimitedDialect): Promise<boolean> {
  const { quote, delimiter } = dialect;
  if (quote === '') return true;
  const known = quote === '"' ? file.quotes : undefined;
  const quotes = known ?? (await quotesIn(file.path, quote));
  if (quotes === 'NONE') return true;
  if (quotes === 'SPACED' && !delimiter.startsWith(' ')) return false;
  return endsOutsideQuotes(file.path, dialect);
}

/** Whether the engine's own reader takes all the files, and reads them right. */
export async function engineTakes(relation: DelimitedRelation): Promise<boolean> {
  if ((relation.footerLines ?? 0) > 0 || !(await headsArePlain(relation))) return false;
  for (const file of relation.files) {
    if (await hasLongLine(file)) return false;
    if (!(await quotesArePlain(file, relation.dialect))) return false;
  }
  return true;
}
