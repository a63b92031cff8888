import 'reflect-metadata';
import type { GraphQLSchema } from 'graphql';
import { buildSchemaSync } from 'type-graphql';
import { ConnectionResolver } from './connections.js';
import { DatasetResolver } from './datasets.js';
import { DestinationInput } from './destination.js';
import { ObjectResolver } from './objects.js';
import { PreviewResolver } from './preview.js';
import { ImportRunResolver, WritebackRunResolver } from './runs.js';

/** The schema of everything whose shape does not come from a dataset's columns. */
export function buildManagementSchema(): GraphQLSchema {
  const schema = buildSchemaSync({
    resolvers: [
      ConnectionResolver,
      ObjectResolver,
      DatasetResolver,
      PreviewResolver,
      ImportRunResolver,
      WritebackRunResolver,
    ],
    // Used by the generated fields only.
    orphanedTypes: [DestinationInput],
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
  Query: 'Connections, datasets and runs, and the rows of each dataset.',
  Mutation: 'Changes to connections and datasets, imports, and writebacks of each dataset.',
  Subscription: 'Runs and datasets, as they change.',
};

function noTopics(): never {
  throw new TypeError('A subscription lacks its subscribe function');
}
