import { Field, InputType, Int } from 'type-graphql';
import { z } from 'zod';
import { requestChecksumModes, type BucketAccess } from '../../aws/access.js';
import { requireAllowed } from '../../aws/client.js';
import type { Principal } from '../../auth/principal.js';
import { parseInput } from '../../catalog/definition.js';
import { AppError } from '../../errors.js';
import { GraphQLJSON } from '../scalars.js';
import { ConnectionAuth, RequestChecksums } from './enums.js';

@InputType({ description: 'How to reach a bucket.' })
export class ConnectionInput {
  @Field(() => String, { description: 'Unique; letters, digits, _ . - and spaces.' })
  name!: string;

  @Field(() => ConnectionAuth, {
    defaultValue: 'ASSUME_ROLE',
    description: 'Where its credentials come from.',
  })
  auth!: string;

  @Field(() => String, {
    nullable: true,
    description: 'ASSUME_ROLE: the role in the bucket owner’s account.',
  })
  roleArn?: string | null;

  @Field(() => String, {
    nullable: true,
    defaultValue: 'bucketql',
    description: 'What the owner’s CloudTrail shows.',
  })
  roleSessionName?: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Only to take over a role that already trusts an id; administrators only. Whoever else knows the id can reach the role through a service that lets its users choose theirs.',
  })
  externalId?: string | null;

  @Field(() => String, { nullable: true, description: 'ACCESS_KEY: the id of the key.' })
  accessKeyId?: string | null;

  @Field(() => String, { nullable: true, description: 'Write-only; encrypted where it is stored.' })
  secretAccessKey?: string | null;

  @Field(() => String, { nullable: true, description: 'Write-only; encrypted where it is stored.' })
  sessionToken?: string | null;

  @Field(() => String, { description: 'The only bucket the connection may touch.' })
  bucket!: string;

  @Field(() => String, {
    nullable: true,
    defaultValue: '',
    description: 'Only keys that begin with it; "" is the whole bucket.',
  })
  prefix?: string | null;

  @Field(() => String, { description: 'Of the bucket, such as eu-central-1.' })
  region!: string;

  @Field(() => String, {
    nullable: true,
    description: 'Of an S3-compatible service; BUCKETQL_ALLOWED_ENDPOINTS must list it. Null: AWS.',
  })
  endpoint?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: false,
    description:
      'Puts the bucket in the path, not in the host name, as many S3-compatible services want it.',
  })
  forcePathStyle?: boolean | null;

  @Field(() => RequestChecksums, {
    nullable: true,
    description: 'Null: WHEN_SUPPORTED at AWS, WHEN_REQUIRED at other endpoints.',
  })
  requestChecksums?: string | null;

  @Field(() => Int, {
    nullable: true,
    defaultValue: 4,
    description: 'Objects that are downloaded at the same time, 1 to 32.',
  })
  downloadThreads?: number | null;

  @Field(() => GraphQLJSON, {
    nullable: true,
    description:
      'Extra request headers, such as {"x-amz-request-payer": "requester"}; x-amz- only, no secrets.',
  })
  headers?: unknown;
}

const input = z
  .object({
    name: z
      .string()
      .regex(
        /^[\w][\w .-]{0,99}$/,
        'must begin with a letter or digit and have at most 100 of A-Z a-z 0-9 _ . - and spaces',
      ),
    auth: z.enum(['ASSUME_ROLE', 'ACCESS_KEY', 'AMBIENT']).default('ASSUME_ROLE'),
    roleArn: z
      .string()
      .regex(
        /^arn:aws[a-z-]*:iam::[0-9]{12}:role\/.+$/,
        'must be a role’s ARN: arn:aws:iam::123456789012:role/name',
      )
      .nullable()
      .default(null),
    roleSessionName: z
      .string()
      .regex(/^[\w+=,.@-]{2,64}$/, 'must be 2 to 64 of A-Z a-z 0-9 _ + = , . @ -')
      .default('bucketql'),
    // STS's own rule, and long enough not to be guessed.
    externalId: z
      .string()
      .regex(/^[\w+=,.@:/-]{16,1224}$/, 'must be 16 to 1,224 of A-Z a-z 0-9 _ + = , . @ : / -')
      .nullable()
      .default(null),
    accessKeyId: z.string().min(1).nullable().default(null),
    secretAccessKey: z.string().min(1).nullable().default(null),
    sessionToken: z.string().min(1).nullable().default(null),
    bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'is no bucket name'),
    prefix: z.string().max(1024).default(''),
    region: z.string().regex(/^[a-z0-9-]+$/, 'is no region'),
    endpoint: z
      .url({ protocol: /^https?$/ })
      .nullable()
      .default(null),
    forcePathStyle: z.boolean().default(false),
    requestChecksums: z.enum(requestChecksumModes).nullable().default(null),
    downloadThreads: z.int().min(1).max(32).default(4),
    // Headers are shown in clear, so what carries a secret has no place in them.
    headers: z
      .record(
        z
          .string()
          .regex(
            /^x-amz-(?!security-token$|.*customer-(key|algorithm))[a-z0-9-]+$/,
            'must be x-amz-… headers without secrets',
          ),
        z.string(),
      )
      .default({}),
  })
  .refine((c) => c.auth !== 'ASSUME_ROLE' || c.roleArn !== null, {
    path: ['roleArn'],
    message: 'is needed with auth ASSUME_ROLE',
  })
  .refine(
    (c) => c.auth !== 'ACCESS_KEY' || (c.accessKeyId !== null && c.secretAccessKey !== null),
    {
      path: ['accessKeyId'],
      message: 'and secretAccessKey are needed with auth ACCESS_KEY',
    },
  );

/**
 * Checks a ConnectionInput and fills in its defaults. An external id in it is one to take over.
 * @throws INVALID_INPUT, ENDPOINT_NOT_ALLOWED, FORBIDDEN (an external id, and no administrator)
 */
export function checkedAccess(
  given: ConnectionInput,
  allowedEndpoints: readonly string[],
  principal: Principal,
): BucketAccess {
  const access = parseInput(input, given, 'connection');
  if (access.externalId !== null && !principal.administrator) {
    throw new AppError(
      'FORBIDDEN',
      'Only an administrator (BUCKETQL_ADMIN_TOKENS) may give an external id; leave it out and the service makes one',
    );
  }
  requireAllowed(access.endpoint, allowedEndpoints);
  return access;
}
