import { access, chmod, chown, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { columnTypes, type Fixtures } from '../harness/fixtures.js';
import { postgresPrograms } from './debian.js';
import {
  connectionString,
  initialise,
  ownerOfServer,
  settings,
  startServer,
  versionOf,
  type Owner,
  type Place,
} from './postgres-server.js';

/** PostgreSQL with the rows as `sales`. */
export interface Postgres {
  /** As in "15.18". */
  readonly version: string;
  readonly connectionString: string;
  /** What it was told beyond its defaults, for people. */
  readonly settings: string;
  /** Ends the server and removes its socket; its tables stay for the next time. */
  stop(): Promise<void>;
}

/** What a user who asks such questions would index, beside the primary key. */
const indexed: readonly (keyof typeof columnTypes)[] = ['customer', 'region', 'day', 'ordered_at'];

// Part of the folder's name: count it up when the rows, the table or its indexes change.
const tablesVersion = 1;

/**
 * Starts PostgreSQL over the rows. The first time they are read and indexed; then they are kept in `cache`.
 * @throws NotHere
 */
export async function startPostgres(cache: string, fixtures: Fixtures): Promise<Postgres> {
  const programs = await postgresPrograms();
  const owner = await ownerOfServer();
  const version = await versionOf(programs);
  const socketDir = await mkdtemp(join(tmpdir(), 'bucketql-peers-'));
  try {
    await giveTo(socketDir, owner);
    const dataDir = join(cache, `postgres-${parseInt(version)}-v${tablesVersion}`);
    const place = { programs, owner, dataDir, socketDir };
    if (!(await isThere(dataDir))) await makeTable(place, fixtures);
    const server = await startServer(place);
    // So that the first answers do not wait for the disk.
    await server.sql(
      `select pg_prewarm(oid) from pg_class where relname ~ '^sales' and relkind in ('r', 'i')`,
    );
    return {
      version,
      connectionString: connectionString(place),
      settings: Object.entries(settings())
        .map(([name, value]) => `${name} ${value}`)
        .join(', '),
      async stop() {
        await server.stop();
        await rm(socketDir, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(socketDir, { recursive: true, force: true });
    throw error;
  }
}

async function makeTable(place: Place, fixtures: Fixtures): Promise<void> {
  console.log(`loading ${fixtures.rows} rows into PostgreSQL, with ${indexed.length + 1} indexes`);
  const paths = await fixtures.parts();
  const unfinished = { ...place, dataDir: `${place.dataDir}.part` };
  await rm(unfinished.dataDir, { recursive: true, force: true });
  await mkdir(unfinished.dataDir, { recursive: true });
  await giveTo(unfinished.dataDir, place.owner);
  await initialise(unfinished);
  const server = await startServer(unfinished);
  try {
    const columns = Object.entries(columnTypes).map(([name, type]) => `${name} ${type}`);
    await server.sql(`create table sales (${columns.join(', ')})`);
    for (const path of paths) {
      await server.sql(`\\copy sales from '${path}' with (format csv, header true)`);
    }
    await server.sql('alter table sales add primary key (id)');
    for (const column of indexed) await server.sql(`create index on sales (${column})`);
    await server.sql('vacuum analyze sales');
    await server.sql('create extension pg_prewarm');
  } finally {
    await server.stop();
  }
  await rename(unfinished.dataDir, place.dataDir);
}

const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/** Lets nobody into a folder but the server's user and root. */
async function giveTo(folder: string, owner: Owner): Promise<void> {
  await chmod(folder, 0o700);
  if (owner) await chown(folder, owner.uid, owner.gid);
}
