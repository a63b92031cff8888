import { isMet, type BenchPath, type Measured } from './path.js';

/** The table's head. */
export const heading = row('path', 'ratio', 'goal', '', 'ours', 'theirs', 'peak MB', 'theirs', '');

/** One path's line of the table. */
export function line(path: BenchPath, measured: Measured): string {
  const { ratio, oursMs, theirsMs, peakMB, theirPeakMB, pauseMs } = measured;
  const met = isMet(path.goal, ratio);
  const overPeak = peakMB !== null && path.peakGoalMB !== undefined && peakMB > path.peakGoalMB;
  const notes = [
    path.ratioOf,
    overPeak ? `peak over ${path.peakGoalMB} MB` : '',
    pauseMs === undefined
      ? ''
      : `longest pause ${pauseMs.toFixed(0)} ms${path.pauseGoalMs === undefined ? '' : ` of ${path.pauseGoalMs}`}`,
    path.notMeasured === undefined ? '' : `not measured: ${path.notMeasured}`,
  ];
  return row(
    path.name,
    ratio.toFixed(2),
    goalText(path),
    met === null ? '' : met ? 'met' : 'missed',
    `${oursMs.toFixed(oursMs < 100 ? 1 : 0)} ms`,
    `${theirsMs.toFixed(theirsMs < 100 ? 1 : 0)} ms`,
    String(peakMB ?? '-'),
    String(theirPeakMB ?? '-'),
    notes.filter((note) => note !== '').join('; '),
  );
}

/** One path's entry in the file of results. */
export function asJson({ goal, ratioOf, peakGoalMB, notMeasured }: BenchPath, measured: Measured) {
  const { ratio, oursMs, theirsMs, peakMB, theirPeakMB, pauseMs } = measured;
  return {
    ratio: Number(ratio.toFixed(3)),
    goal: goal && ('atMost' in goal ? goal.atMost : goal.atLeast),
    met: isMet(goal, ratio),
    peakMB,
    ...(peakGoalMB === undefined ? {} : { peakGoalMB }),
    ratioOf,
    oursMs: Number(oursMs.toFixed(1)),
    theirsMs: Number(theirsMs.toFixed(1)),
    theirPeakMB,
    ...(pauseMs === undefined ? {} : { pauseMs: Math.round(pauseMs) }),
    ...(notMeasured === undefined ? {} : { notMeasured }),
  };
}

function goalText({ goal }: BenchPath): string {
  if (goal === null) return '-';
  return 'atMost' in goal ? `<= ${goal.atMost}` : `>= ${goal.atLeast}`;
}

function row(name: string, ...cells: string[]): string {
  const widths = [7, 8, 7, 11, 11, 8, 7];
  const padded = cells.map((cell, index) =>
    index < widths.length ? cell.padStart(widths[index] ?? 0) : `  ${cell}`,
  );
  return `${name.padEnd(18)}${padded.join('')}`.trimEnd();
}
