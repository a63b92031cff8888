import { describe, expect, it } from '@jest/globals';
import type { Run } from '../../src/catalog/runs.js';
import { whatIsDue } from '../../src/jobs/due.js';
import { liveRun } from '../../src/jobs/live-run.js';
import { newRun } from '../../src/jobs/run-states.js';

const now = new Date('2026-01-01T00:00Z');
const inSeconds = (seconds: number) => new Date(now.getTime() + seconds * 1000);
const slots = { IMPORT: 2, WRITEBACK: 1 };

function waiting(datasetId: string, more: Partial<Pick<Run, 'kind' | 'notBefore'>> = {}) {
  const progress = { rows: 0, bytes: 0, objects: [] };
  const asked = {
    kind: 'IMPORT',
    trigger: 'REQUEST',
    datasetId,
    maxAttempts: 1,
    progress,
  } as const;
  const run = { ...newRun(asked, now), ...more };
  const perform = () => Promise.resolve({ progress });
  return liveRun(run, { kind: run.kind, datasetId, progress, perform }, Promise.resolve());
}

describe('what is due of the runs that wait', () => {
  it('is as many of a kind as there are slots, the first come first', () => {
    const [a, b, c] = [waiting('a'), waiting('b'), waiting('c')];
    const writeback = waiting('a', { kind: 'WRITEBACK' });
    const { due } = whatIsDue([a, b, c, writeback], [], slots, now);
    expect(due).toEqual([a, b, writeback]);
    expect(whatIsDue([b, c], [a], slots, now).due).toEqual([b]);
  });

  it('is never two imports of one dataset, but for writebacks it does not matter', () => {
    const [first, second] = [waiting('a'), waiting('a')];
    expect(whatIsDue([first, second], [], slots, now).due).toEqual([first]);
    expect(whatIsDue([second], [first], slots, now).due).toEqual([]);
    const one = { kind: 'WRITEBACK' as const };
    const writebacks = [waiting('a', one), waiting('a', one)];
    expect(whatIsDue(writebacks, [], { ...slots, WRITEBACK: 2 }, now).due).toEqual(writebacks);
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
