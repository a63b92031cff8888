import type { Dataset } from '../catalog/datasets.js';
import type { Engine } from '../engine/engine.js';
import { dropTables, tableSizes } from '../engine/tables.js';
import { AppError } from '../errors.js';
import type { Log } from '../log.js';

/**
 * Sees to it that every dataset has its tables, and drops tables that no dataset refers to: what a stopped process was
 * loading, or had not yet dropped.
 * @throws DATABASE_DAMAGED
 */
export async function checkTables(
  engine: Engine,
  datasets: readonly Dataset[],
  log: Log,
): Promise<void> {
  const used = new Set(
    datasets.flatMap(({ current }) => current?.segments.map(({ table }) => table) ?? []),
  );
  const there = await engine.read((session) => tableSizes(session, 't_'));
  for (const { name, current } of datasets) {
    const missing = current?.segments.find(({ table }) => !there.has(table));
    if (missing) {
      throw new AppError(
        'DATABASE_DAMAGED',
        `The database has no table ${missing.table}, in which rows of dataset ${name} are to be: its file or its log was replaced by another. Put both back from one backup`,
        { details: { dataset: name, table: missing.table } },
      );
    }
  }
  const dropped = await engine.session((session) => dropTables(session, 't_', used));
  for (const table of dropped) log.info({ table }, 'dropped a table that no dataset refers to');
}
