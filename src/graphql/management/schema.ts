import 'reflect-metadata';
import type { GraphQLSchema } from 'graphql';
import { buildSchemaSync } from 'type-graphql';
import { ConnectionResolver } from './connections.js';
import { DatasetResolver } from './datasets.js';
import { ObjectResolver } from './objects.js';
import { PreviewResolver } from './preview.js';
import { ImportRunResolver } from './runs.js';
import { WritebackRunResolver } from './writeback-runs.js';
import { WritebackResolver } from './writebacks.js';

/** The schema of everything whose shape does not come from a dataset's columns. */
export function buildManagementSchema(): GraphQLSchema {
  const schema = buildSchemaSync({
    resolvers: [
      ConnectionResolver,
      ObjectResolver,
      DatasetResolver,
      PreviewResolver,
      ImportRunResolver,
      WritebackResolver,
      WritebackRunResolver,
    ],
    // type-graphql insists on one, also where every subscription brings its own source.
    pubSub: { publish: noTopics, subscribe: noTopics },
    // Input is checked by zod where it is turned into definitions.
    validate: false,
  });
  // type-graphql has no place for what the root types are.
  for (const [name, description] of Object.entries(rootDescriptions)) {
    const root = schema.getType(name);
    if (root) root.description = description;
  }
  return schema;
}

const rootDescriptions = {
  Query: 'Connections, datasets, writebacks and runs, and the rows of each dataset.',
  Mutation:
    'Changes to connections, datasets and writebacks, imports, and writebacks of each dataset.',
  Subscription: 'Runs and datasets, as they change.',
};

function noTopics(): never {
  throw new TypeError('A subscription lacks its subscribe function');
}
