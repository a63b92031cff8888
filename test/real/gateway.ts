import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startApp } from '../../src/app.js';
import type { PolicyDocument } from '../../src/aws/policies.js';
import { readConfig } from '../../src/config.js';
import { openLog } from '../../src/log.js';
import { callIam } from './iam.js';

/*
 * What differs between AWS and the Ceph gateway 16.2, and how these tests live with it.
 *
 * | AWS                                                     | the gateway                                              | here                                                        |
 * |---------------------------------------------------------|----------------------------------------------------------|-------------------------------------------------------------|
 * | sts:ExternalId is known to trust policies               | is never filled, so such a condition never holds         | the proxy copies it to aws:Referer, and roles ask for that  |
 * | STS errors have a code and a message                    | bare <Error>, no message: the SDK says "Unknown"         | errors are told by their HTTP status                        |
 * | an expired token is ExpiredToken, 400                   | AccessDenied, 403                                        | sessions are renewed before they end                        |
 * | GetCallerIdentity                                       | does not exist                                           | BUCKETQL_PRINCIPAL_ARN says who the service is              |
 * | accounts                                                | tenants; a user is arn:aws:iam::TENANT:user/NAME         | tenants with names of 12 digits                             |
 * | an object belongs to the bucket's owner                 | to the account that assumed the role                     | a bucket policy lets the owner read                         |
 * | the region of a request is checked                      | is not                                                   | not tested                                                  |
 * | If-None-Match holds for PUT and for completing parts     | for PUT only: a later multipart upload replaces          | put looks first where it may; sessions of roles may not     |
 * | x-amz-checksum-* is verified                            | is accepted, and streams with a trailer get 411          | the client asks for no checksum on other endpoints          |
 * | SSE-S3 is done and shown                                | is dropped in silence                                    | ENCRYPTION_REFUSED (delivery.test.ts)                       |
 */

const endpoint = process.env.BUCKETQL_TEST_GATEWAY ?? '';
const region = 'us-east-1';
const serviceKeys = { accessKeyId: 'AKIASERVICE000000001', secretAccessKey: 'service-secret' };
const ownerKeys = { accessKeyId: 'AKIAOWNER00000000001', secretAccessKey: 'owner-secret' };
const customer = '222222222222';

/** The principals of the service's account, as trust policies of the gateway name them. */
export const principals = {
  service: 'arn:aws:iam::111111111111:user/bucketql',
  intruder: 'arn:aws:iam::111111111111:user/intruder',
};

interface GraphQLAnswer {
  // The shape follows from each query; tests look at what they asked for.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly data: Record<string, any> | null;
  readonly errors?: readonly unknown[];
}

/** A connection and what it may do. */
export interface ConnectOptions {
  readonly prefix?: string;
  /** Another bucket than the customer's. */
  readonly bucket?: string;
  /** (Default: what the connection's readPolicy and writePolicy say) */
  readonly policy?: PolicyDocument;
  /** The external id that the role asks for. (Default: the connection's) */
  readonly externalId?: string;
  /** Whom the role trusts. (Default: the service) */
  readonly principal?: string;
  /** The role asks for no external id. (Default: false) */
  readonly open?: boolean;
  /** (Default: 4) */
  readonly downloadThreads?: number;
}

/** The service in this process, and a customer of the gateway with a bucket. */
export interface RealService {
  readonly bucket: string;
  /** The customer's own client. */
  readonly owner: S3Client;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  data(query: string, variables?: Record<string, unknown>): Promise<Record<string, any>>;
  /** Makes a connection and, in the customer's account, its role. @returns the connection's id */
  connect(name: string, options?: ConnectOptions): Promise<string>;
  put(key: string, body: Buffer | string): Promise<void>;
  get(key: string): Promise<Buffer>;
  /** Keys of multipart uploads that are neither completed nor aborted. */
  openUploads(): Promise<string[]>;
  close(): Promise<void>;
}

