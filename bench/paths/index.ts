import type { BenchPath } from '../harness/path.js';
import { concurrency } from './concurrency.js';
import { duringImport } from './during-import.js';
import { formats } from './formats.js';
import { imports } from './imports.js';
import { incremental } from './incremental.js';
import { queries } from './queries.js';
import { sorted } from './sorted.js';
import { writebacks } from './writebacks.js';

/** Every path of the benchmark, in the order in which they run. A new one is a row here or in its group's file. */
export const paths: readonly BenchPath[] = [
  ...imports,
  ...formats,
  ...incremental,
  ...queries,
  ...sorted,
  ...concurrency,
  ...duringImport,
  ...writebacks,
];
