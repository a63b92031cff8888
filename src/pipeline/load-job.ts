import type { Engine, Session } from '../engine/engine.js';
import type { IntakeLimits, IntakeOptions } from './intake.js';
import { RowReader, type RowReaderSettings } from './row-reader.js';
import type { RowsBefore } from './rows-before.js';
import type { SelectionJob } from './select-objects.js';
import { SpoolSpace } from './space.js';
import { TableLoad } from './table-load.js';

/** What an import may cost. */
export interface ImportLimits extends IntakeLimits, RowReaderSettings {
  readonly maxObjects: number;
}

/** Reads objects of a dataset into a new table, for an import or a preview. */
export interface LoadJob extends SelectionJob {
  readonly engine: Engine;
  /** An empty folder for this job. The caller removes it. */
  readonly spoolDir: string;
  /** Name of the table to make. */
  readonly table: string;
  /** Rows that the new ones will stand beside. (Default: none) */
  readonly before?: RowsBefore | undefined;
  readonly limits: ImportLimits;
}

/** The engine holds blocks of all columns when it adds rows: more of them need more memory than the others get by with. */
const modestColumns = 100;

/** Gives `run` a session's load into the table and what taking files in for it needs; no thread outlives it. */
export async function withLoad<T>(
  { dataset: { definition }, engine, spoolDir, table, before, limits, signal }: LoadJob,
  run: (load: TableLoad, intake: IntakeOptions) => Promise<T>,
): Promise<T> {
  const rowReader = new RowReader(limits);
  let columns = () => 0;
  const job = async (session: Session) => {
    try {
      const target = { table, before, definition, spoolDirectory: spoolDir, limits, signal };
      const load = new TableLoad(session, target);
      columns = () => load.columns;
      return await run(load, {
        definition,
        session,
        rowReader,
        spoolDir,
        space: new SpoolSpace(limits.maxSpoolBytes),
        limits,
        signal,
        room: () => load.room,
        onRead: (read) => load.note(read),
        layouts: new Map(),
      });
    } finally {
      await rowReader.close();
    }
  };
  return engine.session(job, {
    modest: () => columns() <= modestColumns,
    hasThread: () => rowReader.hasThread,
  });
}
