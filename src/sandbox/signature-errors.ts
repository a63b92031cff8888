import type { Credential } from './accounts.js';
import { ServiceError } from './service-error.js';

// S3 and STS say the same things in different words; both are AWS's own.

/** How far a request's time may be from ours, in milliseconds. */
export const maxSkew = 15 * 60_000;

/** A request signed at another time than now. */
export function tooSkewed(service: string, date: string, now: Date): ServiceError {
  return service === 's3'
    ? new ServiceError(
        403,
        'RequestTimeTooSkewed',
        'The difference between the request time and the current time is too large.',
        {
          RequestTime: date,
          ServerTime: now.toISOString(),
          MaxAllowedSkewMilliseconds: String(maxSkew),
        },
      )
    : new ServiceError(
        403,
        'SignatureDoesNotMatch',
        `Signature expired: ${date} is too far from ${now.toISOString()} (15 min.)`,
      );
}

/** A signature made for another service. */
export function wrongScope(service: string, found: string): ServiceError {
  return service === 's3'
    ? new ServiceError(
        400,
        'AuthorizationHeaderMalformed',
        `The authorization header is malformed; incorrect service "${found}". This endpoint belongs to "s3".`,
      )
    : new ServiceError(
        403,
        'SignatureDoesNotMatch',
        `Credential should be scoped to correct service: 'sts'.`,
      );
}

/** An Authorization header that cannot be read. */
export function malformedAuthorization(service: string): ServiceError {
  return service === 's3'
    ? new ServiceError(
        400,
        'AuthorizationHeaderMalformed',
        'The authorization header that you provided is not valid.',
      )
    : new ServiceError(
        400,
        'IncompleteSignature',
        'Authorization header requires Credential, SignedHeaders, Signature and a matching X-Amz-Date.',
      );
}

/** Presigning parameters that are missing or out of bounds. */
export function badQuery(message: string): ServiceError {
  return new ServiceError(400, 'AuthorizationQueryParametersError', message);
}

/** A key that nobody has. */
export function unknownKey(service: string, accessKeyId: string): ServiceError {
  return service === 's3'
    ? new ServiceError(
        403,
        'InvalidAccessKeyId',
        'The AWS Access Key Id you provided does not exist in our records.',
        { AWSAccessKeyId: accessKeyId },
      )
    : invalidClientToken();
}

/** A session key with the token of no session, or of another. */
export function wrongToken(
  service: string,
  token: string | undefined,
  credential: Credential,
): ServiceError {
  if (service === 'sts') return invalidClientToken();
  // A temporary key without its token is, to S3, a key that does not exist.
  if (token === undefined) return unknownKey('s3', credential.accessKeyId);
  return new ServiceError(
    400,
    'InvalidToken',
    'The provided token is malformed or otherwise invalid.',
  );
}

function invalidClientToken(): ServiceError {
  return new ServiceError(
    403,
    'InvalidClientTokenId',
    'The security token included in the request is invalid.',
  );
}

/** A session that has ended. */
export function expired(service: string): ServiceError {
  return service === 's3'
    ? new ServiceError(400, 'ExpiredToken', 'The provided token has expired.')
    : new ServiceError(
        403,
        'ExpiredToken',
        'The security token included in the request is expired',
      );
}

/** A header that must be signed and is not. */
export function unsignedHeader(name: string): ServiceError {
  return new ServiceError(
    403,
    'AccessDenied',
    'There were headers present in the request which were not signed',
    { HeadersNotSigned: name },
  );
}

/** A signature that does not fit; S3 tells what it computed, for comparison. */
export function wrongSignature(
  service: string,
  claim: { readonly accessKeyId: string; readonly signature: string },
  stringToSign: string,
  canonicalRequest: string,
): ServiceError {
  const keyAdvice =
    service === 's3'
      ? 'Check your key and signing method.'
      : 'Check your AWS Secret Access Key and signing method. Consult the service documentation for details.';
  return new ServiceError(
    403,
    'SignatureDoesNotMatch',
    `The request signature we calculated does not match the signature you provided. ${keyAdvice}`,
    service === 's3'
      ? {
          AWSAccessKeyId: claim.accessKeyId,
          StringToSign: stringToSign,
          SignatureProvided: claim.signature,
          CanonicalRequest: canonicalRequest,
        }
      : {},
  );
}
