import { once } from 'node:events';
import { ask } from './ask.js';
import { graphqlClient } from './client.js';
import { connect } from './connect.js';
import { load } from './load.js';
import { screenOn, type Output } from './screen.js';
import { openDemoWorld, type DemoWorldOptions } from './world.js';
import { writeBack } from './write-back.js';

/** How the demo runs. */
export interface DemoOptions extends Output, DemoWorldOptions {
  /** Stay up behind the last step until the signal says stop. */
  readonly serve: boolean;
  /** Ends the demo, also in the middle; it cleans up first. */
  readonly signal?: AbortSignal;
}

/**
 * The whole product once, from an assumed role to a written object that is read again, spoken to over HTTP alone.
 * Leaves nothing behind.
 * @throws what went wrong: an answer that is not what it must be, a taken port, the signal's reason
 */
export async function runDemo(options: DemoOptions): Promise<void> {
  const { signal = new AbortController().signal, serve } = options;
  const screen = screenOn(options);
  const start = performance.now();
  screen.write('bucketql: files in S3 become typed GraphQL, and answers become files in S3.');
  screen.write('An S3 and STS sandbox and the service run in this process, on 127.0.0.1.');
  screen.write('');
  const world = await openDemoWorld(options);
  try {
    const kilobytes = Math.round(world.files.reduce((sum, { bytes }) => sum + bytes, 0) / 1000);
    screen.say(
      `The bucket ${world.bucket} belongs to another account. In it: ${world.files.length} gzip'd CSVs, ${kilobytes} kB,\n${world.files[0]?.key} and so on.`,
    );
    const tour = { world, screen, signal, client: graphqlClient(world.url, signal) };
    const connection = await connect(tour);
    const rows = await load(tour, connection);
    await ask(tour);
    await writeBack(tour, connection);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    screen.write(
      `Done: ${world.files.length} files, ${rows.toLocaleString('en-US')} rows, 2 objects written and compared, ${seconds} s.`,
    );
    if (serve && !signal.aborted) {
      screen.write('');
      screen.write(`GraphiQL is at ${world.url} (Ctrl-C stops).`);
      await once(signal, 'abort');
      screen.write('Stopping.');
    }
  } finally {
    await world.close();
  }
}
