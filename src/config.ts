import { resolve } from 'node:path';
import { z } from 'zod';
import { AppError } from './errors.js';
import { parsedUrl } from './url.js';

const whole = z.coerce.number().int().min(1);
const count = (fallback: number) => whole.default(fallback);

// Timers hold no more milliseconds, and those that are told more go off at once.
const seconds = (fallback: number) => whole.max(2_147_483).default(fallback);

const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  );

const sizeUnits: Readonly<Record<string, number>> = {
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
};
const leastMemory = 64e6;

// With less, the engine cannot even hold the blocks that its threads work on.
const size = z
  .string()
  .regex(/^\d+(\.\d+)?\s*([KMGT]i?B)$/i, 'must be a size such as 800MB or 1.5GiB')
  .transform((text) => {
    const unit = /[A-Z]+$/i.exec(text)?.[0] ?? '';
    return Math.floor(parseFloat(text) * (sizeUnits[unit.toUpperCase()] ?? 1));
  })
  .refine((bytes) => bytes >= leastMemory, 'must be at least 64MB');

// A comma would make a list of it where the key is given as a previous one.
const secretKey = z
  .string()
  .min(16, 'must be 32 bytes in base64 or hex, or a passphrase of at least 16 characters')
  .regex(/^[^,]*$/, 'must not have a comma');

