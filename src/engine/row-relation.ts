import { rowDialect, type RowRelation } from '../relation.js';
import type { Sql } from '../sql.js';
import { readDelimited, textColumns } from './relation.js';

/** Files of rows as something to select FROM: `line`, the record's number, then `c0 …` of texts, and `file_index`. */
export function fromRows(relation: RowRelation): Sql {
  const longest = Math.max(0, ...relation.files.map(({ maxLineBytes }) => maxLineBytes));
  return readDelimited({
    files: relation.files,
    dialect: rowDialect,
    columns: [['line', 'BIGINT'], ...textColumns(relation)],
    skip: 0,
    nullValues: [''],
    quotedNulls: false,
    maxLineBytes: Math.max(2_000_000, longest * 2),
    onlyLf: true,
  });
}
