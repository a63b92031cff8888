import { AsyncLocalStorage } from 'node:async_hooks';
import { ApolloServer } from '@apollo/server';
import type {
  GatewayExecutionResult,
  GatewayExecutor,
  GatewayInterface,
} from '@apollo/server-gateway-interface';
import type { Log } from '../log.js';
import type { Context } from './context.js';
import { errorFormatter } from './errors.js';
import { executeOperation } from './execute.js';
import type { LiveSchema } from './live-schema.js';
import { sentSecrets, type SentRequest } from './sent-secrets.js';
import { splice } from './tables/raw-json.js';

/** One HTTP exchange, for what Apollo does not pass on. */
export interface Exchange {
  readonly request: SentRequest;
  /** The body of the answer: Apollo hands results on as strings, and ours are bytes. */
  chunks?: Uint8Array[];
}

/** The exchange that is being served. */
export const exchange = new AsyncLocalStorage<Exchange>();

/** Apollo over the live schema. Its results are put into the {@link exchange}, and its own strings stay empty. */
export function apolloServer(schema: LiveSchema, log: Log): ApolloServer<Context> {
  return new ApolloServer<Context>({
    gateway: liveGateway(schema),
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

// Apollo takes a new schema without a restart only from a gateway; this one has no subgraphs and runs operations here.
function liveGateway(schema: LiveSchema): GatewayInterface {
  const executor: GatewayExecutor = async ({ document, request, context, operationName }) =>
    (await executeOperation(schema.current.execution, {
      document,
      operationName,
      variables: request.variables,
      context,
    })) as GatewayExecutionResult;
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
