import { rowDialect, type RowRelation } from '../relation.js';
import type { Sql } from '../sql.js';
import { readDelimited, textColumns } from './relation.js';

// Files of rows have a few MiB: they are read in pieces of about 4, so that there are some for the second thread.
const leastLine = 2 ** 18;

/** Files of rows as something to select FROM: `line`, the record's number, then `c0 …` of texts, and `file_index`. */
export function fromRows(relation: RowRelation): Sql {
  const longest = 2 * Math.max(leastLine, ...relation.files.map((file) => file.maxLineBytes));
  return readDelimited({
    files: relation.files,
    dialect: rowDialect,
    columns: [['line', 'BIGINT'], ...textColumns(relation)],
    skip: 0,
    nullValues: [''],
    quotedNulls: false,
    maxLineBytes: longest,
    onlyLf: true,
  });
}
