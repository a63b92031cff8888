// npm run schema: writes the SDL of the service beside this file. A test says when it is out of date.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { printedSchemas } from '../dist/graphql/printed.js';

for (const [name, text] of Object.entries(printedSchemas())) {
  writeFileSync(join(import.meta.dirname, name), text);
  console.log(`schema/${name}: ${text.split('\n').length} lines`);
}
