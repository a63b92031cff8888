import { isDeepStrictEqual } from 'node:util';
import { alternate, median, timed } from '../harness/measure.js';
import { peakMB, resetPeak } from '../harness/memory.js';
import type { Measured } from '../harness/path.js';
import type { LoopDelay } from './loop-delay.js';
import type { Asked, Question } from './questions.js';

/** Who answers. */
export interface Sides {
  readonly ours: { readonly url: string; readonly pid: number; readonly loopDelay: LoopDelay };
  readonly theirs: { readonly url: string };
}

const rounds = 21;
const warmUps = 7;

/**
 * Asks both sides the same in turns over HTTP, one question at a time.
 * @throws where their answers differ
 */
export async function compare(question: Question, { ours, theirs }: Sides): Promise<Measured> {
  const { name, variables, oftener = 1 } = question;
  for (let round = 0; round < warmUps; round++) {
    const asked = variables(round);
    const our = await answer(ours.url, question.ours, asked);
    const their = await answer(theirs.url, question.theirs, asked);
    if (our.length === 0 || !isDeepStrictEqual(our, their)) {
      throw new Error(
        `The answers to ${name} differ or are empty, and a wrong answer is not a fast one`,
      );
    }
  }
  // Both are compiled while they run, and whoever is asked all day is.
  const others = warmUps + rounds * oftener;
  for (let round = 0; round < warmUps * oftener ** 3; round++) {
    await post(ours.url, question.ours, variables(others + round));
    await post(theirs.url, question.theirs, variables(others + round));
  }
  const pauses: number[] = [];
  await resetPeak(ours.pid);
  const times = await alternate(
    rounds * oftener,
    async (round) => {
      const asked = variables(warmUps + round);
      await ours.loopDelay.longest();
      const taken = await timed(() => post(ours.url, question.ours, asked));
      pauses.push(await ours.loopDelay.longest());
      return taken;
    },
    (round) => timed(() => post(theirs.url, question.theirs, variables(warmUps + round))),
  );
  return {
    ratio: times.theirs / times.ours,
    oursMs: times.ours,
    theirsMs: times.theirs,
    peakMB: await peakMB(ours.pid),
    theirPeakMB: null,
    pauseMs: median(pauses),
  };
}

/** @returns the body as it came: parsing it would be counted as the server's time */
async function post(url: string, { document }: Asked, variables: object): Promise<Buffer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: document, variables }),
  });
  return Buffer.from(await response.arrayBuffer());
}

/** @returns what is compared of an answer */
async function answer(url: string, asked: Asked, variables: object): Promise<readonly unknown[]> {
  const { data, errors } = JSON.parse((await post(url, asked, variables)).toString()) as {
    data?: Record<string, unknown>;
    errors?: unknown;
  };
  if (!data || errors) throw new Error(`${url} answered ${JSON.stringify(errors)}`);
  return asked.shown(data);
}
