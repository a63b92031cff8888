// npm run schema: writes the SDL of every service beside this file. A test says when it is out of date.
// npm run schema -- --url URL [--token TOKEN]: prints the SDL of one that runs, its datasets included.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  buildClientSchema,
  getIntrospectionQuery,
  lexicographicSortSchema,
  printSchema,
} from 'graphql';

const { values } = parseArgs({ options: { url: { type: 'string' }, token: { type: 'string' } } });
if (values.url === undefined) {
  const { printedSchemas } = await import('../dist/graphql/printed.js');
  for (const [name, text] of Object.entries(printedSchemas())) {
    writeFileSync(join(import.meta.dirname, name), text);
    console.log(`schema/${name}: ${text.split('\n').length} lines`);
  }
} else {
  try {
    const schema = buildClientSchema(await introspect(values.url, values.token));
    process.stdout.write(`${printSchema(lexicographicSortSchema(schema))}\n`);
  } catch (error) {
    console.error(`${values.url}: ${error.cause?.message ?? error.message}`);
    process.exitCode = 1;
  }
}

async function introspect(url, token) {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({
      query: getIntrospectionQuery({
        specifiedByUrl: true,
        directiveIsRepeatable: true,
        inputValueDeprecation: true,
        oneOf: true,
      }),
    }),
  });
  const { data, errors } = await response.json().catch(() => ({}));
  if (!data) throw new Error(errors?.[0]?.message ?? `HTTP ${response.status}, and no GraphQL`);
  return data;
}
