import {
  GraphQLInputObjectType,
  GraphQLObjectType,
  GraphQLSchema,
  type GraphQLFieldConfigMap,
  type GraphQLNamedType,
} from 'graphql';
import { buildExecutionSchema } from './execute.js';
import { collisions, takenNames, type Collision, type TakenNames } from './names.js';
import { tableFields } from './tables/fields.js';
import { sharedTypes, type SharedTypes } from './tables/shared.js';
import { tablesOf } from './tables/table.js';
import type { TableDataset } from './tables/types.js';

/** One state of the API: what clients see, and what their operations run on. */
export interface PublishedSchema {
  readonly api: GraphQLSchema;
  readonly execution: GraphQLSchema;
}

/** The schema that follows the datasets: management fields as they are, and the fields of each dataset with columns. */
export class LiveSchema {
  /** What does not depend on the datasets. All subscriptions are in it, so they outlive every change. */
  readonly management: GraphQLSchema;
  readonly #shared: SharedTypes;
  readonly #taken: TakenNames;
  readonly #listeners = new Set<(schema: PublishedSchema) => void>();
  #current: PublishedSchema;

  constructor(management: GraphQLSchema) {
    this.management = management;
    this.#shared = sharedTypes({
      destinationInput: namedType(management, 'DestinationInput', GraphQLInputObjectType),
      writebackRun: namedType(management, 'WritebackRun', GraphQLObjectType),
    });
    this.#taken = takenNames(management);
    this.#current = this.#build([]);
  }

  get current(): PublishedSchema {
    return this.#current;
  }

  /** Builds the schema for these datasets and tells all listeners before it returns. */
  publish(datasets: readonly TableDataset[]): void {
    this.#current = this.#build(datasets);
    for (const listener of this.#listeners) listener(this.#current);
  }

  /** @returns what stops the listener */
  subscribe(listener: (schema: PublishedSchema) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What keeps a dataset's name from being used. */
  collisions(name: string, others: readonly string[]): Collision[] {
    return collisions(name, others, this.#taken);
  }

  #build(datasets: readonly TableDataset[]): PublishedSchema {
    const query: GraphQLFieldConfigMap<unknown, unknown> = {};
    const mutation: GraphQLFieldConfigMap<unknown, unknown> = {};
    const tables = tablesOf(datasets, this.#shared);
    for (const dataset of datasets) {
      const fields = tableFields(dataset, this.#shared, tables);
      Object.assign(query, fields.query);
      Object.assign(mutation, fields.mutation);
    }
    const config = this.management.toConfig();
    const api = new GraphQLSchema({
      ...config,
      query: withFields(config.query, query),
      mutation: withFields(config.mutation, mutation),
      // Root types are replaced; the rest is found through their fields and this list.
      types: config.types.filter((type) => type !== config.query && type !== config.mutation),
    });
    return { api, execution: buildExecutionSchema(api, new Set(Object.keys(query))) };
  }
}

function withFields(
  root: GraphQLObjectType | null | undefined,
  fields: GraphQLFieldConfigMap<unknown, unknown>,
): GraphQLObjectType {
  if (!root) throw new TypeError('The management schema lacks a root type');
  const config = root.toConfig();
  return new GraphQLObjectType({ ...config, fields: { ...config.fields, ...fields } });
}

function namedType<T extends GraphQLNamedType>(
  schema: GraphQLSchema,
  name: string,
  kind: abstract new (...args: never[]) => T,
): T {
  const type = schema.getType(name);
  if (!(type instanceof kind)) throw new TypeError(`The management schema lacks ${name}`);
  return type;
}
