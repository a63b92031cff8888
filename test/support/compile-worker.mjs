import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from '@swc/core';
import { compilation } from './compilation.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Jest compiles what its own threads import; a thread that the service starts needs files. So the sources that the
 * thread reading JSON, XML and spreadsheets can reach are compiled once before all tests.
 */
export default async function compileWorker() {
  const source = join(root, 'src');
  // A folder of its own, so that two runs at a time do not meet.
  const target = join(root, `node_modules/.cache/bucketql-row-worker-${process.pid}`);
  process.env.ROW_WORKER_DIR = target;
  await mkdir(target, { recursive: true });
  await writeFile(join(target, 'package.json'), '{"type":"module"}');
  const names = await readdir(source, { recursive: true });
  const wanted = names.filter((name) =>
    /^([^/]+|(formats|engine|pipeline|zip)\/.+)\.ts$/.test(name),
  );
  await Promise.all(
    wanted.map(async (name) => {
      const filename = join(source, name);
      const text = await readFile(filename, 'utf8');
      const { code } = await transform(text, { ...compilation, filename, module: { type: 'es6' } });
      const path = join(target, relative(source, filename)).replace(/ts$/, 'js');
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, code);
    }),
  );
}
