import { describe, expect, it } from '@jest/globals';
import type { Run } from '../../src/catalog/runs.js';
import { whatIsDue } from '../../src/jobs/due.js';
import { liveRun } from '../../src/jobs/live-run.js';
import { newRun } from '../../src/jobs/run-states.js';

const now = new Date('2026-01-01T00:00Z');
const inSeconds = (seconds: number) => new Date(now.getTime() + seconds * 1000);
const slots = { IMPORT: 2, WRITEBACK: 1 };

function waiting(
  datasetId: string,
  more: Partial<Pick<Run, 'kind' | 'notBefore' | 'writebackId'>> = {},
) {
  const progress = { rows: 0, bytes: 0, objects: [] };
  const asked = {
    kind: 'IMPORT',
    trigger: 'REQUEST',
    writebackId: null,
    datasetId,
    maxAttempts: 1,
    progress,
  } as const;
  const run = { ...newRun(asked, now), ...more };
  const perform = () => Promise.resolve({ progress });
  const { kind, writebackId } = run;
  const work = { kind, datasetId, ...(writebackId && { writebackId }), progress, perform };
  return liveRun(run, work, Promise.resolve());
}

describe('what is due of the runs that wait', () => {
  it('is as many of a kind as there are slots, the first come first', () => {
    const [a, b, c] = [waiting('a'), waiting('b'), waiting('c')];
    const writeback = waiting('a', { kind: 'WRITEBACK' });
    const { due } = whatIsDue([a, b, c, writeback], [], slots, now);
    expect(due).toEqual([a, b, writeback]);
    expect(whatIsDue([b, c], [a], slots, now).due).toEqual([b]);
  });

  it('is never two of one subject, and what is written once is none', () => {
    const [first, second] = [waiting('a'), waiting('a')];
    expect(whatIsDue([first, second], [], slots, now).due).toEqual([first]);
    expect(whatIsDue([second], [first], slots, now).due).toEqual([]);
    const one = { kind: 'WRITEBACK' as const };
    const writebacks = [waiting('a', one), waiting('a', one)];
    const more = { IMPORT: 2, WRITEBACK: 3 };
    expect(whatIsDue(writebacks, [], more, now).due).toEqual(writebacks);
    const [kept, again] = [
      waiting('a', { ...one, writebackId: 'w' }),
      waiting('a', { ...one, writebackId: 'w' }),
    ];
    const other = waiting('a', { ...one, writebackId: 'v' });
    expect(whatIsDue([kept, again, other], [], more, now).due).toEqual([kept, other]);
    expect(whatIsDue([again, other], [kept], more, now).due).toEqual([other]);
  });

  it('leaves out what waits for its next attempt, and says when the first of these is due', () => {
    const late = waiting('a', { notBefore: inSeconds(60) });
    const early = waiting('b', { notBefore: inSeconds(30) });
    const free = waiting('c');
    expect(whatIsDue([late, early, free], [], slots, now)).toEqual({
      due: [free],
      wake: inSeconds(30),
    });
    expect(whatIsDue([late, early], [], slots, inSeconds(30))).toEqual({
      due: [early],
      wake: inSeconds(60),
    });
  });

  it('leaves out what was stopped', () => {
    const [stopped, free] = [waiting('a', { notBefore: inSeconds(1) }), waiting('b')];
    stopped.abort.abort();
    expect(whatIsDue([stopped, free], [], slots, now)).toEqual({ due: [free], wake: undefined });
  });
});
