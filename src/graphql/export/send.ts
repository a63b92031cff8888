import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AppError } from '../../errors.js';
import { encoderOf } from './encode.js';

/** An answer that takes its time, from the first moment to the last. */
export interface Sending {
  readonly response: ServerResponse;
  /** Aborted where the answer cannot become whole: its reason says why, CANCELLED that the client has gone away. */
  readonly signal: AbortSignal;
  /** Aborts the signal, if nobody has. */
  readonly stop: (reason: unknown) => void;
}

// A timer with more fires at once.
const longestTimerMs = 2 ** 31 - 1;

/**
 * Lends `job` the answer until it ends, is left by its client, or takes longer than it may: that is QUERY_TIMEOUT.
 * @throws the reason of the signal, where it was aborted
 */
export async function whileWanted(
  response: ServerResponse,
  exportSeconds: number,
  job: (sending: Sending) => Promise<void>,
): Promise<void> {
  const controller = new AbortController();
  const stop = (reason: unknown) => controller.abort(reason);
  const left = () => stop(new AppError('CANCELLED', 'The client has gone away from its export'));
  const late = () =>
    stop(
      new AppError(
        'QUERY_TIMEOUT',
        `The export took longer than ${exportSeconds} s; ask for less, or raise BUCKETQL_EXPORT_SECONDS`,
        { details: { limit: exportSeconds } },
      ),
    );
  response.once('close', left);
  const timer = setTimeout(late, Math.min(exportSeconds * 1000, longestTimerMs));
  const { signal } = controller;
  try {
    await job({ response, signal, stop });
  } catch (error) {
    // What fails then is mostly the consequence.
    throw signal.aborted ? signal.reason : error;
  } finally {
    response.off('close', left);
    clearTimeout(timer);
  }
}

/**
 * Answers with bytes: all of them, or a connection that is seen to be broken off, where they fail, the signal is aborted, or the
 * client takes nothing.
 */
export async function sendBytes(
  { response, signal, stop }: Sending,
  bytes: AsyncIterable<Uint8Array>,
  options: {
    readonly headers: OutgoingHttpHeaders;
    /** One of the content codings that there are. */
    readonly encoding: string | undefined;
    /** How long the client may take nothing of what is ready for it, in milliseconds. */
    readonly stallMs: number;
  },
): Promise<void> {
  const { headers, encoding, stallMs } = options;
  signal.throwIfAborted();
  const cut = () => breakOff(response);
  signal.addEventListener('abort', cut);
  try {
    response.writeHead(200, headers);
    // It is told of a connection on which nothing moves, also while there is nothing to send.
    response.setTimeout(stallMs, () => {
      if (response.writableNeedDrain) stop(stalled(stallMs));
    });
    const encoder = encoding === undefined ? undefined : encoderOf(encoding);
    const source = Readable.from(orStopped(bytes, stop), { objectMode: false });
    await pipeline([source, ...(encoder ? [encoder] : []), response]);
  } finally {
    signal.removeEventListener('abort', cut);
  }
}

/** The same bytes. Where they fail, it is the reason to stop: the closing of the connection that follows is none. */
async function* orStopped(bytes: AsyncIterable<Uint8Array>, stop: Sending['stop']) {
  try {
    yield* bytes;
  } catch (error) {
    stop(error);
    throw error;
  }
}

/** Whoever reads until a connection is closed, as HTTP/1.0 does, must not take a part for the whole: so it is reset. */
function breakOff(response: ServerResponse): void {
  // One that waits behind another answer on its connection has none yet.
  if (response.socket) response.socket.resetAndDestroy();
  else response.destroy();
}

const stalled = (ms: number) =>
  new AppError('QUERY_TIMEOUT', `The client took nothing of its export for ${ms / 1000} s`, {
    details: { limit: ms / 1000 },
  });
