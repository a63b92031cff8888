/**
 * A development tool: S3 and STS in this process, for the demo and the tests. It listens on 127.0.0.1
 * only, keeps objects in a folder and accounts in memory, and is strict where AWS is strict
 * (signatures, policies, conditions, checksums, codes and messages), so that what works here has a
 * fair chance to work there. It is no place for data that matters: nothing is fsynced, KMS is a
 * list of names, and versioning, bucket policies and lifecycles are left out.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { AppError } from '../errors.js';
import { createAccounts } from './accounts.js';
import type { Accounts } from './accounts.js';
import { wholeSeconds } from './exchange.js';
import type { World } from './exchange.js';
import type { FaultHook } from './faults.js';
import { createListener } from './http.js';
import type { RequestRecord } from './http.js';
import type { PolicyDocument } from './iam.js';
import { createKmsKeys } from './kms.js';
import { etagFor } from './objects.js';
import { openStore } from './store.js';
import type { Bucket, Store } from './store.js';

export type { Fault, FaultHook, FaultRequest } from './faults.js';
export type { PolicyDocument, PolicyStatement } from './iam.js';
export type { RequestRecord } from './http.js';

/** How a sandbox is started. */
export interface SandboxOptions {
  /** The folder for objects; what an earlier sandbox left there is served again. */
  readonly dir: string;
  /** (Default: 0, any free port) */
  readonly port?: number;
  /** The region of buckets that name none. (Default: us-east-1) */
  readonly region?: string;
  /** What time it is, for signatures, sessions and dates. (Default: the system's clock) */
  readonly clock?: () => Date;
  /** The shortest session AssumeRole gives, in seconds. (Default: 900, as AWS) */
  readonly minSessionSeconds?: number;
}

/** An IAM user with long-term keys. */
export interface SandboxUser {
  readonly arn: string;
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** A running sandbox. */
export interface Sandbox {
  /** `http://127.0.0.1:PORT`, for S3 in path style and for STS. */
  readonly endpoint: string;
  /** A user without a policy may do anything in its own account's buckets, and may ask to assume roles. */
  createUser(input: { accountId: string; name: string; policy?: PolicyDocument }): SandboxUser;
  createRole(input: {
    accountId: string;
    name: string;
    trustPolicy: PolicyDocument;
    policy: PolicyDocument;
    /** (Default: 3600) */
    maxSessionSeconds?: number;
  }): { arn: string };
  /** Sessions that live see the new policy at once. */
  updateRole(arn: string, input: { trustPolicy?: PolicyDocument; policy?: PolicyDocument }): void;
  /** Sessions of the role may do nothing from here on. */
  deleteRole(arn: string): void;
  createBucket(input: { name: string; accountId: string; region?: string }): Promise<void>;
  /**
   * A key of KMS. From the account's first one on, its buckets know no others, and who writes or reads under one needs
   * kms:GenerateDataKey and kms:Decrypt.
   */
  createKey(input: { accountId: string; region?: string; alias?: string }): {
    arn: string;
    keyId: string;
  };
  /** Puts a fixture there without HTTP. */
  putObject(bucket: string, key: string, body: Buffer | string): Promise<void>;
  /** Reads an object without HTTP; undefined when there is none. Not for objects under a customer's key. */
  readObject(bucket: string, key: string): Promise<Buffer | undefined>;
  /** Every key in the order S3 lists them. */
  listKeys(bucket: string): Promise<string[]>;
  /** Multipart uploads neither completed nor aborted. */
  openUploads(bucket: string): { key: string; uploadId: string }[];
  /** Asked before each request is answered; undefined stops it. Attempts count from when it is set. */
  fault?: FaultHook | undefined;
  /** What was asked, oldest first; the last 10,000 requests. */
  readonly requests: RequestRecord[];
  /** Ends every connection and stops listening. */
  close(): Promise<void>;
}

const rememberedRequests = 10_000;

/** Starts an S3 and STS server on a loopback port. */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const store = await openStore(options.dir);
  const accounts = createAccounts();
  const world: World = {
    store,
    accounts,
    kms: createKmsKeys(),
    region: options.region ?? 'us-east-1',
    minSessionSeconds: options.minSessionSeconds ?? 900,
    clock: options.clock ?? (() => new Date()),
  };
  const requests: RequestRecord[] = [];
  const attempts = new Map<string, number>();
  let hook: FaultHook | undefined;

  const server = createServer(
    createListener(world, {
      record: (record) => {
        requests.push(record);
        if (requests.length > rememberedRequests) requests.shift();
      },
      fault: (request) => {
        if (hook === undefined) return undefined;
        const { operation, bucket, key, query } = request;
        const identity = JSON.stringify([operation, bucket, key, query.get('partNumber')]);
        const attempt = (attempts.get(identity) ?? 0) + 1;
        attempts.set(identity, attempt);
        return hook({ ...request, attempt });
      },
    }),
  );
  // A slow upload is what some tests are about.
  server.requestTimeout = 0;
  // Longer than clients keep idle connections, so that the server is not the one to hang up.
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });

  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...accountMethods(accounts),
    ...bucketMethods(world, store),
    createKey({ region = world.region, ...input }) {
      const { arn, keyId } = world.kms.create({ region, ...input });
      return { arn, keyId };
    },
    get fault() {
      return hook;
    },
    set fault(value) {
      attempts.clear();
      hook = value;
    },
    requests,
    close: () =>
      new Promise<void>((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}

function accountMethods(
  accounts: Accounts,
): Pick<Sandbox, 'createUser' | 'createRole' | 'updateRole' | 'deleteRole'> {
  return {
    createUser(input) {
      const { accessKeyId, secretAccessKey, identity } = accounts.createUser(input);
      return { arn: identity.arn, accountId: input.accountId, accessKeyId, secretAccessKey };
    },
    createRole: (input) => ({ arn: accounts.createRole(input).arn }),
    updateRole: (arn, input) => accounts.updateRole(arn, input),
    deleteRole: (arn) => accounts.deleteRole(arn),
  };
}

function bucketMethods(
  world: World,
  store: Store,
): Pick<Sandbox, 'createBucket' | 'putObject' | 'readObject' | 'listKeys' | 'openUploads'> {
  const known = (name: string): Bucket => {
    const bucket = store.buckets.get(name);
    if (bucket === undefined) throw new AppError('NOT_FOUND', `The sandbox has no bucket ${name}`);
    return bucket;
  };
  const now = () => wholeSeconds(world.clock());
  return {
    async createBucket({ name, accountId, region = world.region }) {
      await store.createBucket({ name, accountId, region, createdAt: now() });
    },
    async putObject(name, key, body) {
      const bucket = known(name);
      const { segment, md5 } = await bucket.write(Readable.from([Buffer.from(body as Buffer)]));
      const encryption = { kind: 'AES256' } as const;
      bucket.commit({
        key,
        size: segment.size,
        etag: etagFor(encryption, md5),
        lastModified: now(),
        segments: [segment],
        headers: { 'content-type': 'binary/octet-stream' },
        encryption,
      });
    },
    async readObject(name, key) {
      const bucket = known(name);
      const object = bucket.find(key);
      if (object === undefined) return undefined;
      if (object.encryption.kind === 'customer') {
        throw new AppError('UNSUPPORTED', `${key} is encrypted with a key only its writer has`);
      }
      return buffer(bucket.read(object, { start: 0, end: object.size - 1 }));
    },
    listKeys: (name) => Promise.resolve(name).then((found) => [...known(found).keys()]),
    openUploads: (name) =>
      [...known(name).uploads.values()].map(({ key, id }) => ({ key, uploadId: id })),
  };
}
