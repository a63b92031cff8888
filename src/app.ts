import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { callerPrincipal, type CredentialsProvider } from './aws/credentials.js';
import { listDatasets, type Dataset } from './catalog/datasets.js';
import { listConnections, type Connection } from './catalog/connections.js';
import { migrate } from './catalog/migrations.js';
import { openSecrets } from './catalog/rotate.js';
import type { Run } from './catalog/runs.js';
import type { Config } from './config.js';
import { allowance, engineShare } from './container.js';
import { duckdbDialect } from './engine/dialect.js';
import { engineVersion, openDuckDB } from './engine/duckdb.js';
import type { Engine } from './engine/engine.js';
import { dropTables, tableSizes } from './engine/tables.js';
import { AppError } from './errors.js';
import { Admission } from './graphql/admission.js';
import { AnswerCache } from './graphql/answer-cache.js';
import { readAllowList } from './graphql/allow-list.js';
import type { Services } from './graphql/context.js';
import { Exports } from './graphql/export/exports.js';
import { LiveSchema } from './graphql/live-schema.js';
import { buildManagementSchema } from './graphql/management/schema.js';
import { serve } from './graphql/server.js';
import { tableAccess } from './graphql/table-access.js';
import type { TableDataset } from './graphql/tables/types.js';
import { systemClock, type Clock } from './jobs/clock.js';
import { importWork } from './jobs/import-work.js';
import { abortOpenUploads } from './jobs/open-uploads.js';
import { Runner } from './jobs/runner.js';
import { Scheduler } from './jobs/scheduler.js';
import type { Log } from './log.js';
import { Buckets } from './pipeline/buckets.js';
import { primaryKeyNames } from './pipeline/columns.js';
import { usableRelations, type ColumnsOf } from './pipeline/relations.js';
import { Snapshots } from './pipeline/snapshots.js';
import { Topic } from './topic.js';

/** A running service. */
export interface App {
  /** Where GraphQL is: http://HOST:PORT/graphql. */
  readonly url: string;
  close(): Promise<void>;
}

/** What a caller of {@link startApp} may hand in. */
export interface AppOptions {
  readonly log: Log;
  /** The service's own AWS credentials. (Default: the process's AWS chain) */
  readonly credentials?: CredentialsProvider;
  /** What schedules and runs go by. (Default: the machine's) */
  readonly clock?: Clock;
  /** Code of the thread that reads JSON, XML and spreadsheets. (Default: pipeline/row-worker.js) */
  readonly rowWorker?: URL;
}

const maxRequestBytes = 2 ** 20;

/**
 * The composition root: opens the database, mends what a crash left, builds the schema and listens.
 * @throws DATABASE_LOCKED, DATABASE_DAMAGED, INVALID_INPUT for a list of operations that cannot be read
 */
