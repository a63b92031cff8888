import type { Session } from '../engine/engine.js';
import { firstMisfit, type MisfitOptions } from '../engine/first-misfit.js';
import type { LoadColumn } from '../engine/load.js';
import type { TextRelation } from '../relation.js';
import { columnKey } from './columns.js';

// Each costs a reading up to the value.
const mostNotes = 20;

/** Says, for people, which values made guessed types give way to others. */
export async function misfitNotes(
  session: Session,
  relations: readonly TextRelation[],
  guessed: readonly LoadColumn[],
  loaded: readonly LoadColumn[],
  options: MisfitOptions,
): Promise<string[]> {
  const types = new Map(loaded.map((column) => [columnKey(column), column.type]));
  const typeOf = (column: LoadColumn) => types.get(columnKey(column)) ?? column.type;
  const notes: string[] = [];
  const outgrown = guessed.filter((column) => column.inferred && typeOf(column) !== column.type);
  for (const column of outgrown.slice(0, mostNotes)) {
    for (const relation of relations) {
      const misfit = await firstMisfit(session, relation, column, options);
      if (!misfit) continue;
      const { file, line, value } = misfit;
      notes.push(
        `${file} line ${line}: ${JSON.stringify(value.slice(0, 100))} in column ${column.name} is no ${column.type}, so the column is ${typeOf(column)}`,
      );
      break;
    }
  }
  return notes;
}
