import type { PolicyDocument, Sandbox } from '../../src/sandbox/sandbox.js';
import { customer } from '../harness/sandbox-process.js';
import type { startServiceProcess } from '../harness/service-process.js';

/** What a service needs of a sandbox in this process, where its faults are decided. */
export function ownSandbox(sandbox: Sandbox): Parameters<typeof startServiceProcess>[1] {
  return {
    endpoint: sandbox.endpoint,
    keys: sandbox.createUser({ accountId: '111111111111', name: 'bucketql' }),
    createRole(name, trustPolicy, policy) {
      sandbox.createRole({
        accountId: customer,
        name,
        trustPolicy: trustPolicy as PolicyDocument,
        policy: policy as PolicyDocument,
      });
      return Promise.resolve();
    },
  };
}
