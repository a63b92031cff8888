import { subjectKeyOf, type RunKind } from '../catalog/runs.js';
import type { LiveRun } from './live-run.js';

/**
 * Which of the runs that wait are to begin now, the first come first: as many of a kind as there are slots, and never two
 * of one subject at a time.
 * @returns also when to look again because the next attempt of a run is due
 */
export function whatIsDue(
  waiting: Iterable<LiveRun>,
  running: readonly LiveRun[],
  slots: Readonly<Record<RunKind, number>>,
  now: Date,
): { readonly due: readonly LiveRun[]; readonly wake: Date | undefined } {
  const due: LiveRun[] = [];
  let wake: Date | undefined;
  for (const live of waiting) {
    const { notBefore } = live.run;
    if (live.abort.signal.aborted) continue;
    if (notBefore && notBefore > now) {
      if (!wake || notBefore < wake) wake = notBefore;
    } else if (hasRoom(live, [...running, ...due], slots)) {
      due.push(live);
    }
  }
  return { due, wake };
}

function hasRoom(
  { work }: LiveRun,
  running: readonly LiveRun[],
  slots: Readonly<Record<RunKind, number>>,
): boolean {
  const sameKind = running.filter((live) => live.work.kind === work.kind);
  if (sameKind.length >= slots[work.kind]) return false;
  const subject = subjectKeyOf(work);
  return subject === undefined || sameKind.every((live) => subjectKeyOf(live.work) !== subject);
}
