import {
  assertValidSchema,
  execute,
  getNamedType,
  getOperationAST,
  GraphQLError,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLScalarType,
  isNonNullType,
  Kind,
  OperationTypeNode,
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
  type DocumentNode,
  type ExecutionResult,
  type FragmentDefinitionNode,
  type GraphQLFieldConfig,
  type GraphQLFieldConfigMap,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  type SelectionSetNode,
} from 'graphql';
import { AppError } from '../errors.js';

/**
 * The schema that operations run against once they are validated against the public one. It differs in the Query type
 * alone: there a generated field is a leaf, so that graphql-js passes its answer on as it is (the field reads its
 * sub-selection itself) and still does everything else the specification asks for: collecting fields, coercing
 * arguments, locating errors, carrying nulls up. Introspection answers from the public schema.
 */
export function buildExecutionSchema(
  publicSchema: GraphQLSchema,
  generatedQueryFields: ReadonlySet<string>,
): GraphQLSchema {
  // Once here rather than once for each of the two: the verdict is kept on the public schema.
  assertValidSchema(publicSchema);
  const publicQuery = publicSchema.getQueryType();
  if (!publicQuery) throw new TypeError('The schema has no Query type');
  const { fields, ...config } = publicQuery.toConfig();
  const executedQuery = new GraphQLObjectType<unknown, unknown>({
    ...config,
    fields: { ...executedFields(fields, generatedQueryFields), ...introspection(publicSchema) },
  });
  // getQueryType stays the public one: graphql-js answers __schema and __type itself where it finds them on that type,
  // and then it would show the schema it executes. getType must know the executed one, or fragments on Query match nothing.
  return Object.create(publicSchema, {
    getRootType: {
      value: (operation: OperationTypeNode) =>
        operation === OperationTypeNode.QUERY ? executedQuery : publicSchema.getRootType(operation),
    },
    getType: {
      value: (name: string) =>
        name === publicQuery.name ? executedQuery : publicSchema.getType(name),
    },
  }) as GraphQLSchema;
}

/** A validated operation. */
export interface Operation {
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  /** As the request's JSON has them. */
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  /** What resolvers find as their context. */
  readonly context: unknown;
}

/** Executes an operation on a schema of {@link buildExecutionSchema}; `splice` writes its result. */
export async function executeOperation(
  executionSchema: GraphQLSchema,
  { document, operationName, variables, context }: Operation,
): Promise<ExecutionResult> {
  if (getOperationAST(document, operationName)?.operation === OperationTypeNode.SUBSCRIPTION) {
    const originalError = new AppError(
      'UNSUPPORTED',
      'A subscription has many answers; send it over WebSocket (graphql-transport-ws), or with accept: text/event-stream',
    );
    return { errors: [new GraphQLError(originalError.message, { originalError })] };
  }
  return execute({
    schema: executionSchema,
    document,
    contextValue: context,
    operationName: operationName ?? null,
    variableValues: withoutPrototypes(variables),
  });
}

/**
 * Variables whose objects inherit nothing. graphql-js reads the members of an input object by name, inherited ones too, and
 * a file may well have a column `constructor`: any filter in a variable would then fail on a member nobody sent.
 */
export function withoutPrototypes(variables: Operation['variables']): Record<string, unknown> {
  return bare(variables ?? {}) as Record<string, unknown>;
}

function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.create(null) as Record<string, unknown>;
  for (const [name, member] of Object.entries(value)) members[name] = bare(member);
  return members;
}

const opaque = new GraphQLScalarType<unknown, unknown>({
  name: 'OpaqueAnswer',
  description: 'The answer of a generated field, which brings its own JSON.',
  serialize: (value) => value,
});

/** Whether an operation asks generated fields alone: its answer then depends on tables and on nothing else. */
export function readsTablesOnly(
  executionSchema: GraphQLSchema,
  { document, operationName }: Pick<Operation, 'document' | 'operationName'>,
): boolean {
  const operation = getOperationAST(document, operationName);
  if (operation?.operation !== OperationTypeNode.QUERY) return false;
  const fields = executionSchema.getRootType(OperationTypeNode.QUERY)?.getFields() ?? {};
  const fragments = new Set<string>();
  const onlyTables = ({ selections }: SelectionSetNode): boolean =>
    selections.every((selection) => {
      switch (selection.kind) {
        case Kind.FIELD:
          return (
            selection.name.value === '__typename' ||
            getNamedType(fields[selection.name.value]?.type) === opaque
          );
        case Kind.INLINE_FRAGMENT:
          return onlyTables(selection.selectionSet);
        case Kind.FRAGMENT_SPREAD: {
          const name = selection.name.value;
          if (fragments.has(name)) return true;
          fragments.add(name);
          const fragment = document.definitions.find(
            (one) => one.kind === Kind.FRAGMENT_DEFINITION && one.name.value === name,
          ) as FragmentDefinitionNode | undefined;
          return fragment !== undefined && onlyTables(fragment.selectionSet);
        }
      }
    });
  return onlyTables(operation.selectionSet);
}

function executedFields(
  fields: GraphQLFieldConfigMap<unknown, unknown>,
  generated: ReadonlySet<string>,
): GraphQLFieldConfigMap<unknown, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [
      name,
      generated.has(name) ? { ...field, type: asLeaf(field.type) } : field,
    ]),
  );
}

function asLeaf(type: GraphQLOutputType): GraphQLOutputType {
  return isNonNullType(type) ? new GraphQLNonNull(opaque) : opaque;
}

function introspection(publicSchema: GraphQLSchema): GraphQLFieldConfigMap<unknown, unknown> {
  return Object.fromEntries(
    [SchemaMetaFieldDef, TypeMetaFieldDef].map((meta) => {
      const { name, type, args, resolve } = meta;
      const field: GraphQLFieldConfig<unknown, unknown, Record<string, unknown>> = {
        type,
        args: Object.fromEntries(args.map((arg) => [arg.name, { type: arg.type }])),
        resolve: (source, values, context, info: GraphQLResolveInfo) =>
          resolve?.(source, values, context, { ...info, schema: publicSchema }),
      };
      return [name, field];
    }),
  );
}
