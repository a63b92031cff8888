import { S3Client } from '@aws-sdk/client-s3';
import { AppError } from '../errors.js';
import type { BucketAccess } from './access.js';
import type { CredentialsProvider } from './credentials.js';

/**
 * The S3 client of one connection. The caller destroys it.
 * @throws ENDPOINT_NOT_ALLOWED when the connection names an endpoint that configuration does not list
 */
export function s3Client(
  access: BucketAccess,
  credentials: CredentialsProvider,
  allowedEndpoints: readonly string[],
): S3Client {
  requireAllowed(access.endpoint, allowedEndpoints);
  const client = new S3Client({
    region: access.region,
    credentials,
    forcePathStyle: access.forcePathStyle,
    ...(access.endpoint
      ? {
          endpoint: access.endpoint,
          // Some S3-compatible services refuse the SDK's checksum trailers (Ceph answers 411 to a stream).
          requestChecksumCalculation: 'WHEN_REQUIRED' as const,
          responseChecksumValidation: 'WHEN_REQUIRED' as const,
        }
      : {}),
    maxAttempts: 5,
    retryMode: 'standard',
    requestHandler: {
      connectionTimeout: 5_000,
      // Without throwOnRequestTimeout the SDK only warns and waits on.
      requestTimeout: 120_000,
      throwOnRequestTimeout: true,
      socketTimeout: 60_000,
      httpAgent: { maxSockets: 64 },
      httpsAgent: { maxSockets: 64 },
    },
  });
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
  return client;
}

/** Refuses an endpoint that BUCKETQL_ALLOWED_ENDPOINTS does not list; null (AWS itself) is always allowed. */
export function requireAllowed(endpoint: string | null, allowed: readonly string[]): void {
  if (endpoint === null) return;
  const origin = originOf(endpoint);
  if (origin !== undefined && allowed.some((entry) => originOf(entry) === origin)) return;
  throw new AppError(
    'ENDPOINT_NOT_ALLOWED',
    `Endpoint ${endpoint} is not allowed; whoever runs the service adds it to BUCKETQL_ALLOWED_ENDPOINTS`,
    { details: { endpoint } },
  );
}

function originOf(url: string): string | undefined {
  try {
    const { protocol, origin } = new URL(url);
    return protocol === 'http:' || protocol === 'https:' ? origin : undefined;
  } catch {
    return undefined;
  }
}
