import { compilation } from './test/support/compilation.mjs';

const compiler = ['@swc/jest', { ...compilation, module: { type: 'commonjs' } }];

/** @type {import('jest').Config} */
export default {
  globalSetup: '<rootDir>/test/support/compile-worker.mjs',
  globalTeardown: '<rootDir>/test/support/remove-worker.mjs',
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/real/'],
  // Sources import './x.js' as Node wants it; Jest compiles the .ts beside it.
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': compiler,
    '^.+/zstddec/.+\\.mjs$': compiler,
    '^.+/@hpcc-js/wasm-zstd/.+\\.js$': compiler,
  },
  // They ship modules only, and Jest loads everything as CommonJS.
  transformIgnorePatterns: ['/node_modules/(?!(zstddec|@hpcc-js/wasm-zstd)/)'],
  testTimeout: 30_000,
  maxWorkers: 2,
};
