import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { startSandbox, type PolicyDocument, type Sandbox } from '../../src/sandbox/sandbox.js';
import { answerParent, startChild } from './child.js';

/** The sandbox in a process of its own, so that its memory and its work are not counted as the service's. */
export interface SandboxProcess {
  readonly endpoint: string;
  /** Of the service's own user. */
  readonly keys: { readonly accessKeyId: string; readonly secretAccessKey: string };
  keyList(): Promise<string[]>;
  putFile(key: string, path: string): Promise<void>;
  putText(key: string, text: string): Promise<void>;
  createRole(name: string, trustPolicy: object, policy: object): Promise<void>;
  stop(): Promise<void>;
}

/** The customer's account and its bucket. */
export const customer = '222222222222';
export const bucket = 'acme';

interface Started {
  readonly endpoint: string;
  readonly keys: SandboxProcess['keys'];
}

/** Starts it over a folder; objects that are there are served. */
export async function startSandboxProcess(dir: string): Promise<SandboxProcess> {
  const child = startChild(new URL('./sandbox-process.js', import.meta.url));
  const { endpoint, keys } = await child.ask<Started>('start', dir);
  return {
    endpoint,
    keys,
    keyList: () => child.ask('keyList'),
    putFile: (key, path) => child.ask('putFile', { key, path }),
    putText: (key, text) => child.ask('putText', { key, text }),
    createRole: (name, trustPolicy, policy) =>
      child.ask('createRole', { name, trustPolicy, policy }),
    stop: () => child.stop(),
  };
}

function main(): void {
  let sandbox: Sandbox;
  answerParent({
    async start(dir: string): Promise<Started> {
      sandbox = await startSandbox({ dir });
      await sandbox
        .listKeys(bucket)
        .catch(() => sandbox.createBucket({ name: bucket, accountId: customer }));
      const keys = sandbox.createUser({ accountId: '111111111111', name: 'bucketql' });
      return { endpoint: sandbox.endpoint, keys };
    },
    keyList: () => sandbox.listKeys(bucket),
    putFile: async ({ key, path }: { key: string; path: string }) =>
      sandbox.putObject(bucket, key, await readFile(path)),
    putText: ({ key, text }: { key: string; text: string }) => sandbox.putObject(bucket, key, text),
    createRole(input: { name: string; trustPolicy: PolicyDocument; policy: PolicyDocument }) {
      sandbox.createRole({ accountId: customer, ...input });
    },
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
