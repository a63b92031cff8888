import { pino, type Logger } from 'pino';

/** The log: JSON lines on standard error, secrets redacted. */
export type Log = Pick<Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error'>;

// Keys under which a secret could reach a log line by mistake.
const secretKeys = [
  'secretAccessKey',
  'sessionToken',
  'encryptionKey',
  'authorization',
  'token',
  'SecretAccessKey',
  'SessionToken',
];

/** Opens the log at a level ("info", "debug" …, or "silent"). */
export function openLog(level: string): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: {
        paths: secretKeys.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]),
        censor: '[redacted]',
      },
    },
    pino.destination({ fd: 2, sync: true }),
  );
}
