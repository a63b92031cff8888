import { AsyncLocalStorage } from 'node:async_hooks';
import { ApolloServer, type ApolloServerPlugin } from '@apollo/server';
import type {
  GatewayExecutionResult,
  GatewayExecutor,
  GatewayInterface,
} from '@apollo/server-gateway-interface';
import { GraphQLError } from 'graphql';
import { isAppError, messageOf } from '../errors.js';
import type { Log } from '../log.js';
import type { Admission } from './admission.js';
import { maxValidationErrors } from './bounds.js';
import type { Context } from './context.js';
import { errorFormatter } from './errors.js';
import type { AnswerCache } from './answer-cache.js';
import { executeOperation, readsTablesOnly, type Operation } from './execute.js';
import { statusOf } from './http.js';
import type { LiveSchema } from './live-schema.js';
import { recentTexts } from './recent-texts.js';
import { sentSecrets, type SentRequest } from './sent-secrets.js';
import { splice } from './tables/raw-json.js';
import type { TableVersions } from './tables/reader.js';

/** One HTTP exchange, for what Apollo does not pass on. */
export interface Exchange {
  request: SentRequest;
  /** The body of the answer: Apollo hands results on as strings, and ours are bytes. */
  chunks?: Uint8Array[];
  /** Of an answer that is the same as long as tables are. */
  etag?: string;
}

/** The exchange that is being served. */
export const exchange = new AsyncLocalStorage<Exchange>();

/** Characters of the documents that clients registered for sending their hash only. */
const persistedCharacters = 16 * 2 ** 20;

/** What operations run on. */
export interface ApolloSettings {
  readonly schema: LiveSchema;
  readonly admission: Admission;
  readonly answers: AnswerCache;
  readonly versions: TableVersions;
  readonly log: Log;
}

/** Apollo over the live schema. Its results are put into the {@link exchange}, and its own strings stay empty. */
export function apolloServer(settings: ApolloSettings): ApolloServer<Context> {
  const { admission, log } = settings;
  return new ApolloServer<Context>({
    gateway: liveGateway(settings),
    plugins: [admissionPlugin(admission)],
    parseOptions: { maxTokens: admission.limits.maxQueryTokens },
    validationOptions: { maxErrors: maxValidationErrors },
    // Where a list says what may run, hashes are found in it before Apollo sees them.
    persistedQueries: admission.allowList ? false : { cache: persistedCache() },
    formatError: errorFormatter(log, () => sentSecrets(exchange.getStore()?.request ?? {})),
    includeStacktraceInErrorResponses: false,
    // Introspection is what BI tools live on; who may not see the API has no token.
    introspection: true,
    csrfPrevention: true,
    stopOnTerminationSignals: false,
    stringifyResult(result) {
      const current = exchange.getStore();
      if (!current) throw new TypeError('A result was made outside a request');
      current.chunks = splice(result);
      return '';
    },
    logger: {
      debug: (message) => log.debug({ from: 'apollo' }, String(message)),
      info: (message) => log.info({ from: 'apollo' }, String(message)),
      warn: (message) => log.warn({ from: 'apollo' }, String(message)),
      error: (message) => log.error({ from: 'apollo' }, String(message)),
    },
  });
}

/** An error of ours as Apollo takes it, with the status of the answer. */
export function refusalOf(error: unknown): Error {
  if (!isAppError(error)) return error instanceof Error ? error : new Error(messageOf(error));
  return new GraphQLError(error.message, {
    originalError: error,
    extensions: { http: { status: statusOf(error.code) } },
  });
}

// Apollo's own cache counts the characters of documents alone, and two million of the smallest fit into it.
function persistedCache() {
  const texts = recentTexts(persistedCharacters);
  return {
    get: (hash: string) => Promise.resolve(texts.get(hash)),
    set: (hash: string, document: string) => {
      texts.set(hash, document);
      return Promise.resolve();
    },
    delete: (hash: string) => Promise.resolve(texts.delete(hash)),
  };
}

function admissionPlugin(admission: Admission): ApolloServerPlugin<Context> {
  return {
    requestDidStart: () =>
      Promise.resolve({
        didResolveSource({ source, request: { variables } }) {
          // A request may have sent its hash only, and secrets are known by where the document puts them.
          const current = exchange.getStore();
          if (current) current.request = { body: { query: source, variables } };
          return Promise.resolve();
        },
        didResolveOperation({ schema, document, operation, request }) {
          try {
            if (operation) admission.checkCost(schema, document, operation, request.variables);
            return Promise.resolve();
          } catch (error) {
            return Promise.reject(refusalOf(error));
          }
        },
      }),
  };
}

// Apollo takes a new schema without a restart only from a gateway; this one has no subgraphs and runs operations here.
function liveGateway({ schema, answers, versions }: ApolloSettings): GatewayInterface {
  const executor: GatewayExecutor = async (request) => {
    const { document, operationName, queryHash, context } = request;
    const { variables } = request.request;
    const { execution } = schema.current;
    const operation: Operation = { document, operationName, variables, context };
    if (!readsTablesOnly(execution, operation)) {
      return (await executeOperation(execution, operation)) as GatewayExecutionResult;
    }
    const asked = {
      // Every principal reads all rows. Rules for some of them belong in here.
      key: JSON.stringify([queryHash, operationName, variables]),
      versionOf: (dataset: string) => versions.versionOf(dataset),
    };
    const { result, etag } = await answers.answer(asked, (reads) =>
      executeOperation(execution, { ...operation, context: { ...context, reads } }),
    );
    const current = exchange.getStore();
    if (current && etag !== undefined) current.etag = etag;
    // Apollo may write into it, and it is kept.
    return { ...result } as GatewayExecutionResult;
  };
  return {
    load: () => Promise.resolve({ executor }),
    onSchemaLoadOrUpdate(callback) {
      const tell = () => callback({ apiSchema: schema.current.api, coreSupergraphSdl: '' });
      tell();
      return schema.subscribe(tell);
    },
    stop: () => Promise.resolve(),
  };
}
