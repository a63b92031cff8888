import { changedObject } from './changed-object.js';
import type { Experiment } from './experiment.js';
import { diskFull } from './disk-full.js';
import { hostileFiles } from './hostile-files.js';
import { importKill } from './import-kill.js';
import { s3Faults } from './s3-faults.js';
import { writebackKill } from './writeback-kill.js';

/** Every experiment. A new one is a file and a row here. */
export const experiments: readonly Experiment[] = [
  importKill,
  writebackKill,
  s3Faults,
  changedObject,
  hostileFiles,
  diskFull,
];
