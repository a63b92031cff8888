import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkParquet } from '../../src/formats/parquet/check.js';
import { defaultFormatLimits, type FormatLimits } from '../../src/limits.js';

/** What the check of a Parquet file with these bytes says; its origin is drop/a.parquet. */
export async function checkBytes(
  bytes: Buffer,
  limits: Partial<FormatLimits> = {},
): ReturnType<typeof checkParquet> {
  const folder = await mkdtemp(join(tmpdir(), 'parquet-'));
  try {
    const path = join(folder, 'a.parquet');
    await writeFile(path, bytes);
    const all = { ...defaultFormatLimits, ...limits };
    return await checkParquet({ path, origin: 'drop/a.parquet' }, all);
  } finally {
    await rm(folder, { recursive: true });
  }
}
