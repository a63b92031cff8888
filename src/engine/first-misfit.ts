import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { LocalFile, TextRelation } from '../relation.js';
import { empty, ident, sql, type Sql } from '../sql.js';
import { checkOf } from './checks.js';
import { EngineError, type Session } from './engine.js';
import { exactCopy, fromCopy, type CopyOptions } from './exact-copy.js';
import { positionOf, type LoadColumn } from './load-target.js';
import { engineTakes, from, textColumn, unreadGuard } from './relation.js';
import { fromRows } from './row-relation.js';

/** A text that a guessed type does not hold, and where it stands. */
export interface Misfit {
  /** Origin of the file. */
  readonly file: string;
  /** 1-based physical line where its row begins; record, where records have no lines. */
  readonly line: number;
  readonly value: string;
}

/** How {@link firstMisfit} looks. */
export interface MisfitOptions extends CopyOptions {
  /** Folder for exact copies. (Default: beside each file) */
  readonly spoolDirectory?: string;
}

/**
 * Finds the first text, in the order of the files and their lines, that the type of a column does not hold: what the
 * load said with TypeTooNarrow, for people. Only the file that has it is read exactly.
 * @returns undefined when every text fits, or the relation has no such column
 */
export async function firstMisfit(
  session: Session,
  relation: TextRelation,
  column: LoadColumn,
  options: MisfitOptions = {},
): Promise<Misfit | undefined> {
  const position = positionOf(column, relation.headers);
  if (position === undefined) return undefined;
  const text = textColumn(position);
  const check = checkOf(column, text, ident('r', 'v'));
  const condition = check.holds ?? check.fits;
  if (!condition) return undefined;
  const parsed = check.parsed ? sql`, ${check.parsed} as v` : empty;
  const find = async (source: Sql, line: Sql) => {
    const [row] = await session.rows(
      sql`select ${line} as line, ${text} as value from (select r.* ${parsed} from ${source}) r
        where ${text} is not null and not coalesce(${condition}, false) limit 1`,
      options,
    );
    return row;
  };
  for (const file of relation.files) {
    const found = await findIn(relation, file, find, options);
    if (found) return { file: file.origin, line: Number(found.line), value: String(found.value) };
  }
  return undefined;
}

type Find = (source: Sql, line: Sql) => Promise<Readonly<Record<string, unknown>> | undefined>;

async function findIn(
  relation: TextRelation,
  file: LocalFile,
  find: Find,
  options: MisfitOptions,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const line = sql`r.line`;
  if (relation.kind === 'rows') {
    const files = relation.files.filter(({ path }) => path === file.path);
    return find(fromRows({ ...relation, files }), line);
  }
  const single = { ...relation, files: [file] };
  if (await engineTakes(single)) {
    const every = relation.headers.map((_, position) => position);
    try {
      const source = sql`${from(single)} ${unreadGuard(single, every, 'exact reading needed')}`;
      if (!(await find(source, sql`null`))) return undefined;
    } catch (error) {
      if (!(error instanceof EngineError) || error.category !== 'Invalid Input') throw error;
    }
  }
  const directory = options.spoolDirectory ?? dirname(file.path);
  const copy = await exactCopy(single, file, directory, () => undefined, options);
  try {
    // One thread reads in order, so the first one found is the first in the file.
    return await find(fromCopy(single, copy, false), line);
  } finally {
    await rm(copy.path, { force: true });
  }
}
