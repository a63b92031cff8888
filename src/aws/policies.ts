import type { BucketAccess, Purpose } from './access.js';

/** An IAM policy document. Version is the language's version, and IAM knows no later one. */
export interface PolicyDocument {
  readonly Version: '2012-10-17';
  readonly Statement: readonly PolicyStatement[];
}

/** One statement of a policy, as IAM's JSON spells it. */
export interface PolicyStatement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal?: { readonly AWS: string };
  readonly Action: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly Condition?: Readonly<
    Record<string, Readonly<Record<string, string | readonly string[]>>>
  >;
}

type Place = Pick<BucketAccess, 'bucket' | 'prefix'>;

/** The trust policy a customer pastes: only our principal, and only with this connection's external id. */
export function trustPolicy(principalArn: string, externalId: string): PolicyDocument {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: principalArn },
        Action: 'sts:AssumeRole',
        Condition: { StringEquals: { 'sts:ExternalId': externalId } },
      },
    ],
  };
}

/** The least that imports and previews need; with the ARN of a KMS key also what objects encrypted under it need. */
export function readPolicy(place: Place, kmsKey?: string): PolicyDocument {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'ListBelowPrefix',
        Effect: 'Allow',
        Action: 's3:ListBucket',
        Resource: bucketArn(place),
        ...(place.prefix === ''
          ? {}
          : { Condition: { StringLike: { 's3:prefix': [`${escapeWildcards(place.prefix)}*`] } } }),
      },
      {
        Sid: 'ReadObjects',
        Effect: 'Allow',
        Action: 's3:GetObject',
        Resource: objectArn(place),
      },
      ...(kmsKey === undefined ? [] : [useKey('kms:Decrypt', kmsKey)]),
    ],
  };
}

/**
 * The least that writebacks need; with the ARN of a KMS key also what writing under it needs.
 * @param options.tags also what destinations with tags need (Default: false)
 */
export function writePolicy(
  place: Place,
  kmsKey?: string,
  options: { readonly tags?: boolean } = {},
): PolicyDocument {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'WriteObjects',
        Effect: 'Allow',
        Action: ['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'],
        Resource: objectArn(place),
      },
      // For an upload that a crash left before its id was known; IAM has no condition that would keep it below the prefix.
      {
        Sid: 'FindOpenUploads',
        Effect: 'Allow',
        Action: 's3:ListBucketMultipartUploads',
        Resource: bucketArn(place),
      },
      ...(options.tags
        ? [
            {
              Sid: 'TagObjects',
              Effect: 'Allow' as const,
              Action: 's3:PutObjectTagging',
              Resource: objectArn(place),
            },
          ]
        : []),
      // A multipart upload reads its own parts, so it needs to decrypt too.
      ...(kmsKey === undefined ? [] : [useKey(['kms:Decrypt', 'kms:GenerateDataKey'], kmsKey)]),
    ],
  };
}

/**
 * The session policy of one job: what the role allows, cut down to this bucket, this prefix and these verbs. It leaves the role's
 * right to tag as it is, and on AWS its rights to use keys through S3, or encrypted objects could not be read.
 */
export function sessionPolicy(
  place: Place & Pick<BucketAccess, 'endpoint'>,
  purpose: Purpose,
): PolicyDocument {
  // The role decides which keys.
  const kmsKey = place.endpoint === null ? '*' : undefined;
  return purpose === 'read'
    ? readPolicy(place, kmsKey)
    : writePolicy(place, kmsKey, { tags: true });
}

// Only through S3: the key is no use for anything else.
function useKey(action: string | readonly string[], kmsKey: string): PolicyStatement {
  return {
    Sid: 'UseKeyThroughS3',
    Effect: 'Allow',
    Action: action,
    Resource: kmsKey,
    Condition: { StringLike: { 'kms:ViaService': 's3.*.amazonaws.com*' } },
  };
}

const bucketArn = (place: Place) => `arn:aws:s3:::${place.bucket}`;
const objectArn = (place: Place) =>
  `arn:aws:s3:::${place.bucket}/${escapeWildcards(place.prefix)}*`;

// In IAM patterns * and ? are wildcards and ${*}, ${?}, ${$} stand for the characters themselves.
function escapeWildcards(text: string): string {
  return text.replace(/[*?$]/g, (character) => `\${${character}}`);
}
