import { connect, createServer, type AddressInfo } from 'node:net';
import { Transform, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** A way to a server on which uploads take their time. */
export interface SlowWire {
  /** Stands for the server's. */
  readonly endpoint: string;
  close(): Promise<void>;
}

/** Opens a loopback port that passes everything on, and what is sent through it at so many bytes a second, all connections together. */
export async function slowWire(endpoint: string, bytesPerSecond: number): Promise<SlowWire> {
  const { hostname, port } = new URL(endpoint);
  let freeAt = 0;
  const throttle = () =>
    new Transform({
      transform(chunk: Buffer, _encoding, done: TransformCallback) {
        const now = performance.now();
        freeAt = Math.max(now, freeAt) + (chunk.length / bytesPerSecond) * 1000;
        setTimeout(() => done(null, chunk), freeAt - now);
      },
    });
  const ends = new Set<() => void>();
  const server = createServer((client) => {
    const target = connect(Number(port), hostname);
    const end = () => {
      client.destroy();
      target.destroy();
    };
    ends.add(end);
    // Whoever hangs up, the other side is told so: it may be in the middle of a request.
    const ways = [pipeline(client, throttle(), target), pipeline(target, client)];
    void Promise.allSettled(ways.map((way) => way.catch(end))).then(() => ends.delete(end));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const end of ends) end();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
