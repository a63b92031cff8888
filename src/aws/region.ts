import type { S3Client } from '@aws-sdk/client-s3';

/** The region that an answer names as the bucket's, when the answer says that the request went to another. */
export function namedRegion(error: unknown): string | undefined {
  const { $metadata, $response, Region } = (error ?? {}) as {
    $metadata?: { httpStatusCode?: number };
    $response?: { headers?: Record<string, string> };
    /** S3-compatible services put it into the error's document only. */
    Region?: unknown;
  };
  if (![301, 307, 400].includes($metadata?.httpStatusCode ?? 0)) return undefined;
  const named = $response?.headers?.['x-amz-bucket-region'] ?? Region;
  // It becomes a part of host names.
  return typeof named === 'string' && /^[a-z0-9-]{1,63}$/.test(named) ? named : undefined;
}

/** A region that can turn out to be another one. */
export interface RegionInUse {
  current: string;
}

/**
 * Lets a client repeat a request once in the region that the answer names, and stay there. Only the region changes: no
 * Location and no Endpoint of an answer is ever followed.
 *
 * The SDK's own followRegionRedirects asks in the wrong region again for each request, overwrites the client's region
 * while requests run beside each other, and does not know AuthorizationHeaderMalformed.
 */
export function correctRegion(client: S3Client, region: RegionInUse): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const used = region.current;
      try {
        return await next(args);
      } catch (error) {
        const named = namedRegion(error);
        if (named === undefined || named === used) throw error;
        region.current = named;
        if (isStream((args.input as { Body?: unknown }).Body)) throw error;
        return next(args);
      }
    },
    { step: 'initialize', name: 'correctRegion' },
  );
}

// A stream has been read by now; sending the rest of it would store half an object.
function isStream(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'pipe' in body;
}
