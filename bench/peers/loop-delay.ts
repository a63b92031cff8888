import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** How long the event loop of a process of Node's did not turn. */
export interface LoopDelay {
  /** What the process has to be started with. */
  readonly environment: Readonly<Record<string, string>>;
  /** @returns milliseconds of the longest delay since the last question */
  longest(): Promise<number>;
}

/** Prepares to measure a process that is started later. */
export function loopDelayIn(dir: string): LoopDelay {
  const socket = join(dir, 'loop-delay.sock');
  const hook = new URL('./loop-delay-hook.js', import.meta.url).href;
  return {
    environment: { NODE_OPTIONS: `--import=${hook}`, BENCH_LOOP_DELAY_SOCKET: socket },
    longest: async () => Number(await text(connect(socket))),
  };
}
