import { readConfig } from './config.js';
import { isAppError } from './errors.js';
import { openLog } from './log.js';

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = openLog(config.logLevel);
  const { startApp } = await import('./app.js');
  const app = await startApp(config, { log });
  let stopping = false;
  const stop = (signal: string) => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping');
    app.close().then(
      () => process.exit(0),
      (err: unknown) => {
        log.error({ err }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

main().catch((error: unknown) => {
  // Only the stack: members of an unknown error may hold what nobody should read.
  const text = error instanceof Error ? error.stack : String(error);
  console.error(isAppError(error) ? `${error.code}: ${error.message}` : text);
  process.exit(1);
});
