import { pino, type DestinationStream, type Logger } from 'pino';

/** The log: JSON lines on standard error that show no secret. */
export interface Log extends Pick<Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error'> {
  /** From now on no line shows this text, neither as it is nor in base64, hex or URL encoding. */
  hide(text: string): void;
  /** A copy without the texts that are hidden, for what leaves the process by other ways: answers, stored errors. */
  scrub<T>(value: T): T;
}

const censor = '[redacted]';

// Keys under which a secret could reach a log line by mistake, in lower case.
const secretNames = new Set([
  'secretaccesskey',
  'sessiontoken',
  'encryptionkey',
  'secretkey',
  'secretkeyprevious',
  'authorization',
  'proxy-authorization',
  'cookie',
  'token',
  'apitokens',
  'admintokens',
  'password',
  'x-amz-security-token',
  'x-amz-server-side-encryption-customer-key',
]);

// No S3 service has shorter secrets, and hiding "key" would make every message unreadable.
const shortest = 8;

/**
 * Opens the log at a level ("info", "debug" …, or "silent").
 * @param destination Where lines go. (Default: standard error, written at once)
 */
export function openLog(
  level: string,
  destination: DestinationStream = pino.destination({ fd: 2, sync: true }),
): Log {
  const hidden = new Set<string>();
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      // What comes here is plain already, and pino's own serializer would add every member an error has.
      serializers: { err: (error: unknown) => error },
      hooks: {
        logMethod(args, method) {
          const [first, ...rest] = args as unknown[];
          const members = isError(first) ? { err: first } : first;
          const shown = [members, ...rest].map((value) => printable(value, hidden));
          method.apply(this, shown as Parameters<typeof method>);
        },
      },
    },
    destination,
  );
  return Object.assign(logger, {
    hide(text: string) {
      for (const written of writings(text)) hidden.add(written);
    },
    scrub: <T>(value: T): T => mapTexts(value, (text) => cut(text, hidden)) as T,
  });
}

/** A copy of a value (a text, or anything of plain objects and lists) in which none of the secrets can be read. */
export function without<T>(value: T, secrets: Iterable<string>): T {
  const hidden = new Set([...secrets].flatMap(writings));
  return mapTexts(value, (text) => cut(text, hidden)) as T;
}

// The members of an error that are made to be read. Those of the AWS SDK bring the whole exchange along, with the headers
// that authorize it.
function plainError(error: Error, depth = 0): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  const { code, details } = error as { code?: unknown; details?: unknown };
  return {
    name,
    message,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(details === undefined ? {} : { details }),
    stack,
    ...(isError(cause) && depth < 4 ? { cause: plainError(cause, depth + 1) } : {}),
  };
}

// The ways in which a text could stand in a message.
function writings(text: string): string[] {
  if (text.length < shortest) return [];
  const bytes = Buffer.from(text, 'utf8');
  const hex = bytes.toString('hex');
  return [
    text,
    JSON.stringify(text).slice(1, -1),
    encodeURIComponent(bytes.toString('utf8')),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
    hex,
    hex.toUpperCase(),
  ];
}

function cut(text: string, hidden: ReadonlySet<string>): string {
  let rest = text;
  for (const secret of hidden) {
    if (rest.includes(secret)) rest = rest.replaceAll(secret, censor);
  }
  return rest;
}

function printable(value: unknown, hidden: ReadonlySet<string>): unknown {
  const text = (shown: string) => cut(shown, hidden);
  return mapTexts(value, text, (name) => secretNames.has(name.toLowerCase()));
}

function mapTexts(
  value: unknown,
  text: (text: string) => string,
  isSecret: (name: string) => boolean = () => false,
  depth = 0,
): unknown {
  if (typeof value === 'string') return text(value);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  // A cycle ends here too.
  if (depth > 8) return '[too deep]';
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  const next = (member: unknown) => mapTexts(member, text, isSecret, depth + 1);
  if (Array.isArray(value)) return value.map(next);
  const members = isError(value) ? plainError(value) : value;
  return Object.fromEntries(
    Object.entries(members).map(([name, member]) => [name, isSecret(name) ? censor : next(member)]),
  );
}

// By shape: errors of native code need not be instances of this realm's Error.
function isError(value: unknown): value is Error {
  return typeof value === 'object' && value !== null && 'message' in value && 'stack' in value;
}
