import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { callerPrincipal, type CredentialsProvider } from './aws/credentials.js';
import { listDatasets } from './catalog/datasets.js';
import { listConnections } from './catalog/connections.js';
import { migrate } from './catalog/migrations.js';
import { openSecrets } from './catalog/rotate.js';
import type { About, Run } from './catalog/runs.js';
import { listUploads } from './catalog/uploads.js';
import type { Config } from './config.js';
import { allowance, engineShare } from './container.js';
import { duckdbDialect } from './engine/dialect.js';
import { engineVersion, openDuckDB } from './engine/duckdb.js';
import { Admission } from './graphql/admission.js';
import { AnswerCache } from './graphql/answer-cache.js';
import { readAllowList } from './graphql/allow-list.js';
import type { Services } from './graphql/context.js';
import { Exports } from './graphql/export/exports.js';
import { queryOfJson } from './graphql/json-query.js';
import { LiveSchema } from './graphql/live-schema.js';
import { buildManagementSchema } from './graphql/management/schema.js';
import { serve } from './graphql/server.js';
import { tableAccess } from './graphql/table-access.js';
import { tableDataset } from './graphql/table-dataset.js';
import { checkTables } from './jobs/check-tables.js';
import { systemClock, type Clock } from './jobs/clock.js';
import { importWork } from './jobs/import-work.js';
import { abortOpenUploads } from './jobs/open-uploads.js';
import { Runner } from './jobs/runner.js';
import { Scheduler } from './jobs/scheduler.js';
import { keptWritebackWork } from './jobs/writeback-work.js';
import type { Log } from './log.js';
import { Buckets } from './pipeline/buckets.js';
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
      slots: { IMPORT: config.maxImports, WRITEBACK: config.maxWritebacks },
      seconds: { IMPORT: config.importSeconds, WRITEBACK: config.writebackSeconds },
      keepRuns: config.keepRuns,
      onChange: (run) => {
        scheduler.observe(run);
        runChanges.publish(run.id, run);
      },
    });
    const work = ({ datasetId, writebackId: id }: About) =>
      id == null
        ? importWork(services.imports, datasetId)
        : keptWritebackWork(services.writebacks, { id, datasetId });
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
    // A version may take names that a dataset of an earlier one has.
    const isFree = (name: string) => schema.collisions(name, []).length === 0;
    for (const { name } of datasets) {
      if (isFree(name)) continue;
      log.error(
        { dataset: name },
        'the API itself has names of this dataset now, so it has no fields; give it another name with updateDataset',
      );
    }
    const publishSchema = async () => {
      const connections = await engine.read((session) => listConnections(session, secrets));
      const byId = new Map(connections.map((connection) => [connection.id, connection]));
      const published = snapshots.published().filter(({ name }) => isFree(name));
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
    const common = { engine, secrets, buckets, snapshots, log };
    const services: Services = {
      ...common,
      runner,
      scheduler,
      runChanges,
      datasetChanges,
      schema,
      publishSchema,
      imports: {
        ...common,
        spoolDir,
        limits: { ...config, ...(rowWorker ? { worker: rowWorker } : {}) },
        onPublished: async (datasetId) => {
          await publishSchema();
          datasetChanges.publish(datasetId, datasetId);
        },
      },
      writebacks: {
        ...common,
        spoolDir,
        dialect: duckdbDialect,
        queryOf: (dataset, words) => queryOfJson(dataset, words, schema.current.api),
      },
      principalArn: principalFinder(config, () => callerPrincipal(sts), log),
      waitSeconds: config.waitSeconds,
    };
    await scheduler.start();
    let ready = true;
    const server = await serve({
      services,
      tables: tableAccess(services, config),
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
    // Before the first run begins, which writes down uploads of its own.
    const stopped = await engine.read(listUploads);
    runner.start();
    abortOpenUploads({ engine, secrets, buckets, log, clock }, stopped).catch((err: unknown) =>
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
