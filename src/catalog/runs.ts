import type { ErrorDetails } from '../errors.js';
import type { Row, Session } from '../engine/engine.js';
import { integer, sql, value, type Sql } from '../sql.js';
import { dateOrNull, instant, pageOf, textOrNull } from './rows.js';

/** One execution of an import or a writeback. */
export interface Run {
  readonly id: string;
  readonly kind: RunKind;
  readonly datasetId: string;
  /** The writeback that is kept; null for imports and for what was written once. */
  readonly writebackId: string | null;
  readonly status: RunStatus;
  readonly trigger: RunTrigger;
  /** Counts from 1; of a run that waits for its next attempt, that one. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** While QUEUED: when the next attempt may start; null: at once. */
  readonly notBefore: Date | null;
  readonly queuedAt: Date;
  /** Of the first attempt. */
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly error: RunError | null;
  readonly progress: ImportProgress | WritebackProgress;
}

export type RunKind = 'IMPORT' | 'WRITEBACK';
/** Who asked for a run: somebody, or its subject's schedule. */
export type RunTrigger = 'REQUEST' | 'SCHEDULE';
export type RunStatus = 'QUEUED' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'CANCELLED';

/** What runs again and again, one run after the other: a dataset's import, or a writeback that is kept. */
export interface Subject {
  readonly kind: RunKind;
  /** Of the dataset or the writeback. */
  readonly id: string;
}

/** What a run is about. */
export type About = Pick<Run, 'kind' | 'datasetId'> & Partial<Pick<Run, 'writebackId'>>;

/** The subject of a run; undefined for what is written once. */
export function subjectOf(run: About): Subject | undefined {
  const id = run.kind === 'IMPORT' ? run.datasetId : run.writebackId;
  return id == null ? undefined : { kind: run.kind, id };
}

/** A subject as the key of a map. */
export const subjectKey = ({ kind, id }: Subject): string => `${kind} ${id}`;

/** {@link subjectKey} of a run's subject; undefined for what is written once. */
export function subjectKeyOf(run: About): string | undefined {
  const subject = subjectOf(run);
  return subject && subjectKey(subject);
}

/** Why a run failed. Never holds a secret. */
export interface RunError {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly details: ErrorDetails;
}

/** How far an import is. Bytes as stored in S3. */
export interface ImportProgress {
  readonly filesTotal: number;
  readonly filesDone: number;
  readonly bytesTotal: number;
  readonly bytesDone: number;
  readonly rowsAdded: number;
  readonly rowsRemoved: number;
  readonly rowsRejected: number;
  readonly warnings: readonly string[];
}

/** How far a writeback is, and what it wrote. */
export interface WritebackProgress {
  readonly rows: number;
  readonly bytes: number;
  readonly objects: readonly {
    readonly key: string;
    readonly bytes: number;
    readonly rows: number;
    readonly etag: string;
    /** "sha256:" and hex digits. */
    readonly checksum: string;
  }[];
}

/** Stores a new run. */
export async function insertRun(session: Session, run: Run): Promise<void> {
  await session.run(
    sql`insert into catalog.runs (id, kind, dataset_id, writeback_id, status, "trigger", attempt, max_attempts, not_before,
      queued_at, started_at, finished_at, error, progress)
      values (${value(run.id)}, ${value(run.kind)}, ${value(run.datasetId)}, ${value(run.writebackId)}, ${value(run.status)}, ${value(run.trigger)},
      ${integer(run.attempt)}, ${integer(run.maxAttempts)}, ${instant(run.notBefore)},
      ${instant(run.queuedAt)}, ${instant(run.startedAt)}, ${instant(run.finishedAt)}, ${value(run.error && json(run.error))}, ${value(json(run.progress))})`,
  );
}

/** Stores a run's new state. */
export async function updateRun(session: Session, run: Run): Promise<void> {
  await session.run(
    sql`update catalog.runs set status = ${value(run.status)}, "trigger" = ${value(run.trigger)}, attempt = ${integer(run.attempt)},
      max_attempts = ${integer(run.maxAttempts)}, not_before = ${instant(run.notBefore)}, started_at = ${instant(run.startedAt)},
      finished_at = ${instant(run.finishedAt)}, error = ${value(run.error && json(run.error))}, progress = ${value(json(run.progress))}
      where id = ${value(run.id)}`,
  );
}

/** One run, or undefined. */
export async function findRun(session: Session, id: string): Promise<Run | undefined> {
  const [row] = await session.rows(sql`select * from catalog.runs where id = ${value(id)}`);
  return row && fromRow(row);
}

/** Runs of a subject, newest first. */
export async function listRuns(
  session: Session,
  subject: Subject,
  page: { readonly limit: number; readonly offset: number },
): Promise<Run[]> {
  const rows = await session.rows(
    sql`select * from catalog.runs where ${ofSubject(subject)} order by queued_at desc, id desc${pageOf(page)}`,
  );
  return rows.map(fromRow);
}

/** Forgets all runs of a subject. */
export async function deleteRuns(session: Session, subject: Subject): Promise<void> {
  await session.run(sql`delete from catalog.runs where ${ofSubject(subject)}`);
}

/** Runs that a stopped process left behind. */
export async function listUnfinishedRuns(session: Session): Promise<Run[]> {
  const rows = await session.rows(
    sql`select * from catalog.runs where status in ('QUEUED', 'RUNNING') order by queued_at`,
  );
  return rows.map(fromRow);
}

/** Forgets the runs of the same subject that ended before the last `keep` did; of what was written once, those of the dataset. */
export async function pruneRuns(session: Session, run: Run, keep: number): Promise<void> {
  const subject = subjectOf(run);
  const alike = subject
    ? ofSubject(subject)
    : sql`kind = ${value(run.kind)} and dataset_id = ${value(run.datasetId)} and writeback_id is null`;
  const ended = sql`${alike} and finished_at is not null`;
  await session.run(
    sql`delete from catalog.runs where ${ended} and id not in (
      select id from catalog.runs where ${ended} order by finished_at desc, queued_at desc, id desc limit ${integer(keep)})`,
  );
}

function ofSubject({ kind, id }: Subject): Sql {
  const owner = kind === 'IMPORT' ? sql`dataset_id` : sql`writeback_id`;
  return sql`kind = ${value(kind)} and ${owner} = ${value(id)}`;
}

const json = (facts: unknown) =>
  JSON.stringify(facts, (_key, member: unknown) =>
    typeof member === 'bigint' ? member.toString() : member,
  );

function fromRow(row: Row): Run {
  const error = textOrNull(row.error);
  return {
    id: String(row.id),
    kind: String(row.kind) as RunKind,
    datasetId: String(row.dataset_id),
    writebackId: textOrNull(row.writeback_id),
    status: String(row.status) as RunStatus,
    trigger: String(row.trigger) as RunTrigger,
    attempt: Number(row.attempt),
    maxAttempts: Number(row.max_attempts),
    notBefore: dateOrNull(row.not_before),
    queuedAt: dateOrNull(row.queued_at) ?? new Date(0),
    startedAt: dateOrNull(row.started_at),
    finishedAt: dateOrNull(row.finished_at),
    error: error === null ? null : (JSON.parse(error) as RunError),
    progress: JSON.parse(String(row.progress)) as Run['progress'],
  };
}
