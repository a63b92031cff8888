import { without } from '../log.js';

// What a request carries to authorize it. Our messages quote S3's, and services have been seen to quote requests in theirs.
const secretHeaders = [
  'authorization',
  'x-amz-security-token',
  'x-amz-server-side-encryption-customer-key',
  'x-amz-copy-source-server-side-encryption-customer-key',
];

interface Middlewares {
  add(
    middleware: (
      next: (args: { request?: unknown }) => Promise<unknown>,
    ) => (args: { request?: unknown }) => Promise<unknown>,
    options: { step: 'deserialize'; priority: 'high'; name: string },
  ): void;
}

/** Takes out of a client's errors whatever the server repeats of the secrets that it was sent. */
export function withoutEchoes<C extends { readonly middlewareStack: unknown }>(client: C): C {
  (client.middlewareStack as Middlewares).add(
    (next) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        if (typeof error === 'object' && error !== null && 'message' in error) {
          const { headers = {} } = (args.request ?? {}) as { headers?: Record<string, string> };
          const sent = secretHeaders.flatMap((name) => headers[name] ?? []);
          error.message = without(String(error.message), sent);
        }
        throw error;
      }
    },
    { step: 'deserialize', priority: 'high', name: 'withoutEchoes' },
  );
  return client;
}
