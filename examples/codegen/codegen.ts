import type { CodegenConfig } from '@graphql-codegen/cli';
import { headers, url } from './service.js';

const config: CodegenConfig = {
  schema: [{ [url]: { headers } }],
  documents: ['*.graphql'],
  importExtension: '.js',
  generates: {
    'generated/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        // Exact values are strings, as they come: a JavaScript number would round them.
        scalars: {
          BigInt: 'string',
          Decimal: 'string',
          Date: 'string',
          Time: 'string',
          DateTime: 'string',
          LocalDateTime: 'string',
          JSON: 'unknown',
        },
        // A scalar that is not in this list is an error, and not "any".
        strictScalars: true,
        // The text of a query is all that is sent, so nothing has to be loaded to run it.
        documentMode: 'string',
        enumsAsTypes: true,
        useTypeImports: true,
      },
    },
  },
};

// The tool reads its configuration from here.
export default config;
