import { Field, InputType, Int } from 'type-graphql';
import { z } from 'zod';
import type { BucketAccess } from '../../aws/access.js';
import { requireAllowed } from '../../aws/client.js';
import { parseInput } from '../../catalog/definition.js';
import { GraphQLJSON } from '../scalars.js';
import { ConnectionAuth } from './enums.js';

@InputType({ description: 'How to reach a bucket.' })
export class ConnectionInput {
  @Field(() => String)
  name!: string;

  @Field(() => ConnectionAuth, { defaultValue: 'ASSUME_ROLE' })
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

  @Field(() => String, { nullable: true })
  accessKeyId?: string | null;

  @Field(() => String, { nullable: true, description: 'Write-only; encrypted where it is stored.' })
  secretAccessKey?: string | null;

  @Field(() => String, { nullable: true, description: 'Write-only; encrypted where it is stored.' })
  sessionToken?: string | null;

  @Field(() => String)
  bucket!: string;

  @Field(() => String, { nullable: true, defaultValue: '' })
  prefix?: string | null;

  @Field(() => String)
  region!: string;

  @Field(() => String, { nullable: true })
  endpoint?: string | null;

  @Field(() => Boolean, { nullable: true, defaultValue: false })
  forcePathStyle?: boolean | null;

  @Field(() => Int, { nullable: true, defaultValue: 4 })
  downloadThreads?: number | null;

  @Field(() => GraphQLJSON, { nullable: true })
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
    downloadThreads: z.int().min(1).max(32).default(4),
    headers: z
      .record(z.string().regex(/^x-amz-[a-z0-9-]+$/, 'must be x-amz-… headers'), z.string())
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
 * Checks a ConnectionInput and fills in its defaults. The external id is not the client's to choose.
 * @throws INVALID_INPUT, ENDPOINT_NOT_ALLOWED
 */
export function checkedAccess(
  given: ConnectionInput,
  allowedEndpoints: readonly string[],
): BucketAccess {
  const access = { ...parseInput(input, given, 'connection'), externalId: null };
  requireAllowed(access.endpoint, allowedEndpoints);
  return access;
}
