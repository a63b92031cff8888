import type { WritebackProgress } from '../catalog/runs.js';
import {
  setDelivered,
  type Delivered,
  type PendingDelivery,
  type Writeback,
} from '../catalog/writebacks.js';
import { isAppError } from '../errors.js';
import { isDivided } from '../pipeline/object-names.js';
import { newRows } from '../pipeline/new-rows.js';
import { compile } from '../query/compile.js';
import type { Query } from '../query/query.js';
import { refusedQuery } from '../query/refused.js';
import { sql } from '../sql.js';
import {
  deliveryMetadata,
  findProof,
  proofKey,
  provenProgress,
  type Proof,
} from './delivery-proof.js';
import type { Outcome, RunContext } from './work.js';
import type { Target, WritebackSettings } from './writeback-target.js';

/*
 * A run may end between the last byte in S3 and the commit that says so, and then its rows must come neither twice nor never.
 * So a delivery is written down as pending before its first byte, with what gives its objects their names, and each of them
 * carries its id and the sequence of the last import in it. A repeat looks first: an object with its id (of several: the
 * manifest, which comes last) proves that the delivery is whole, and how far it went, which may be less far than the dataset
 * is by now. The rest is a delivery of its own; only where that would replace the first, one with all rows does. Whatever is
 * not proven is written with the same names, so that what could not be seen is replaced or stands in the way.
 */

const nothing: WritebackProgress = { rows: 0, bytes: 0, objects: [] };

/** Rows from before imports were counted are new to who has had none. */
const nothingDelivered: Delivered = { sequence: -1, generation: null, last: null };

/**
 * Delivers the rows that came with imports since the last delivery, each once. Where there are none, nothing is written.
 * @throws OBJECT_EXISTS when another's object has the name
 */
export async function deliverNewRows(
  settings: WritebackSettings,
  writeback: Writeback,
  target: Target,
  run: Pick<RunContext, 'id' | 'startedAt'>,
): Promise<Outcome> {
  const given = writeback.delivered ?? nothingDelivered;
  const store = (delivered: Delivered) =>
    settings.engine.transaction((session) => setDelivered(session, writeback, delivered));
  const { progress, delivered } = await deliver({ settings, target, run, store }, given, nothing);
  return { progress, commit: (session) => setDelivered(session, writeback, delivered) };
}

interface Delivering {
  readonly settings: WritebackSettings;
  readonly target: Target;
  readonly run: Pick<RunContext, 'id' | 'startedAt'>;
  readonly store: (delivered: Delivered) => Promise<void>;
}

interface Done {
  readonly progress: WritebackProgress;
  readonly delivered: Delivered;
}

/** Delivers what is left. @param before What this run has found to be delivered */
async function deliver(
  work: Delivering,
  delivered: Delivered,
  before: WritebackProgress,
): Promise<Done> {
  const { settings, target, run, store } = work;
  const { generation, destination, session } = target;
  const earlier = await provenBefore(target, delivered);
  if (earlier) return settle(work, delivered, earlier, before);

  const from = await newRows(session, { current: generation }, delivered.sequence);
  const query: Query | undefined = from && { ...target.query, from };
  const rows = query ? await countRows(query, target, settings) : 0;
  const upTo = Math.max(generation.sequence, delivered.sequence);
  const { last, pending: broken } = delivered;
  if (!query || rows === 0) {
    return { progress: before, delivered: { sequence: upTo, generation: generation.id, last } };
  }
  const deliveryId = broken?.deliveryId ?? nextId(run.id, last);
  const startedAt = broken?.startedAt ?? run.startedAt.toISOString();
  const naming = { id: deliveryId, at: new Date(startedAt) };
  const proof = proofKey(target.keyOf(naming), destination);
  const pending: PendingDelivery = { deliveryId, startedAt, upTo, proof };
  await store({ ...delivered, pending });
  try {
    const written = await target.write(query, naming, deliveryMetadata(pending, rows));
    return {
      progress: together(before, written),
      delivered: { sequence: upTo, generation: generation.id, last: deliveryId },
    };
  } catch (error) {
    if (target.signal.aborted) throw error;
    const found = await findProof(target, pending).catch(() => 'unknown' as const);
    if (isProven(found, delivered) && isAppError(error) && error.code === 'OBJECT_EXISTS') {
      // It was stored although nobody was told so.
      return settle(work, { ...delivered, pending }, found, before);
    }
    // Nothing of it is there, so the next one may have a name and a date of its own. Files of several it may still replace.
    if (found === 'absent' && !isDivided(destination)) {
      const { pending: _gone, ...rest } = delivered;
      await store(rest).catch((err: unknown) => {
        settings.log.warn({ err, run: run.id }, 'a delivery that failed keeps its name');
      });
    }
    throw error;
  }
}

/** The pending delivery, if it is whole and is to stay. */
async function provenBefore(target: Target, delivered: Delivered): Promise<Proof | undefined> {
  const { pending } = delivered;
  if (!pending) return undefined;
  const { deliveryId: id, startedAt } = pending;
  const key = target.keyOf({ id, at: new Date(startedAt) });
  const found = await findProof(target, pending);
  if (!isProven(found, delivered)) return undefined;
  // What comes under the same name takes its place, so it has to have these rows, too.
  const isReplaced =
    target.destination.overwrite && proofKey(key, target.destination) === pending.proof;
  return isReplaced && found.upTo < target.generation.sequence ? undefined : found;
}

/** Takes a delivery as done, before the rest is delivered. */
async function settle(
  work: Delivering,
  { pending }: Delivered,
  proof: Proof,
  before: WritebackProgress,
): Promise<Done> {
  const progress = await provenProgress(work.target, proof);
  const last = pending?.deliveryId ?? null;
  const delivered: Delivered = { sequence: proof.upTo, generation: null, last };
  await work.store(delivered);
  return deliver(work, delivered, together(before, progress));
}

/** What a delivery of a run is called: as the run, and after that one (its commit failed) run_2, run_3 and so on. */
function nextId(run: string, last: string | null): string {
  if (last === run) return `${run}_2`;
  const [id, number] = last?.split('_') ?? [];
  return id === run ? `${run}_${Number(number) + 1}` : run;
}

/** A proof of rows that were delivered before proves nothing. */
function isProven(found: Proof | 'absent' | 'unknown', delivered: Delivered): found is Proof {
  return typeof found === 'object' && found.upTo > delivered.sequence;
}

async function countRows(
  query: Query,
  { session, signal }: Target,
  { dialect }: WritebackSettings,
): Promise<number> {
  try {
    const [row] = await session.rows(
      sql`select count(*) as n from (${compile(query, dialect)}) as q`,
      { signal },
    );
    return Number(row?.n ?? 0);
  } catch (error) {
    throw refusedQuery(error, dialect);
  }
}

function together(a: WritebackProgress, b: WritebackProgress): WritebackProgress {
  return { rows: a.rows + b.rows, bytes: a.bytes + b.bytes, objects: [...a.objects, ...b.objects] };
}
