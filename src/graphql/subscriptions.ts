import {
  createSourceEventStream,
  execute,
  getOperationAST,
  getVariableValues,
  GraphQLError,
  OperationTypeNode,
  validate,
  type DocumentNode,
  type ExecutionArgs,
  type FormattedExecutionResult,
  type GraphQLFormattedError,
} from 'graphql';
import { AppError, isAppError, messageOf } from '../errors.js';
import type { Log } from '../log.js';
import type { Admission } from './admission.js';
import type { AskedOperation } from './allow-list.js';
import { maxValidationErrors } from './bounds.js';
import type { Context } from './context.js';
import { errorFormatter } from './errors.js';
import { withoutPrototypes } from './execute.js';
import type { LiveSchema } from './live-schema.js';
import { sentSecrets } from './sent-secrets.js';

/** What a client sends to subscribe: the same members as a request over HTTP. */
export interface SubscriptionRequest extends AskedOperation {
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
}

/** The results of a subscription, made one by one as they are asked for. `return` ends it at any moment. */
export interface Results extends AsyncIterableIterator<FormattedExecutionResult> {
  return(): Promise<IteratorResult<FormattedExecutionResult>>;
}

/** What a request to subscribe came to. */
export type Subscribed =
  | { readonly kind: 'results'; readonly operation: ExecutionArgs; readonly results: Results }
  | { readonly kind: 'refused'; readonly errors: readonly GraphQLError[] };

/** Makes the context of a request whose client is gone when the signal is aborted. */
export type ContextFor = (signal: AbortSignal) => Context;

/** Runs subscriptions, whatever they arrive over. */
export class Subscriptions {
  readonly #schema: LiveSchema;
  readonly #admission: Admission;
  readonly #log: Log;
  readonly #limit: number;
  #open = 0;

  constructor(options: {
    readonly schema: LiveSchema;
    readonly admission: Admission;
    readonly log: Log;
    /** Most subscriptions at a time. */
    readonly limit: number;
  }) {
    this.#schema = options.schema;
    this.#admission = options.admission;
    this.#log = options.log;
    this.#limit = options.limit;
  }

  /** Begins a subscription. Other operations are refused: they have HTTP, which streams their rows as they are. */
  async subscribe(request: SubscriptionRequest, contextFor: ContextFor): Promise<Subscribed> {
    const prepared = this.#prepare(request);
    if ('errors' in prepared) return { kind: 'refused', errors: prepared.errors };
    if (this.#open >= this.#limit) return refused(tooMany(this.#limit));
    const gone = new AbortController();
    this.#open++;
    const end = () => {
      if (gone.signal.aborted) return;
      this.#open--;
      gone.abort();
    };
    try {
      const events = await createSourceEventStream({
        ...prepared.operation,
        contextValue: contextFor(gone.signal),
      });
      if (!(Symbol.asyncIterator in events)) {
        end();
        return { kind: 'refused', errors: events.errors ?? [] };
      }
      const { operation } = prepared;
      const results = this.#results(events, operation, request, () => contextFor(gone.signal));
      return { kind: 'results', operation, results: endable(results, end) };
    } catch (error) {
      end();
      throw error;
    }
  }

  /** What clients see of errors, without the secrets that the request itself sent. */
  format(
    errors: readonly GraphQLError[],
    request: SubscriptionRequest,
  ): readonly GraphQLFormattedError[] {
    const formatted = errorFormatter(this.#log, () => sentSecrets({ body: request }));
    return errors.map((error) => {
      const { extensions, ...plain } = error.toJSON();
      return formatted(
        { ...plain, extensions: { code: 'INTERNAL_SERVER_ERROR', ...extensions } },
        error,
      );
    });
  }

  // Checked against the schema as it is now, run on the part of it that stays.
  #prepare(
    request: SubscriptionRequest,
  ): { operation: ExecutionArgs } | { errors: readonly GraphQLError[] } {
    let document: DocumentNode;
    try {
      document = this.#admission.parse(request);
    } catch (error) {
      if (isAppError(error)) return refused(error);
      return { errors: withCode([asGraphQLError(error)], 'GRAPHQL_PARSE_FAILED') };
    }
    const { operationName = null } = request;
    const operation = getOperationAST(document, operationName);
    if (!operation) {
      const message =
        operationName === null
          ? 'The document needs exactly one operation, or an operationName'
          : `The document has no operation ${operationName}`;
      return { errors: withCode([new GraphQLError(message)], 'OPERATION_RESOLUTION_FAILURE') };
    }
    if (operation.operation !== OperationTypeNode.SUBSCRIPTION) {
      return refused(
        new AppError(
          'UNSUPPORTED',
          `A ${operation.operation} cannot be sent over WebSocket or as an event stream; POST it to /graphql`,
        ),
      );
    }
    const invalid = validate(this.#schema.current.api, document, undefined, {
      maxErrors: maxValidationErrors,
    });
    if (invalid.length > 0) return { errors: withCode(invalid, 'GRAPHQL_VALIDATION_FAILED') };
    const schema = this.#schema.management;
    const variableValues = withoutPrototypes(request.variables);
    const { errors } = getVariableValues(
      schema,
      operation.variableDefinitions ?? [],
      variableValues,
    );
    if (errors) return { errors: withCode(errors, 'BAD_USER_INPUT') };
    try {
      this.#admission.checkCost(schema, document, operation, variableValues);
    } catch (error) {
      if (isAppError(error)) return refused(error);
      throw error;
    }
    return { operation: { schema, document, operationName, variableValues } };
  }

  async *#results(
    events: AsyncIterable<unknown>,
    operation: ExecutionArgs,
    request: SubscriptionRequest,
    context: () => Context,
  ): AsyncGenerator<FormattedExecutionResult, void> {
    try {
      for await (const rootValue of events) {
        // A context for each event: its loaders must not remember what the one before has read.
        const result = await execute({ ...operation, rootValue, contextValue: context() });
        const { errors, ...rest } = result;
        yield errors ? { ...rest, errors: this.format(errors, request) } : rest;
      }
    } catch (error) {
      yield { errors: this.format([asGraphQLError(error)], request) };
    }
  }
}

/** `return` of a generator waits for what the generator is waiting for, so that has to end first. */
function endable(
  results: AsyncGenerator<FormattedExecutionResult, void>,
  end: () => void,
): Results {
  return {
    async next() {
      const result = await results.next();
      if (result.done) end();
      return result;
    },
    async return() {
      end();
      await results.return();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

const tooMany = (limit: number) =>
  new AppError(
    'TOO_MANY_SUBSCRIPTIONS',
    `There are ${limit} subscriptions already; end some, or raise BUCKETQL_MAX_SUBSCRIPTIONS`,
    { details: { limit } },
  );

/** A refusal with one of our own errors. */
export function refused(error: AppError): Subscribed & { kind: 'refused' } {
  return { kind: 'refused', errors: [asGraphQLError(error)] };
}

// By shape: an error of native code need not be an instance of this realm's Error.
const asGraphQLError = (error: unknown): GraphQLError =>
  error instanceof GraphQLError
    ? error
    : new GraphQLError(messageOf(error), { originalError: error as Error });

function withCode(errors: readonly GraphQLError[], code: string): readonly GraphQLError[] {
  for (const { extensions } of errors) extensions.code ??= code;
  return errors;
}
