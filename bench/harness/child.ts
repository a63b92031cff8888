import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A process of ours that answers questions one by one. */
export interface Child {
  readonly pid: number;
  ask<T = void>(command: string, input?: unknown): Promise<T>;
  /** Ends the process and waits until it is gone. */
  stop(): Promise<void>;
}

interface Question {
  readonly id: number;
  readonly command: string;
  readonly input: unknown;
}

interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** Starts a module of the harness as a process of its own. */
export function startChild(module: URL): Child {
  const child = fork(fileURLToPath(module), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // Node's own four threads would hold back an engine that is asked over more connections.
    env: { ...process.env, UV_THREADPOOL_SIZE: '20' },
  });
  const pending = new Map<number, (reply: Reply) => void>();
  let asked = 0;
  child.on('message', (reply: Reply) => pending.get(reply.id)?.(reply));
  const gone = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      const error = `${module.pathname} ended (${signal ?? code})`;
      for (const [id, settle] of pending) settle({ id, error });
      resolve();
    });
  });
  return {
    pid: child.pid ?? 0,
    ask<T>(command: string, input?: unknown) {
      const id = asked++;
      return new Promise<T>((resolve, reject) => {
        pending.set(id, ({ error, result }) => {
          pending.delete(id);
          if (error === undefined) resolve(result as T);
          else reject(new Error(`${command}: ${error}`));
        });
        child.send({ id, command, input } satisfies Question);
      });
    },
    async stop() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}

/** The other side: answers the parent's questions, and ends when the parent does. */
export function answerParent(commands: Readonly<Record<string, (input: never) => unknown>>): void {
  process.on('disconnect', () => process.exit(0));
  process.on('message', ({ id, command, input }: Question) => {
    const answer = commands[command] ?? (() => Promise.reject(new Error('unknown command')));
    Promise.resolve()
      .then(() => answer(input as never))
      .then(
        (result) => process.send?.({ id, result } satisfies Reply),
        (error: unknown) =>
          process.send?.({
            id,
            error: error instanceof Error ? error.message : String(error),
          } satisfies Reply),
      );
  });
}
