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
import { splice } from './tables/raw-json.js';

/** The body of the answer that is being made: Apollo hands results on as strings, and ours are bytes. */
export const responseBody = new AsyncLocalStorage<{ chunks?: Uint8Array[] }>();

/** Apollo over the live schema. Its results are put into {@link responseBody}, and its own strings stay empty. */
export function apolloServer(schema: LiveSchema, log: Log): ApolloServer<Context> {
  return new ApolloServer<Context>({
    gateway: liveGateway(schema),
    formatError: errorFormatter(log),
    includeStacktraceInErrorResponses: false,
    // Introspection is what BI tools live on; who may not see the API has no token.
    introspection: true,
    csrfPrevention: true,
    stopOnTerminationSignals: false,
    stringifyResult(result) {
      const body = responseBody.getStore();
      if (!body) throw new TypeError('A result was made outside a request');
      body.chunks = splice(result);
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
