/*
 * Loaded into the service by --import, for measurements only: says over a socket for how long the main thread's loop did
 * not turn at most since it was last asked. From outside one would measure the network's and the other side's delays too.
 */
import { createServer } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

const socket = process.env.BENCH_LOOP_DELAY_SOCKET;
if (isMainThread && socket !== undefined) {
  const resolution = 1;
  const gaps = monitorEventLoopDelay({ resolution });
  gaps.enable();
  createServer((asker) => {
    asker.end(String(Math.max(0, gaps.max / 1e6 - resolution)));
    gaps.reset();
  })
    .listen(socket)
    .unref();
}
