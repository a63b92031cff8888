import { execFile, spawn } from 'node:child_process';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { NotHere, reasonOf } from './debian.js';
import { endOf } from './processes.js';

/** PostGraphile over a database. */
export interface PostGraphile {
  /** What runs, for people. */
  readonly words: string;
  readonly url: string;
  stop(): Promise<void>;
}

// It wants Node 22 or later; we run on 20, so it gets a Node of its own.
const nodePackage = `node-linux-${process.arch}`;
const packages = {
  postgraphile: '5.1.5',
  '@graphile/pg-aggregates': '0.2.0-rc.2',
  'postgraphile-plugin-connection-filter': '4.0.1',
  [nodePackage]: '24.21.0',
} as const;
const program = 'postgraphile-server.mjs';
const run = promisify(execFile);

/**
 * Starts PostGraphile, which is installed from npm into the system's folder for temporary files and kept there.
 * @throws NotHere where the packages cannot be had
 */
export async function startPostGraphile(connectionString: string): Promise<PostGraphile> {
  const dir = await installed();
  const source = new URL(`../../../bench/peers/${program}`, import.meta.url);
  await copyFile(fileURLToPath(source), join(dir, program));
  const node = join(dir, 'node_modules', nodePackage, 'bin', 'node');
  const child = spawn(node, [program], {
    cwd: dir,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'production',
      GRAPHILE_ENV: 'production',
      DATABASE_URL: connectionString,
    },
  });
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      if (line.startsWith('http://')) resolve(line);
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`PostGraphile ended (${code})`)));
  });
  return {
    words: `PostGraphile ${packages.postgraphile} on Node ${packages[nodePackage]}`,
    url,
    stop: () => endOf(child, 'SIGKILL'),
  };
}

/** @returns the folder where the packages are */
async function installed(): Promise<string> {
  const dir = join(tmpdir(), 'bucketql-bench-peers');
  const wanted = JSON.stringify({ private: true, type: 'module', dependencies: packages }, null, 2);
  const done = join(dir, 'installed.json');
  if ((await readFile(done, 'utf8').catch(() => '')) === wanted) return dir;
  console.log('installing PostGraphile');
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'package.json'), wanted);
  // Packages are installed by one Node to be run by another.
  const options = ['--engine-strict=false', '--no-audit', '--no-fund', '--no-package-lock'];
  await run('npm', ['install', ...options], { cwd: dir }).catch((error: unknown) => {
    throw new NotHere(`PostGraphile could not be installed: ${reasonOf(error)}`);
  });
  await writeFile(done, wanted);
  return dir;
}
