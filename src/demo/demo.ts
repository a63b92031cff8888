import { parseArgs } from 'node:util';
import { isAppError, messageOf } from '../errors.js';
import { runDemo } from './run.js';

const usage = 'Usage: npm run demo [-- --serve [--port N]]   (port with --serve: 4000)';

async function main(): Promise<void> {
  const { serve, port } = readArguments(process.argv.slice(2));
  // The AWS SDK's notice about later versions of Node would stand in the middle of the tour; npm start does show it.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  const stop = new AbortController();
  // npm passes the signal on to us after the terminal did, so a second one means nothing.
  process.on('SIGINT', () => stop.abort());
  process.on('SIGTERM', () => stop.abort());
  const { stdout } = process;
  let inPlace = false;
  try {
    await runDemo({
      serve,
      port: serve ? port : 0,
      signal: stop.signal,
      write(line) {
        stdout.write(`${inPlace ? '\r\u001b[2K' : ''}${line}\n`);
        inPlace = false;
      },
      ...(stdout.isTTY && {
        status(line: string) {
          stdout.write(`\r\u001b[2K${line}`);
          inPlace = true;
        },
      }),
    });
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    console.error('Stopped.');
    process.exitCode = 130;
  }
}

function readArguments(args: readonly string[]): { serve: boolean; port: number } {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { serve: { type: 'boolean', default: false }, port: { type: 'string' } },
    });
    const port = Number(values.port ?? 4000);
    if (!Number.isInteger(port) || port < 0 || port > 65_535) {
      throw new RangeError(`--port ${values.port} is no port`);
    }
    return { serve: values.serve, port };
  } catch (error) {
    console.error(`${messageOf(error)}\n${usage}`);
    process.exit(2);
  }
}

main().catch((error: unknown) => {
  console.error(isAppError(error) ? `The demo failed: ${error.message}` : error);
  process.exitCode = 1;
});