/** Starts it. `environment` goes over the defaults of the service's configuration. */
export async function startRealService(
  environment: Readonly<Record<string, string>> = {},
): Promise<RealService> {
  if (endpoint === '') throw new Error('BUCKETQL_TEST_GATEWAY is not set; run npm run test:real');
  const dir = await mkdtemp(join(tmpdir(), 'bucketql-real-'));
  const bucket = `acme-${randomUUID()}`;
  const owner = new S3Client({
    region,
    endpoint,
    credentials: ownerKeys,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  await owner.send(new CreateBucketCommand({ Bucket: bucket }));
  await owner.send(
    new PutBucketPolicyCommand({ Bucket: bucket, Policy: JSON.stringify(ownerReads(bucket)) }),
  );
  const config = readConfig({
    BUCKETQL_DATA_DIR: join(dir, 'data'),
    BUCKETQL_PORT: '0',
    BUCKETQL_ALLOWED_ENDPOINTS: endpoint,
    BUCKETQL_STS_ENDPOINT: endpoint,
    BUCKETQL_PRINCIPAL_ARN: principals.service,
    ...environment,
  });
  const app = await startApp(config, {
    log: openLog('silent'),
    credentials: () => Promise.resolve(serviceKeys),
  });

  const data: RealService['data'] = async (query, variables) => {
    const response = await fetch(app.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    const answer = (await response.json()) as GraphQLAnswer;
    if (answer.errors) throw new Error(JSON.stringify(answer.errors, null, 1));
    return answer.data ?? {};
  };

  return {
    bucket,
    owner,
    data,
    async connect(name, options = {}) {
      const role = `${name}-${randomUUID().slice(0, 8)}`;
      const { createConnection: made } = (await data(
        `mutation ($input: ConnectionInput!) {
          createConnection(input: $input) { id externalId trustPolicy readPolicy writePolicy }
        }`,
        {
          input: {
            name,
            roleArn: `arn:aws:iam::${customer}:role/${role}`,
            bucket: options.bucket ?? bucket,
            prefix: options.prefix ?? '',
            region,
            endpoint,
            forcePathStyle: true,
            downloadThreads: options.downloadThreads ?? 4,
          },
        },
      )) as { createConnection: ConnectionPolicies };
      await iam('CreateRole', {
        RoleName: role,
        AssumeRolePolicyDocument: gatewayTrust(made.trustPolicy, options),
      });
      await iam('PutRolePolicy', {
        RoleName: role,
        PolicyName: 'bucketql',
        PolicyDocument: options.policy ?? both(made.readPolicy, made.writePolicy),
      });
      return made.id;
    },
    async put(key, body) {
      await owner.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
    },
    async get(key) {
      const { Body } = await owner.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      return Buffer.from((await Body?.transformToByteArray()) ?? []);
    },
    async openUploads() {
      const { Uploads } = await owner.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
      return (Uploads ?? []).map(({ Key }) => Key ?? '');
    },
    async close() {
      await app.close();
      await emptyAndDelete(owner, bucket);
      owner.destroy();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

interface ConnectionPolicies {
  readonly id: string;
  readonly trustPolicy: PolicyDocument;
  readonly readPolicy: PolicyDocument;
  readonly writePolicy: PolicyDocument;
}

const both = (one: PolicyDocument, other: PolicyDocument): PolicyDocument => ({
  ...one,
  Statement: [...one.Statement, ...other.Statement],
});

// What a role's session writes belongs to the service's account here.
const ownerReads = (bucket: string) => ({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${customer}:user/owner` },
      Action: 's3:*',
      Resource: [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`],
    },
  ],
});

/** The trust policy that a connection asks for, in the one word that the gateway knows under another name. */
function gatewayTrust(
  trust: PolicyDocument,
  { externalId, principal, open }: ConnectOptions,
): PolicyDocument {
  return {
    ...trust,
    Statement: trust.Statement.map(({ Condition, ...statement }) => ({
      ...statement,
      ...(principal === undefined ? {} : { Principal: { AWS: principal } }),
      ...(open
        ? {}
        : {
            Condition: {
              StringEquals: {
                'aws:Referer': externalId ?? Condition?.StringEquals?.['sts:ExternalId'] ?? '',
              },
            },
          }),
    })),
  };
}

const iam = (action: string, input: Readonly<Record<string, string | object>>) =>
  callIam({ endpoint, region, ...ownerKeys }, action, input);

async function emptyAndDelete(owner: S3Client, bucket: string): Promise<void> {
  for (;;) {
    const { Contents } = await owner.send(new ListObjectsV2Command({ Bucket: bucket }));
    if (!Contents?.length) break;
    const Objects = Contents.map(({ Key }) => ({ Key }));
    await owner.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects } }));
  }
  await owner.send(new DeleteBucketCommand({ Bucket: bucket }));
}
