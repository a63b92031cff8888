import { execFile } from 'node:child_process';
import { access, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** What the comparison needs cannot be had on this machine. */
export class NotHere extends Error {
  override readonly name = 'NotHere';
}

/** What a program that failed said of its errors, or why it could not be run. */
export function reasonOf(failure: unknown): string {
  const { stderr = '', message } = failure as { stderr?: string; message: string };
  const errors = stderr.split('\n').filter((line) => /^(E:|npm error)/.test(line));
  return errors.length === 0 ? message : errors.slice(0, 3).join('; ');
}

const home = '/usr/lib/postgresql';
const run = promisify(execFile);

/**
 * Finds PostgreSQL as Debian installs it, and has it installed where that is possible.
 * @returns the folder of its programs
 * @throws NotHere
 */
export async function postgresPrograms(): Promise<string> {
  const found = await newest();
  if (found !== undefined) return found;
  await install();
  const installed = await newest();
  if (installed === undefined) throw new NotHere(`${home} is empty although it was installed`);
  return installed;
}

async function newest(): Promise<string | undefined> {
  const majors = (await readdir(home).catch(() => []))
    .map(Number)
    .filter(Number.isInteger)
    .sort((a, b) => b - a);
  for (const major of majors) {
    const programs = join(home, String(major), 'bin');
    const needed = ['initdb', 'postgres', 'psql'].map((name) => access(join(programs, name)));
    const there = await Promise.all(needed).then(
      () => true,
      () => false,
    );
    if (there) return programs;
  }
  return undefined;
}

async function install(): Promise<void> {
  const byHand = 'On Debian: sudo apt-get install --no-install-recommends postgresql';
  if (process.getuid?.() !== 0) throw new NotHere(`PostgreSQL is not installed. ${byHand}`);
  await run('apt-get', ['--version']).catch(() => {
    throw new NotHere(`PostgreSQL is not installed and there is no apt-get. ${byHand}`);
  });
  console.log('installing postgresql');
  // Else the package would make and start a server of its own, which nobody here asked for.
  const folder = '/etc/postgresql-common/createcluster.d';
  const noServer = join(folder, 'bucketql-bench.conf');
  try {
    await apt('update');
    await apt('install', 'postgresql-common');
    await mkdir(folder, { recursive: true });
    await writeFile(noServer, 'create_main_cluster = false\n');
    await apt('install', 'postgresql');
  } catch (error) {
    throw new NotHere(`PostgreSQL could not be installed: ${reasonOf(error)}`);
  } finally {
    await rm(noServer, { force: true });
  }
}

async function apt(command: string, ...packages: readonly string[]): Promise<void> {
  const options = command === 'install' ? ['-y', '--no-install-recommends'] : [];
  await run('apt-get', [command, ...options, ...packages], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    maxBuffer: 2 ** 26,
  });
}
