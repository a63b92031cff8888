import base from '../../jest.config.mjs';

/** @type {import('jest').Config} */
export default {
  ...base,
  rootDir: '../..',
  roots: ['<rootDir>/test/real'],
  testPathIgnorePatterns: ['/node_modules/'],
  // One gateway for all: the tests take turns.
  maxWorkers: 1,
  testTimeout: 60_000,
};