export async function startApp(config: Config, options: AppOptions): Promise<App> {
  const { log, credentials, rowWorker, clock = systemClock } = options;
  const { apiTokens, adminTokens, secretKey, secretKeyPrevious } = config;
  for (const secret of [...apiTokens, ...adminTokens, secretKey ?? '', ...secretKeyPrevious]) {
    log.hide(secret);
  }
  const allowList =
    config.operations === undefined ? undefined : await readAllowList(config.operations);
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  const spoolDir = join(config.dataDir, 'spool');
  const share = engineShare(config, allowance());
  const engine = await openDuckDB({
    path: join(config.dataDir, 'bucketql.duckdb'),
    ...share,
    maxQueries: config.maxQueries,
    tempDirectory: join(config.dataDir, 'tmp'),
    ...(config.maxTempBytes === undefined ? {} : { maxTempBytes: config.maxTempBytes }),
    onInvalidated(err, reopened) {
      log.error({ err }, 'an internal error stopped the database; it is opened again');
      reopened.then(
        () => log.info('the database is open again'),
        (err: unknown) => log.error({ err }, 'the database could not be opened again'),
      );
    },
  });
  try {
    await migrate(engine);
    const keyFile = join(config.dataDir, 'secret.key');
    const secrets = await openSecrets(engine, { ...config, keyFile }, log);
    // The spool belongs to whoever holds the database, and runs of a stopped process have no use for it.
    await rm(spoolDir, { recursive: true, force: true });
    await mkdir(spoolDir, { recursive: true });
    const runChanges = new Topic<Run>();
    const datasetChanges = new Topic<string>();
    const runner = new Runner(engine, {
      log,
      clock,
      slots: { IMPORT: config.maxImports, WRITEBACK: 2 },
      seconds: { IMPORT: config.importSeconds },
      keepRuns: config.keepRuns,
      onChange: (run) => {
        scheduler.observe(run);
        runChanges.publish(run.id, run);
      },
    });
    const work = (datasetId: string) => importWork(services.imports, datasetId);
    const scheduler = new Scheduler(engine, { runner, work, log, clock });
    const snapshots = new Snapshots(engine, {
      querySeconds: config.querySeconds,
      onDropFailed: (table, err) =>
        log.warn({ err, table }, 'a table that is not used any more stays until the next start'),
    });
    const datasets = await engine.read((session) => listDatasets(session));
    await checkTables(engine, datasets, log);
    for (const dataset of datasets) snapshots.publish(dataset);

    const schema = new LiveSchema(buildManagementSchema());
    const publishSchema = async () => {
      const connections = await engine.read((session) => listConnections(session, secrets));
      const byId = new Map(connections.map((connection) => [connection.id, connection]));
      const published = snapshots.published();
      const columns = new Map(published.map(({ name, current }) => [name, current?.columns]));
      schema.publish(
        published.map((dataset) =>
          tableDataset(dataset, byId.get(dataset.definition.connection), (name) =>
            columns.get(name),
          ),
        ),
      );
    };
    await publishSchema();
    const sts = {
      base: credentials,
      endpoint: config.stsEndpoint,
      region: config.awsRegion,
      sessionSeconds: config.sessionSeconds,
    };
    const buckets = new Buckets({
      ...sts,
      allowedEndpoints: config.allowedEndpoints,
      readTimeoutSeconds: config.readTimeoutSeconds,
    });
    const services: Services = {
      engine,
      secrets,
      buckets,
      snapshots,
      runner,
      scheduler,
      runChanges,
      datasetChanges,
      schema,
      publishSchema,
      log,
      imports: {
        engine,
        secrets,
        buckets,
        snapshots,
        log,
        spoolDir,
        limits: { ...config, ...(rowWorker ? { worker: rowWorker } : {}) },
        onPublished: async (datasetId) => {
          await publishSchema();
          datasetChanges.publish(datasetId, datasetId);
        },
      },
      principalArn: principalFinder(config, () => callerPrincipal(sts), log),
      waitSeconds: config.waitSeconds,
    };
    await scheduler.start();
    let ready = true;
    const server = await serve({
      services,
      tables: tableAccess(services, { dialect: duckdbDialect, maxLimit: config.maxLimit }),
      tokens: { api: config.apiTokens, admin: config.adminTokens },
      answers: new AnswerCache(config.answerCacheBytes),
      admission: new Admission({ limits: config, maxLimit: config.maxLimit, allowList }),
      host: config.host,
      port: config.port,
      exports: new Exports({ ...config, ...services, dialect: duckdbDialect, spoolDir }),
      maxRequestBytes,
      maxResponseBytes: config.maxResponseBytes,
      maxSubscriptions: config.maxSubscriptions,
      ready: () => ready,
    });
    runner.start();
    abortOpenUploads({ engine, secrets, buckets, log, clock }).catch((err: unknown) =>
      log.warn({ err }, 'uploads that a stop left open were not looked for'),
    );
    const url = `${server.url}/graphql`;
    log.info({ url, engine: engineVersion(), ...share, dataDir: config.dataDir }, 'listening');
    if (config.apiTokens.length + config.adminTokens.length === 0) {
      log.warn(
        'no BUCKETQL_API_TOKENS: everybody on this machine may do everything, and nobody from outside can connect',
      );
    }
    return {
      url,
      async close() {
        ready = false;
        await server.close();
        await scheduler.close();
        await runner.close();
        buckets.close();
        await engine
          .checkpoint()
          .catch((err: unknown) => log.warn({ err }, 'no checkpoint at the end'));
        await engine.close();
      },
    };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/**
 * Sees to it that every dataset has its tables, and drops tables that no dataset refers to: what a stopped process was
 * loading, or had not yet dropped.
 * @throws DATABASE_DAMAGED
 */
async function checkTables(engine: Engine, datasets: readonly Dataset[], log: Log): Promise<void> {
  const used = new Set(
    datasets.flatMap(({ current }) => current?.segments.map(({ table }) => table) ?? []),
  );
  const there = await engine.read((session) => tableSizes(session, 't_'));
  for (const { name, current } of datasets) {
    const missing = current?.segments.find(({ table }) => !there.has(table));
    if (missing) {
      throw new AppError(
        'DATABASE_DAMAGED',
        `The database has no table ${missing.table}, in which rows of dataset ${name} are to be: its file or its log was replaced by another. Put both back from one backup`,
        { details: { dataset: name, table: missing.table } },
      );
    }
  }
  const dropped = await engine.session((session) => dropTables(session, 't_', used));
  for (const table of dropped) log.info({ table }, 'dropped a table that no dataset refers to');
}

function tableDataset(
  dataset: Dataset,
  connection: Connection | undefined,
  columnsOf: ColumnsOf,
): TableDataset {
  const { name, definition } = dataset;
  const columns = dataset.current?.columns ?? [];
  return {
    name,
    columns,
    // A definition may have changed since the import: its key counts when the table has it.
    primaryKey: definition.primaryKey.every((key) =>
      columns.some((column) => !column.nullable && (column.source === key || column.name === key)),
    )
      ? primaryKeyNames(columns, definition.primaryKey)
      : [],
    relations: usableRelations({ name, definition, columns }, columnsOf),
    origin: originOf(dataset, connection),
    ...(dataset.current && {
      freshness: { ...dataset.current, fileType: definition.format.type },
    }),
    ...(definition.expose && { expose: definition.expose }),
    ...(definition.title === undefined ? {} : { title: definition.title }),
    ...(definition.description === undefined ? {} : { description: definition.description }),
  };
}

function originOf({ definition }: Dataset, connection: Connection | undefined): string {
  if (!connection) return 'a connection that is gone';
  const { bucket, prefix, name } = connection.access;
  const { selection } = definition;
  return `s3://${bucket}/${prefix}${selection.prefix}${patternOf(selection)} over connection ${name}`;
}

function patternOf({ fileName, fileNameMatch }: Dataset['definition']['selection']): string {
  if (fileName === undefined) return '*';
  switch (fileNameMatch) {
    case 'STARTS_WITH':
      return `${fileName}*`;
    case 'CONTAINS':
      return `*${fileName}*`;
    case 'EXACT':
    case 'GLOB':
      return fileName;
  }
}

// Asked once: who the service is does not change while it runs.
function principalFinder(
  config: Config,
  ask: () => Promise<string>,
  log: Log,
): () => Promise<string | null> {
  let known: Promise<string> | undefined;
  return async () => {
    if (config.principalArn !== undefined) return config.principalArn;
    try {
      return await (known ??= ask());
    } catch (err) {
      known = undefined;
      log.warn({ err }, 'the service’s own principal is not known; set BUCKETQL_PRINCIPAL_ARN');
      return null;
    }
  };
}
