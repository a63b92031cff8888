import { describe, expect, it } from '@jest/globals';
import { Topic } from '../src/topic.js';

interface State {
  readonly step: number;
  readonly last?: boolean;
}

async function take<T>(values: AsyncIterator<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  while (taken.length < count) {
    const result = await values.next();
    if (result.done) break;
    taken.push(result.value);
  }
  return taken;
}

describe('a topic', () => {
  it('tells those who watch the key, and those who watch everything, from then on', async () => {
    const topic = new Topic<string>();
    topic.publish('a', 'too early');
    const a = topic.watch({ key: 'a' });
    const all = topic.watch();
    const waiting = take(a, 1);
    topic.publish('b', 'b1');
    topic.publish('a', 'a1');
    expect(await waiting).toEqual(['a1']);
    expect(await take(all, 2)).toEqual(['b1', 'a1']);
  });

  it('holds for a slow reader the latest state of each key, and no more', async () => {
    const topic = new Topic<number>();
    const slow = topic.watch();
    for (let n = 0; n < 100_000; n++) topic.publish(n % 2 === 0 ? 'even' : 'odd', n);
    expect(await take(slow, 2)).toEqual([99_998, 99_999]);
    const next = slow.next();
    topic.publish('even', 0);
    expect(await next).toEqual({ done: false, value: 0 });
  });

  it('lets what comes too soon wait, but not what is urgent', async () => {
    const topic = new Topic<State>();
    const hour = 3_600_000;
    const paced = topic.watch({ paceMs: hour, urgent: ({ last }) => last === true });
    topic.publish('run', { step: 1 });
    topic.publish('run', { step: 2 });
    expect(await take(paced, 1)).toEqual([{ step: 2 }]);
    const waiting = paced.next();
    for (let step = 3; step < 1000; step++) topic.publish('run', { step });
    topic.publish('run', { step: 1000, last: true });
    expect(await waiting).toEqual({ done: false, value: { step: 1000, last: true } });
  });

  it('tells what waited when its time has come', async () => {
    const topic = new Topic<number>();
    const paced = topic.watch({ paceMs: 20 });
    topic.publish('run', 1);
    expect(await take(paced, 1)).toEqual([1]);
    topic.publish('run', 2);
    topic.publish('run', 3);
    expect(await take(paced, 1)).toEqual([3]);
  });

  it.each(['return', 'abort'])('forgets a reader at its %s, also one that waits', async (how) => {
    const topic = new Topic<number>();
    const stop = new AbortController();
    const reader = topic.watch({ key: 'a', signal: stop.signal });
    const other = topic.watch({ key: 'a' });
    const waiting = reader.next();
    if (how === 'return') await reader.return?.();
    else stop.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(topic.watchers).toBe(1);
    topic.publish('a', 1);
    expect(await take(other, 1)).toEqual([1]);
    expect(await reader.next()).toEqual({ done: true, value: undefined });
    await other.return?.();
    expect(topic.watchers).toBe(0);
  });

  it('gives nothing to a reader whose client has gone already', async () => {
    const topic = new Topic<number>();
    const reader = topic.watch({ signal: AbortSignal.abort() });
    topic.publish('a', 1);
    expect(await reader.next()).toEqual({ done: true, value: undefined });
    expect(topic.watchers).toBe(0);
  });
});
