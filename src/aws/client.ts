import { S3Client } from '@aws-sdk/client-s3';
import type { BucketAccess } from './access.js';
import type { CredentialsProvider } from './credentials.js';
import { withoutEchoes } from './echo.js';
import { allowedEndpoint, guardedAgents, type Resolver } from './endpoint.js';
import { correctRegion } from './region.js';

export { requireAllowed } from './endpoint.js';

/**
 * The S3 client of one connection. Its `config.region()` is the bucket's real one once an answer has named it. The caller
 * destroys it.
 * @throws ENDPOINT_NOT_ALLOWED when the connection names an endpoint that configuration does not list
 */
export function s3Client(
  access: BucketAccess,
  credentials: CredentialsProvider,
  allowedEndpoints: readonly string[],
  /** In place of the system's, for tests. */
  resolve?: Resolver,
  /** Longest silence on a connection; without it the SDK waits for ever for what a short body leaves out. */
  readTimeoutMs = 30_000,
): S3Client {
  const endpoint = allowedEndpoint(access.endpoint, allowedEndpoints);
  const region = { current: access.region };
  const elsewhere = endpoint.url !== null;
  const checksums = access.requestChecksums ?? (elsewhere ? 'WHEN_REQUIRED' : 'WHEN_SUPPORTED');
  const client = new S3Client({
    region: () => Promise.resolve(region.current),
    credentials,
    forcePathStyle: access.forcePathStyle,
    ...(endpoint.url === null ? {} : { endpoint: endpoint.url }),
    // Some S3-compatible services refuse the SDK's checksum trailers (Ceph answers 411 to a stream).
    requestChecksumCalculation: checksums,
    responseChecksumValidation: checksums,
    maxAttempts: 5,
    retryMode: 'standard',
    requestHandler: {
      connectionTimeout: 5_000,
      // Without throwOnRequestTimeout the SDK only warns and waits on.
      requestTimeout: 120_000,
      throwOnRequestTimeout: true,
      socketTimeout: readTimeoutMs,
      ...guardedAgents(endpoint, { resolve }),
    },
    // With agents of its own the SDK sends the header but does not wait for the answer; for options it would make unguarded ones.
    expectContinueHeader: false,
  });
  correctRegion(client, region);
  if (Object.keys(access.headers).length > 0) {
    client.middlewareStack.add(
      (next) => (args) => {
        const request = args.request as { headers?: Record<string, string> };
        if (request.headers) Object.assign(request.headers, access.headers);
        return next(args);
      },
      { step: 'build', name: 'connectionHeaders' },
    );
  }
  return withoutEchoes(client);
}
