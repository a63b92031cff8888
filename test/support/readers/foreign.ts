import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

/** A leaf of a Parquet file's schema, as hyparquet calls its parts. */
export interface ParquetLeaf {
  readonly name: string;
  readonly type: string;
  readonly converted_type?: string;
  readonly logical_type?: { readonly type: string; readonly isAdjustedToUTC?: boolean };
  readonly precision?: number;
  readonly scale?: number;
}

/** A Parquet file: decimals, dates and times as they are stored, everything else as values. */
export interface ParquetTable {
  readonly schema: readonly ParquetLeaf[];
  readonly codecs: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

/** Readers that ship as modules only, which Jest cannot load: hyparquet and fzstd in a thread of their own. */
export interface ForeignReaders {
  parquet(bytes: Buffer): Promise<ParquetTable>;
  zstd(bytes: Buffer): Promise<Buffer>;
  close(): Promise<void>;
}

/** Starts the thread. */
export function startForeignReaders(): ForeignReaders {
  const worker = new Worker(join(__dirname, 'foreign-thread.mjs'));
  const waiting = new Map<number, (reply: { result?: unknown; error?: string }) => void>();
  let asked = 0;
  worker.on('message', (reply: { id: number; result?: unknown; error?: string }) => {
    waiting.get(reply.id)?.(reply);
    waiting.delete(reply.id);
  });
  const ask = <T>(job: string, bytes: Buffer) =>
    new Promise<T>((resolve, reject) => {
      const id = asked++;
      waiting.set(id, ({ result, error }) => {
        if (error === undefined) resolve(result as T);
        else reject(new Error(`${job}: ${error}`));
      });
      worker.postMessage({ id, job, bytes });
    });
  return {
    parquet: (bytes) => ask('parquet', bytes),
    zstd: async (bytes) => Buffer.from(await ask<Uint8Array>('zstd', bytes)),
    async close() {
      await worker.terminate();
    },
  };
}
