import type { Session } from '../engine/engine.js';
import { sql, value, type Sql } from '../sql.js';
import type { Schedule } from './definition.js';
import { dateOrNull, instant } from './rows.js';
import type { About, RunKind, Subject } from './runs.js';

/** When a subject is due next. */
export interface StoredSchedule {
  readonly subject: Subject;
  /** What runs of it are about. */
  readonly about: About;
  readonly schedule: Schedule;
  readonly nextRunAt: Date;
  /** The last run that the schedule asked for failed, and none has succeeded since. */
  readonly failing: boolean;
}

/** Stores when a subject is due next; null: never. */
export async function setNextRun(
  session: Session,
  subject: Subject,
  nextRunAt: Date | null,
): Promise<void> {
  await session.run(sql`delete from catalog.schedules where ${of(subject)}`);
  if (nextRunAt === null) return;
  await session.run(
    sql`insert into catalog.schedules (kind, subject_id, next_run_at)
      values (${value(subject.kind)}, ${value(subject.id)}, ${instant(nextRunAt)})`,
  );
}

/** Moves on when a subject is due. @returns false when it is not due at `from` any more, and nothing was changed */
export async function moveNextRun(
  session: Session,
  subject: Subject,
  { from, to }: { readonly from: Date; readonly to: Date },
): Promise<boolean> {
  const changed = await session.run(
    sql`update catalog.schedules set next_run_at = ${instant(to)}
      where ${of(subject)} and next_run_at = ${instant(from)}`,
  );
  return changed > 0;
}

/** All subjects that have a schedule. */
export async function listSchedules(session: Session): Promise<StoredSchedule[]> {
  const rows = await session.rows(
    sql`select s.kind, s.subject_id, d.dataset_id, s.next_run_at, d.definition, coalesce(r.failing, false) as failing
      from catalog.schedules s
      join (
        select 'IMPORT' as kind, id, id as dataset_id, definition from catalog.datasets
        union all select 'WRITEBACK', id, dataset_id, definition from catalog.writebacks) d
        on d.kind = s.kind and d.id = s.subject_id
      left join (
        select kind, case kind when 'IMPORT' then dataset_id else writeback_id end as subject_id,
          arg_max(status <> 'SUCCEEDED', coalesce(finished_at, not_before, queued_at)) as failing
        from catalog.runs
        where status = 'SUCCEEDED' or ("trigger" = 'SCHEDULE' and error is not null)
        group by all) r on r.kind = s.kind and r.subject_id = s.subject_id
      order by s.next_run_at, s.subject_id`,
  );
  return rows.flatMap((row) => {
    const { schedule } = JSON.parse(String(row.definition)) as { readonly schedule?: Schedule };
    const nextRunAt = dateOrNull(row.next_run_at);
    if (!schedule || !nextRunAt) return [];
    const subject = { kind: String(row.kind) as RunKind, id: String(row.subject_id) };
    const { kind, id } = subject;
    const about = {
      kind,
      datasetId: String(row.dataset_id),
      writebackId: kind === 'IMPORT' ? null : id,
    };
    return [{ subject, about, schedule, nextRunAt, failing: row.failing === true }];
  });
}

const of = ({ kind, id }: Subject): Sql => sql`kind = ${value(kind)} and subject_id = ${value(id)}`;
