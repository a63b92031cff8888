import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEngineProcess, type EngineProcess } from './engine-process.js';
import { columnTypes, fixturesIn, type Fixtures } from './fixtures.js';
import { startSandboxProcess, type SandboxProcess } from './sandbox-process.js';
import {
  createDataset,
  importRows,
  startServiceProcess,
  type ServiceProcess,
} from './service-process.js';

/** What paths work with. */
export interface World {
  readonly fixtures: Fixtures;
  readonly sandbox: SandboxProcess;
  /** Turns for whatever takes seconds; quick queries take more. */
  readonly rounds: number;
  /** A service without data. The caller stops it. */
  newService(): Promise<ServiceProcess>;
  /** An engine without data. The caller stops it. */
  newEngine(): Promise<EngineProcess>;
  /** A service and an engine that both hold the rows as `sales` and their first tenth as `slice`; shared by paths. */
  loaded(): Promise<Loaded>;
  /** The same, with a service that was just started with these settings: an import leaves memory behind. */
  reloaded(environment: Readonly<Record<string, string>>): Promise<Loaded>;
  /** Stores files as objects below a prefix, unless they are there. */
  upload(prefix: string, paths: readonly string[]): Promise<void>;
  /** A folder that is removed at the end. */
  readonly workDir: string;
  close(): Promise<void>;
}

/** Both sides, with their tables. */
export interface Loaded {
  readonly service: ServiceProcess;
  readonly connection: string;
  readonly engine: EngineProcess;
  /** Where the field-resolver server over the engine's `sales` answers. */
  readonly resolversUrl: string;
}

// Part of the folder's name: count it up when the rows or their places change.
const fixturesVersion = 2;

/** SQL that reads CSV files with all types known. */
export const readCsv = (paths: readonly string[]) => {
  const columns = Object.entries(columnTypes).map(([name, type]) => `'${name}': '${type}'`);
  const files = paths.map((path) => `'${path}'`).join(', ');
  return `read_csv([${files}], auto_detect = false, header = true, delim = ',', quote = '"', columns = {${columns.join(', ')}})`;
};

/** Opens the world of one scale: 1 is 10 million rows. */
export async function openWorld(scale: number): Promise<World> {
  const cache = join(tmpdir(), `bucketql-bench-${scale}`, `v${fixturesVersion}`);
  const workDir = await mkdtemp(join(tmpdir(), 'bucketql-bench-work-'));
  const sandbox = await startSandboxProcess(join(cache, 's3'));
  const fixtures = fixturesIn(join(cache, 'files'), Math.max(1_000, Math.round(1e7 * scale)));
  const stored = new Set(await sandbox.keyList());
  let services = 0;
  let engines = 0;
  const loadedDir = join(workDir, 'service-loaded');
  let shared: Promise<Loaded> | undefined;

  const newService = () => startServiceProcess(join(workDir, `service-${services++}`), sandbox);
  const newEngine = () => startEngineProcess(join(workDir, `engine-${engines++}.duckdb`));
  const upload = async (prefix: string, paths: readonly string[]) => {
    for (const path of paths) {
      const key = prefix + path.slice(path.lastIndexOf('/') + 1);
      if (!stored.has(key)) await sandbox.putFile(key, path);
      stored.add(key);
    }
  };
  const load = async (): Promise<Loaded> => {
    const tables = { sales: await fixtures.parts(), slice: [await fixtures.tenth()] };
    const service = await startServiceProcess(loadedDir, sandbox);
    const connection = await service.connect('loaded');
    const engine = await newEngine();
    for (const [name, paths] of Object.entries(tables)) {
      await upload(`${name}/`, paths);
      await createDataset(service, { name, connection, prefix: `${name}/` });
      await importRows(service, name);
      await engine.run(`create table ${name} as select * from ${readCsv(paths)}`);
    }
    return { service, connection, engine, resolversUrl: await engine.serve('sales') };
  };

  const loaded = () => (shared ??= load());
  const reload = async (before: Loaded, environment: Readonly<Record<string, string>>) => {
    await before.service.stop();
    return { ...before, service: await startServiceProcess(loadedDir, sandbox, environment) };
  };

  return {
    fixtures,
    sandbox,
    rounds: 3,
    workDir,
    newService,
    newEngine,
    upload,
    loaded,
    reloaded: (environment) => (shared = loaded().then((before) => reload(before, environment))),
    async close() {
      const last = await shared?.catch(() => undefined);
      await last?.service.kill();
      await last?.engine.stop();
      await sandbox.stop();
      await rm(workDir, { recursive: true, force: true });
    },
  };
}
