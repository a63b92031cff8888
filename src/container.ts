import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { AppError } from './errors.js';

/** What a process may use. */
export interface Allowance {
  readonly memoryBytes: number;
  /** Two and a half are possible. */
  readonly cpus: number;
}

/** What the engine is to use of it. */
export interface EngineShare {
  readonly threads: number;
  readonly memoryBytes: number;
}

/** Gives the text of a file; nothing when there is none that can be read. */
export type ReadText = (path: string) => string | undefined;

/** What this process may use: what its control groups grant, at most what the machine has. */
export function allowance(): Allowance {
  const granted = cgroupLimits(textOf);
  return {
    memoryBytes: Math.min(granted.memoryBytes ?? Infinity, totalmem()),
    cpus: Math.min(granted.cpus ?? Infinity, availableParallelism()),
  };
}

/**
 * What control groups grant (v2: memory.max, cpu.max; v1: memory.limit_in_bytes, cpu.cfs_quota_us), the least of a group
 * and those above it. Nothing is said of what they do not limit.
 */
export function cgroupLimits(read: ReadText): Partial<Allowance> {
  const memory: number[] = [];
  const cpus: number[] = [];
  for (const folder of groupFolders(read('/proc/self/cgroup') ?? '')) {
    const amount = (file: string) => amountOf(read(`${folder}/${file}`));
    const [quota, period] = (read(`${folder}/cpu.max`) ?? '').split(' ').map(amountOf);
    memory.push(amount('memory.max') ?? amount('memory.limit_in_bytes') ?? Infinity);
    cpus.push(share(quota, period));
    cpus.push(share(amount('cpu.cfs_quota_us'), amount('cpu.cfs_period_us')));
  }
  const memoryBytes = Math.min(...memory);
  const count = Math.min(...cpus);
  return {
    // Version 1 writes "no limit" as the greatest number of whole pages.
    ...(memoryBytes < 2 ** 60 ? { memoryBytes } : {}),
    ...(count < Infinity ? { cpus: count } : {}),
  };
}

/** Folders of the groups in /proc/self/cgroup (`ID:CONTROLLERS:PATH`) and of all above them, up to each root. */
function groupFolders(membership: string): string[] {
  const folders = new Set<string>();
  for (const line of membership.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    const unified = controllers === '';
    if (!unified && !/(^|,)(memory|cpu)(,|$)/.test(controllers)) continue;
    const root = unified ? '/sys/fs/cgroup' : `/sys/fs/cgroup/${controllers}`;
    // Inside a container the group is mounted as the root, and its path outside leads nowhere.
    const names = path.split('/').filter((name) => name !== '' && name !== '..');
    for (let depth = names.length; depth >= 0; depth--) {
      folders.add([root, ...names.slice(0, depth)].join('/'));
    }
  }
  return [...folders];
}

// "max" and -1 are no limits.
function amountOf(text: string | undefined): number | undefined {
  const amount = Number(text?.trim() || Number.NaN);
  return amount > 0 ? amount : undefined;
}

const share = (quota: number | undefined, period: number | undefined) =>
  quota === undefined || period === undefined ? Infinity : quota / period;

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

const mib = 2 ** 20;
const besideEngine = 600 * mib;
const leastForEngine = 64 * mib;

/**
 * Divides what there is: a thread for each whole CPU, and four fifths of the memory that is left when the process itself
 * has 600 MiB (at most half of all): Node, requests in flight and the threads that read JSON, XML and workbooks.
 *
 * @throws INVALID_INPUT for a setting that asks for more memory than there is
 */
export function engineShare(
  wanted: { readonly threads: number | undefined; readonly memoryLimit: number | undefined },
  { memoryBytes, cpus }: Allowance,
): EngineShare {
  const { threads = Math.max(1, Math.floor(cpus)), memoryLimit } = wanted;
  if (memoryLimit !== undefined && memoryLimit > memoryBytes) {
    throw new AppError(
      'INVALID_INPUT',
      `BUCKETQL_MEMORY_LIMIT is ${mibOf(memoryLimit)}, but this process may use ${mibOf(memoryBytes)} in all; set less, or give the container more`,
    );
  }
  const left = memoryBytes - Math.min(besideEngine, memoryBytes / 2);
  const memory = memoryLimit ?? Math.max(leastForEngine, Math.floor(left * 0.8));
  return { threads, memoryBytes: memory };
}

const mibOf = (bytes: number) => `${Math.floor(bytes / mib)} MiB`;