const origin = z
  .string()
  .regex(
    /^https?:\/\/[^/?#@!\s]+\/?(!private)?$/,
    'must be an origin such as https://minio.example.com, with !private after it if it has a private address',
  )
  .refine(
    (text) => parsedUrl(text.replace('!private', '')) !== undefined,
    'has no valid host and port',
  );

// Each setting: its name in the environment, its meaning and its default. docs/configuration.md is checked against it.
const settings = z.object({
  BUCKETQL_DATA_DIR: z.string().min(1).default('./data'),
  BUCKETQL_HOST: z.string().optional(),
  BUCKETQL_PORT: z.coerce.number().int().min(0).max(65_535).default(4000),
  BUCKETQL_API_TOKENS: list,
  BUCKETQL_ADMIN_TOKENS: list,
  BUCKETQL_SECRET_KEY: secretKey.optional(),
  BUCKETQL_SECRET_KEY_PREVIOUS: list.pipe(z.array(secretKey)),
  BUCKETQL_ALLOWED_ENDPOINTS: list.pipe(z.array(origin)),
  BUCKETQL_STS_ENDPOINT: origin.optional(),
  BUCKETQL_AWS_REGION: z.string().default('us-east-1'),
  BUCKETQL_PRINCIPAL_ARN: z.string().optional(),
  BUCKETQL_SESSION_SECONDS: seconds(3600),
  BUCKETQL_READ_TIMEOUT_SECONDS: seconds(30),
  BUCKETQL_THREADS: z.coerce.number().int().min(1).max(1024).optional(),
  BUCKETQL_MEMORY_LIMIT: size.optional(),
  BUCKETQL_MAX_TEMP_BYTES: z.coerce.number().int().min(1).optional(),
  BUCKETQL_MAX_QUERIES: count(8),
  BUCKETQL_MAX_LIMIT: count(100_000),
  BUCKETQL_MAX_IMPORTS: count(2),
  BUCKETQL_IMPORT_SECONDS: seconds(6 * 3600),
  BUCKETQL_MAX_WRITEBACKS: count(2),
  BUCKETQL_WRITEBACK_SECONDS: seconds(6 * 3600),
  BUCKETQL_KEEP_RUNS: count(200),
  BUCKETQL_WAIT_SECONDS: seconds(600),
  BUCKETQL_QUERY_SECONDS: seconds(60),
  BUCKETQL_MAX_RESPONSE_BYTES: count(256 * 2 ** 20),
  BUCKETQL_ANSWER_CACHE_BYTES: z.coerce
    .number()
    .int()
    .min(0)
    .default(64 * 2 ** 20),
  BUCKETQL_EXPORT_SECONDS: seconds(3600),
  BUCKETQL_MAX_EXPORTS: count(4),
  BUCKETQL_MAX_SUBSCRIPTIONS: count(1000),
  BUCKETQL_MAX_QUERY_TOKENS: count(10_000),
  BUCKETQL_MAX_QUERY_DEPTH: count(15),
  BUCKETQL_MAX_QUERY_ALIASES: count(200),
  BUCKETQL_MAX_QUERY_ROOT_FIELDS: count(50),
  BUCKETQL_MAX_QUERY_COST: count(10_000_000),
  BUCKETQL_OPERATIONS: z.string().min(1).optional(),
  BUCKETQL_MAX_INFLATED_BYTES: count(50 * 2 ** 30),
  BUCKETQL_MAX_INFLATION_RATIO: count(1100),
  BUCKETQL_MAX_OBJECTS: count(100_000),
  BUCKETQL_MAX_MEMBERS: count(10_000),
  BUCKETQL_MAX_COLUMNS: count(2000),
  BUCKETQL_MAX_CELL_BYTES: count(64 * 2 ** 20),
  BUCKETQL_MAX_NESTING: count(100),
  BUCKETQL_MAX_DOCUMENT_BYTES: count(64 * 2 ** 20),
  BUCKETQL_MAX_SPOOL_BYTES: count(200 * 2 ** 30),
  BUCKETQL_PARSE_SECONDS: seconds(20),
  BUCKETQL_PARSE_MEMORY_MB: count(384),
  BUCKETQL_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

/** What the service is told from outside, read once and frozen. Sizes in bytes, times in seconds. */
export interface Config {
  readonly dataDir: string;
  readonly host: string;
  readonly port: number;
  readonly apiTokens: readonly string[];
  readonly adminTokens: readonly string[];
  /** What stored secrets are encrypted with; without it, a key file in the data folder. */
  readonly secretKey: string | undefined;
  readonly secretKeyPrevious: readonly string[];
  readonly allowedEndpoints: readonly string[];
  readonly stsEndpoint: string | undefined;
  readonly awsRegion: string;
  readonly principalArn: string | undefined;
  readonly sessionSeconds: number;
  readonly readTimeoutSeconds: number;
  /** Threads of the engine; not given: what the process may use. */
  readonly threads: number | undefined;
  /** Memory of the engine; not given: a share of what the process may use. */
  readonly memoryLimit: number | undefined;
  /** What the engine may spill to the disk. */
  readonly maxTempBytes: number | undefined;
  readonly maxQueries: number;
  readonly maxLimit: number;
  readonly maxImports: number;
  readonly importSeconds: number;
  readonly maxWritebacks: number;
  readonly writebackSeconds: number;
  readonly keepRuns: number;
  readonly waitSeconds: number;
  readonly querySeconds: number;
  readonly maxResponseBytes: number;
  readonly answerCacheBytes: number;
  readonly exportSeconds: number;
  readonly maxExports: number;
  readonly maxSubscriptions: number;
  readonly maxQueryTokens: number;
  readonly maxQueryDepth: number;
  readonly maxQueryAliases: number;
  readonly maxQueryRootFields: number;
  /** In points of the estimate that docs/limits.md describes. */
  readonly maxQueryCost: number;
  /** File of the operations that may run; not given: all may. */
  readonly operations: string | undefined;
  readonly maxInflatedBytes: number;
  readonly maxInflationRatio: number;
  readonly maxObjects: number;
  readonly maxMembers: number;
  readonly maxColumns: number;
  readonly maxCellBytes: number;
  readonly maxNesting: number;
  readonly maxDocumentBytes: number;
  readonly maxSpoolBytes: number;
  readonly parseSeconds: number;
  readonly parseMemoryMB: number;
  readonly logLevel: string;
}

/** The names of all settings, for the documentation's test. */
export const settingNames: readonly string[] = Object.keys(settings.shape);

/**
 * Reads the configuration.
 * @throws INVALID_INPUT that names the settings at fault, and for a public address without tokens
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([name, text]) => name in settings.shape && text !== ''),
  );
  const parsed = settings.safeParse(given);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new AppError('INVALID_INPUT', `The configuration is not valid: ${faults.join('; ')}`);
  }
  const s = parsed.data;
  const loopback = '127.0.0.1';
  const guarded = s.BUCKETQL_API_TOKENS.length + s.BUCKETQL_ADMIN_TOKENS.length > 0;
  const host = s.BUCKETQL_HOST ?? (guarded ? '0.0.0.0' : loopback);
  if (!guarded && !['127.0.0.1', '::1', 'localhost'].includes(host)) {
    throw new AppError(
      'INVALID_INPUT',
      `BUCKETQL_HOST is ${host}, but without BUCKETQL_API_TOKENS the service listens on ${loopback} only; set tokens first`,
    );
  }
  return Object.freeze({
    dataDir: resolve(s.BUCKETQL_DATA_DIR),
    host,
    port: s.BUCKETQL_PORT,
    apiTokens: s.BUCKETQL_API_TOKENS,
    adminTokens: s.BUCKETQL_ADMIN_TOKENS,
    secretKey: s.BUCKETQL_SECRET_KEY,
    secretKeyPrevious: s.BUCKETQL_SECRET_KEY_PREVIOUS,
    allowedEndpoints: s.BUCKETQL_ALLOWED_ENDPOINTS,
    stsEndpoint: s.BUCKETQL_STS_ENDPOINT,
    awsRegion: s.BUCKETQL_AWS_REGION,
    principalArn: s.BUCKETQL_PRINCIPAL_ARN,
    sessionSeconds: s.BUCKETQL_SESSION_SECONDS,
    readTimeoutSeconds: s.BUCKETQL_READ_TIMEOUT_SECONDS,
    threads: s.BUCKETQL_THREADS,
    memoryLimit: s.BUCKETQL_MEMORY_LIMIT,
    maxTempBytes: s.BUCKETQL_MAX_TEMP_BYTES,
    maxQueries: s.BUCKETQL_MAX_QUERIES,
    maxLimit: s.BUCKETQL_MAX_LIMIT,
    maxImports: s.BUCKETQL_MAX_IMPORTS,
    importSeconds: s.BUCKETQL_IMPORT_SECONDS,
    maxWritebacks: s.BUCKETQL_MAX_WRITEBACKS,
    writebackSeconds: s.BUCKETQL_WRITEBACK_SECONDS,
    keepRuns: s.BUCKETQL_KEEP_RUNS,
    waitSeconds: s.BUCKETQL_WAIT_SECONDS,
    querySeconds: s.BUCKETQL_QUERY_SECONDS,
    maxResponseBytes: s.BUCKETQL_MAX_RESPONSE_BYTES,
    answerCacheBytes: s.BUCKETQL_ANSWER_CACHE_BYTES,
    exportSeconds: s.BUCKETQL_EXPORT_SECONDS,
    maxExports: s.BUCKETQL_MAX_EXPORTS,
    maxSubscriptions: s.BUCKETQL_MAX_SUBSCRIPTIONS,
    maxQueryTokens: s.BUCKETQL_MAX_QUERY_TOKENS,
    maxQueryDepth: s.BUCKETQL_MAX_QUERY_DEPTH,
    maxQueryAliases: s.BUCKETQL_MAX_QUERY_ALIASES,
    maxQueryRootFields: s.BUCKETQL_MAX_QUERY_ROOT_FIELDS,
    maxQueryCost: s.BUCKETQL_MAX_QUERY_COST,
    operations: s.BUCKETQL_OPERATIONS === undefined ? undefined : resolve(s.BUCKETQL_OPERATIONS),
    maxInflatedBytes: s.BUCKETQL_MAX_INFLATED_BYTES,
    maxInflationRatio: s.BUCKETQL_MAX_INFLATION_RATIO,
    maxObjects: s.BUCKETQL_MAX_OBJECTS,
    maxMembers: s.BUCKETQL_MAX_MEMBERS,
    maxColumns: s.BUCKETQL_MAX_COLUMNS,
    maxCellBytes: s.BUCKETQL_MAX_CELL_BYTES,
    maxNesting: s.BUCKETQL_MAX_NESTING,
    maxDocumentBytes: s.BUCKETQL_MAX_DOCUMENT_BYTES,
    maxSpoolBytes: s.BUCKETQL_MAX_SPOOL_BYTES,
    parseSeconds: s.BUCKETQL_PARSE_SECONDS,
    parseMemoryMB: s.BUCKETQL_PARSE_MEMORY_MB,
    logLevel: s.BUCKETQL_LOG_LEVEL,
  });
}
