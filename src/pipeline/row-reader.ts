import { Worker } from 'node:worker_threads';
import { AppError } from '../errors.js';
import type { RowFile } from '../relation.js';
import { pulse } from './arrival.js';
import type { RowReport, RowsRead, RowTask } from './row-worker.js';

/** How the thread that reads JSON, XML and spreadsheets is kept in check. */
export interface RowReaderSettings {
  /** The thread's code. (Default: row-worker.js beside this file) */
  readonly worker?: URL;
  /** Longest time without a step forward. BUCKETQL_PARSE_SECONDS */
  readonly parseSeconds: number;
  /** JavaScript heap of the thread in MiB. BUCKETQL_PARSE_MEMORY_MB */
  readonly parseMemoryMB: number;
}

const beside = new URL('./row-worker.js', import.meta.url);
const checkMs = 500;

/** Reads files of the row formats, one after the other, in a thread of its own that is made for the first of them. */
export class RowReader {
  readonly #settings: RowReaderSettings;
  #worker: Worker | undefined;

  constructor(settings: RowReaderSettings) {
    this.#settings = settings;
  }

  /** Whether the thread is there. */
  get hasThread(): boolean {
    return this.#worker !== undefined;
  }

  /**
   * Reads one file, which may still be arriving. Yields its rows in files, as they become ready, and tells `onRead` at the
   * end what there was beside them. Whoever stops before ends the thread.
   * @throws what the format throws, PARSE_TIMEOUT, DOCUMENT_TOO_LARGE when the thread's heap is full, CANCELLED
   */
  async *read(
    task: RowTask,
    signal: AbortSignal,
    onRead: (read: RowsRead) => void,
  ): AsyncGenerator<RowFile, void> {
    const worker = (this.#worker ??= this.#start());
    const reports: RowReport[] = [];
    let failure: Error | undefined;
    let wake = () => {};
    const fail = (error: Error) => {
      failure ??= error;
      wake();
    };
    const onMessage = (report: RowReport) => {
      reports.push(report);
      wake();
    };
    const onError = (error: Error) => fail(this.#threadError(task, error));
    const onExit = () => fail(new Error('The thread that reads rows ended'));
    const onAbort = () => fail(new AppError('CANCELLED', 'The run was cancelled'));
    const watch = this.#watch(task, fail);
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    signal.addEventListener('abort', onAbort, { once: true });
    let finished = false;
    try {
      if (signal.aborted) onAbort();
      else worker.postMessage(task);
      for (;;) {
        if (failure !== undefined) throw failure;
        const report = reports.shift();
        switch (report?.kind) {
          case undefined:
            await new Promise<void>((resolve) => (wake = resolve));
            break;
          case 'file':
            yield report.file;
            break;
          case 'done':
            finished = true;
            onRead(report.result);
            return;
          case 'failed':
            finished = true;
            throw report.code
              ? new AppError(report.code, report.message, { details: report.details })
              : new Error(report.message);
        }
      }
    } finally {
      clearInterval(watch);
      signal.removeEventListener('abort', onAbort);
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      // Whatever it is still doing is of no use any more.
      if (!finished) await this.close();
    }
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    // Between two tasks nobody listens for its errors, and a thread's error nobody listens for ends the process.
    worker?.on('error', () => undefined);
    await worker?.terminate();
  }

  #start(): Worker {
    const { worker = beside, parseMemoryMB } = this.#settings;
    return new Worker(worker, {
      resourceLimits: { maxOldGenerationSizeMb: parseMemoryMB },
      // A thread needs none of our environment.
      env: {},
    });
  }

  #watch(task: RowTask, fail: (error: Error) => void): NodeJS.Timeout {
    const { parseSeconds } = this.#settings;
    let last: bigint | undefined;
    let since = Date.now();
    return setInterval(() => {
      const now = pulse(task.arrival);
      if (now === undefined || now !== last) {
        last = now;
        since = Date.now();
      } else if (Date.now() - since > parseSeconds * 1000) {
        const { origin } = task.source;
        fail(
          new AppError(
            'PARSE_TIMEOUT',
            `Reading ${origin} got nowhere for ${parseSeconds} seconds; it may be made to that end. Leave it out of the selection, or raise BUCKETQL_PARSE_SECONDS`,
            { details: { file: origin, limit: parseSeconds } },
          ),
        );
      }
    }, checkMs);
  }

  #threadError(task: RowTask, error: Error): Error {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_WORKER_OUT_OF_MEMORY') return error;
    const { origin } = task.source;
    return new AppError(
      'DOCUMENT_TOO_LARGE',
      `Reading ${origin} takes more than ${this.#settings.parseMemoryMB} MiB of memory; split it, or raise BUCKETQL_PARSE_MEMORY_MB`,
      { details: { file: origin, limit: this.#settings.parseMemoryMB } },
    );
  }
}
