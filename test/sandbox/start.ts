import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { STSClient } from '@aws-sdk/client-sts';
import { startSandbox } from '../../src/sandbox/sandbox.js';
import type { PolicyDocument, Sandbox, SandboxOptions } from '../../src/sandbox/sandbox.js';

export const owner = '222222222222';
export const stranger = '111111111111';

/** A sandbox with a user of the bucket's account, a user of another account, and a clock to turn. */
export interface Stage {
  readonly sandbox: Sandbox;
  readonly s3: S3Client;
  readonly sts: STSClient;
  readonly dir: string;
  /** Moves the sandbox's clock. */
  advance(milliseconds: number): void;
  clientOf(credentials: Keys, config?: S3ClientConfig): S3Client;
  stsOf(credentials: Keys): STSClient;
  end(): Promise<void>;
}

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export async function setStage(options: Partial<SandboxOptions> = {}): Promise<Stage> {
  const dir = await mkdtemp(path.join(tmpdir(), 'bucketql-sandbox-'));
  let offset = 0;
  const sandbox = await startSandbox({
    dir,
    clock: () => new Date(Date.now() + offset),
    ...options,
  });
  const { endpoint } = sandbox;
  const clients: { destroy(): void }[] = [];
  const clientOf = (credentials: Keys, config: S3ClientConfig = {}) => {
    const client = new S3Client({
      endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials,
      ...config,
    });
    clients.push(client);
    return client;
  };
  const stsOf = (credentials: Keys) => {
    const client = new STSClient({ endpoint, region: 'us-east-1', credentials });
    clients.push(client);
    return client;
  };
  await sandbox.createBucket({ name: 'orders', accountId: owner });
  return {
    sandbox,
    dir,
    s3: clientOf(sandbox.createUser({ accountId: owner, name: 'owner' })),
    sts: stsOf(sandbox.createUser({ accountId: stranger, name: 'service' })),
    advance: (milliseconds) => {
      offset += milliseconds;
    },
    clientOf,
    stsOf,
    async end() {
      for (const client of clients) client.destroy();
      await sandbox.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** The error a promise ends with; a success is a failure of the test. */
export async function failure(promise: Promise<unknown>): Promise<{
  readonly name: string;
  readonly message: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}> {
  try {
    await promise;
  } catch (error) {
    return error as Awaited<ReturnType<typeof failure>>;
  }
  throw new Error('The call was expected to fail and did not');
}

export function trust(principal: string, externalId?: string): PolicyDocument {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: principal },
        Action: 'sts:AssumeRole',
        ...(externalId && { Condition: { StringEquals: { 'sts:ExternalId': externalId } } }),
      },
    ],
  };
}

export function permit(...statements: [action: string[], resource: string[]][]): PolicyDocument {
  return {
    Version: '2012-10-17',
    Statement: statements.map(([Action, Resource]) => ({ Effect: 'Allow', Action, Resource })),
  };
}
