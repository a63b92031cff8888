import { availableParallelism, totalmem } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import { allowance, cgroupLimits, engineShare } from '../src/container.js';

const unlimitedV1 = '9223372036854771712\n';
const gib = 2 ** 30;

type Files = Readonly<Record<string, string>>;

const limitsOf = (files: Files) => cgroupLimits((path) => files[path]);

describe('what control groups grant', () => {
  it.each<[what: string, files: Files, granted: object]>([
    ['nothing where there are no groups', {}, {}],
    [
      'version 2 inside a container, whose group is the root',
      {
        '/proc/self/cgroup': '0::/\n',
        '/sys/fs/cgroup/memory.max': '1073741824\n',
        '/sys/fs/cgroup/cpu.max': '150000 100000\n',
      },
      { memoryBytes: gib, cpus: 1.5 },
    ],
    [
      'version 2 without limits',
      {
        '/proc/self/cgroup': '0::/user.slice\n',
        '/sys/fs/cgroup/user.slice/memory.max': 'max\n',
        '/sys/fs/cgroup/user.slice/cpu.max': 'max 100000\n',
      },
      {},
    ],
    [
      'version 2 where a group above has less',
      {
        '/proc/self/cgroup': '0::/pod/box\n',
        '/sys/fs/cgroup/pod/box/memory.max': String(4 * gib),
        '/sys/fs/cgroup/pod/box/cpu.max': '400000 100000\n',
        '/sys/fs/cgroup/pod/memory.max': String(2 * gib),
        '/sys/fs/cgroup/pod/cpu.max': '50000 100000\n',
      },
      { memoryBytes: 2 * gib, cpus: 0.5 },
    ],
    [
      'version 1 on the host',
      {
        '/proc/self/cgroup': '3:cpu,cpuacct:/box\n2:memory:/box\n1:pids:/box\n0::/\n',
        '/sys/fs/cgroup/memory/box/memory.limit_in_bytes': '536870912\n',
        '/sys/fs/cgroup/memory/memory.limit_in_bytes': unlimitedV1,
        '/sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us': '200000\n',
        '/sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us': '100000\n',
        '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '-1\n',
        '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
      },
      { memoryBytes: gib / 2, cpus: 2 },
    ],
    [
      'version 1 inside a container, where the path leads nowhere',
      {
        '/proc/self/cgroup': '4:memory:/docker/0123abc\n1:cpu:/docker/0123abc\n',
        '/sys/fs/cgroup/memory/memory.limit_in_bytes': '268435456\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      },
      { memoryBytes: gib / 4 },
    ],
    [
      'nothing where files hold something else',
      {
        '/proc/self/cgroup': 'what is this?\n0::/../..\n',
        '/sys/fs/cgroup/memory.max': 'lots',
        '/sys/fs/cgroup/cpu.max': '',
      },
      {},
    ],
  ])('is %s', (_what, files, granted) => {
    expect(limitsOf(files)).toEqual(granted);
  });

  it('is never more than the machine has', () => {
    const { memoryBytes, cpus } = allowance();
    expect(memoryBytes).toBeGreaterThan(0);
    expect(memoryBytes).toBeLessThanOrEqual(totalmem());
    expect(cpus).toBeGreaterThan(0);
    expect(cpus).toBeLessThanOrEqual(availableParallelism());
  });
});

describe('the share of the engine', () => {
  const nothingWanted = { threads: undefined, memoryLimit: undefined };
  const mib = 2 ** 20;

  it.each([
    [256, 102],
    [512, 204],
    [1024, 409],
    [2048, 1158],
    [16 * 1024, 12_627],
  ])('of %d MiB is %d MiB', (all, engine) => {
    const { memoryBytes } = engineShare(nothingWanted, { memoryBytes: all * mib, cpus: 2 });
    expect(Math.floor(memoryBytes / mib)).toBe(engine);
  });

  it.each([
    [0.5, 1],
    [1, 1],
    [2.5, 2],
    [16, 16],
  ])('of %d CPUs is %d threads', (cpus, threads) => {
    expect(engineShare(nothingWanted, { memoryBytes: gib, cpus })).toMatchObject({ threads });
  });

  it('is what the settings say', () => {
    const wanted = { threads: 3, memoryLimit: 100 * mib };
    expect(engineShare(wanted, { memoryBytes: gib, cpus: 2 })).toEqual({
      threads: 3,
      memoryBytes: 100 * mib,
    });
  });

  it('is refused when it is more than all', () => {
    const wanted = { threads: undefined, memoryLimit: 2 * gib };
    const refused = () => engineShare(wanted, { memoryBytes: gib, cpus: 2 });
    expect(refused).toThrow(
      expect.objectContaining({
        code: 'INVALID_INPUT',
        message: expect.stringMatching(/BUCKETQL_MEMORY_LIMIT is 2048 MiB.* 1024 MiB/),
      }),
    );
  });
});
