import { readFile, writeFile } from 'node:fs/promises';

/** Makes a process's peak memory start again from what it holds now. Does nothing where there is no /proc. */
export async function resetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5').catch(() => undefined);
}

/** Most memory in MB that a process held since it started or its peak was reset; null where there is no /proc. */
export async function peakMB(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return kilobytes === undefined ? null : Math.round(Number(kilobytes) / 1024);
}
