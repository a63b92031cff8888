import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { printedSchemas } from '../../src/graphql/printed.js';

describe('schema/', () => {
  it.each(Object.entries(printedSchemas()))(
    '%s is what the service serves (npm run schema writes it again)',
    (name, text) => {
      expect(readFileSync(join(__dirname, '../../schema', name), 'utf8')).toBe(text);
    },
  );
});
