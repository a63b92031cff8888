import { expect, it } from '@jest/globals';
import { engineError } from '../../src/engine/duckdb-errors.js';

// As DuckDB 1.5.6 says it.
const commit = 'TransactionContext Error: Failed to commit: ';
const about = 'Possible solutions:\n* Reducing the number of threads (SET threads=X)';

it.each([
  `Out of Memory Error: failed to allocate data of size 32.0 MiB (58.1 MiB/61.0 MiB used)\n\n${about}`,
  `${commit}failed to pin block of size 256.0 KiB (258.3 MiB/258.4 MiB used)\n\n${about}`,
  `${commit}could not allocate block of size 256.0 KiB (258.3 MiB/258.4 MiB used)\n\n${about}`,
])('knows a want of memory by its words: %j', (message) => {
  expect(engineError(new Error(message))).toMatchObject({ code: 'OUT_OF_MEMORY' });
});

it.each([
  `${commit}Constraint Error: duplicate key "(1 MiB/2 MiB)"`,
  'Conversion Error: Could not convert string "Out of Memory Error (1.0 MiB/2.0 MiB used)" to INT32',
])('takes no other error for one: %j', (message) => {
  expect(engineError(new Error(message))).not.toHaveProperty('code');
});
