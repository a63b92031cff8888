import type { Session } from '../engine/engine.js';
import { sql, value } from '../sql.js';
import type { DatasetDefinition, Schedule } from './definition.js';
import { dateOrNull, instant } from './rows.js';

/** When a dataset is to be imported next. */
export interface StoredSchedule {
  readonly datasetId: string;
  readonly schedule: Schedule;
  readonly nextRunAt: Date;
  /** The last import that a schedule asked for failed, and none has succeeded since. */
  readonly failing: boolean;
}

/** Stores when a dataset is due next; null: never. */
export async function setNextRun(
  session: Session,
  datasetId: string,
  nextRunAt: Date | null,
): Promise<void> {
  await session.run(sql`delete from catalog.schedules where subject_id = ${value(datasetId)}`);
  if (nextRunAt === null) return;
  await session.run(
    sql`insert into catalog.schedules (subject_id, next_run_at) values (${value(datasetId)}, ${instant(nextRunAt)})`,
  );
}

/** Moves on when a dataset is due. @returns false when it is not due at `from` any more, and nothing was changed */
export async function moveNextRun(
  session: Session,
  datasetId: string,
  { from, to }: { readonly from: Date; readonly to: Date },
): Promise<boolean> {
  const changed = await session.run(
    sql`update catalog.schedules set next_run_at = ${instant(to)}
      where subject_id = ${value(datasetId)} and next_run_at = ${instant(from)}`,
  );
  return changed > 0;
}

/** All datasets that have a schedule. */
export async function listSchedules(session: Session): Promise<StoredSchedule[]> {
  const rows = await session.rows(
    sql`select s.subject_id as dataset_id, s.next_run_at, d.definition, coalesce(r.failing, false) as failing
      from catalog.schedules s join catalog.datasets d on d.id = s.subject_id
      left join (
        select dataset_id, arg_max(status <> 'SUCCEEDED', coalesce(finished_at, not_before, queued_at)) as failing
        from catalog.runs
        where kind = 'IMPORT' and (status = 'SUCCEEDED' or ("trigger" = 'SCHEDULE' and error is not null))
        group by dataset_id) r on r.dataset_id = s.subject_id
      order by s.next_run_at, s.subject_id`,
  );
  return rows.flatMap((row) => {
    const { schedule } = JSON.parse(String(row.definition)) as DatasetDefinition;
    const nextRunAt = dateOrNull(row.next_run_at);
    if (!schedule || !nextRunAt) return [];
    return [
      { datasetId: String(row.dataset_id), schedule, nextRunAt, failing: row.failing === true },
    ];
  });
}
