import { execFile, spawn } from 'node:child_process';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { NotHere } from './debian.js';
import { endOf } from './processes.js';

/** Who runs the server: PostgreSQL refuses to run as root. Undefined: whoever runs this. */
export type Owner = { readonly uid: number; readonly gid: number } | undefined;

/** Where a server's programs, tables and socket are. */
export interface Place {
  readonly programs: string;
  readonly owner: Owner;
  readonly dataDir: string;
  /** The server listens here and nowhere else. */
  readonly socketDir: string;
}

/** A running server. */
export interface Server {
  /** Runs a statement, or a command of psql. */
  sql(text: string): Promise<void>;
  stop(): Promise<void>;
}

const superuser = 'bench';
const run = promisify(execFile);

/** How clients of this machine find the server. */
export const connectionString = ({ socketDir }: Pick<Place, 'socketDir'>) =>
  `postgres://${superuser}@/postgres?host=${encodeURIComponent(socketDir)}`;

/** For a machine of its own with solid-state disks, where rows are read much and can be loaded again. */
export function settings(): Readonly<Record<string, string>> {
  const megabytes = Math.floor(totalmem() / 2 ** 20);
  const cores = String(availableParallelism());
  return {
    shared_buffers: `${Math.min(Math.floor(megabytes / 4), 4096)}MB`,
    effective_cache_size: `${Math.floor(megabytes / 2)}MB`,
    work_mem: '64MB',
    maintenance_work_mem: '512MB',
    random_page_cost: '1.1',
    max_parallel_workers_per_gather: cores,
    max_parallel_maintenance_workers: cores,
    fsync: 'off',
    synchronous_commit: 'off',
    wal_level: 'minimal',
    max_wal_senders: '0',
    max_wal_size: '4GB',
  };
}

/** @throws NotHere for root where nobody else can run the server */
export async function ownerOfServer(): Promise<Owner> {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = async (option: string) => Number((await run('id', [option, 'postgres'])).stdout);
  try {
    return { uid: await idOf('-u'), gid: await idOf('-g') };
  } catch {
    throw new NotHere('PostgreSQL does not run as root, and there is no user postgres');
  }
}

/** As in "15.18". */
export async function versionOf(programs: string): Promise<string> {
  const { stdout } = await run(join(programs, 'postgres'), ['--version']);
  return /\d+(\.\d+)*/.exec(stdout)?.[0] ?? stdout.trim();
}

/** Fills an empty folder with what a server needs. */
export async function initialise({ programs, owner, dataDir }: Place): Promise<void> {
  // Text compares faster by bytes than by a language's rules, and DuckDB compares by bytes too.
  const how = ['-U', superuser, '-A', 'trust', '-E', 'UTF8', '--locale', 'C', '--no-sync'];
  await run(join(programs, 'initdb'), ['-D', dataDir, ...how], { cwd: '/', ...owner });
}

/** Starts a server and waits until it answers. It ends with this process, however this one ends. */
export async function startServer(place: Place): Promise<Server> {
  const { programs, owner, dataDir, socketDir } = place;
  const options = { ...settings(), listen_addresses: '', unix_socket_directories: socketDir };
  const child = spawn(
    'setpriv',
    [
      ...(owner ? [`--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups'] : []),
      '--pdeathsig=INT',
      join(programs, 'postgres'),
      ...['-D', dataDir],
      ...Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    { stdio: ['ignore', 'ignore', 'pipe'], cwd: '/' },
  );
  await new Promise<void>((resolve, reject) => {
    const last: string[] = [];
    createInterface(child.stderr).on('line', (line) => {
      last.push(line);
      if (last.length > 5) last.shift();
      if (line.includes('ready to accept connections')) resolve();
    });
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`PostgreSQL ended:\n${last.join('\n')}`)));
  });
  const psql = ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', connectionString(place)];
  return {
    async sql(text) {
      await run(join(programs, 'psql'), [...psql, '-c', text]);
    },
    stop: () => endOf(child, 'SIGINT'),
  };
}
