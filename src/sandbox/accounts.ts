import { randomBytes, randomInt } from 'node:crypto';
import { AppError } from '../errors.js';
import { evaluate, policyProblem } from './iam.js';
import type { Decision, PolicyDocument, PolicyRequest } from './iam.js';

/** A role: who may become it, and what it may do. Its policies can change while sessions live. */
export interface RoleRecord {
  readonly arn: string;
  readonly accountId: string;
  readonly name: string;
  readonly id: string;
  readonly maxSessionSeconds: number;
  trustPolicy: PolicyDocument;
  policy: PolicyDocument;
  deleted: boolean;
}

/** Who a key belongs to. */
export interface Identity {
  readonly arn: string;
  readonly accountId: string;
  readonly userId: string;
  /** Every name a trust policy may call this identity by. */
  readonly principals: readonly string[];
  readonly role?: RoleRecord;
  readonly sessionName?: string;
  /** Absent for a user that may do anything in its own account. */
  readonly policy?: PolicyDocument;
  readonly sessionPolicy?: PolicyDocument;
}

/** A key pair, its identity and, for a session, its token and end. */
export interface Credential {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiresAt?: Date;
  readonly identity: Identity;
}

/** The users, roles and sessions of the sandbox. They live in memory only. */
export interface Accounts {
  readonly roles: ReadonlyMap<string, RoleRecord>;
  credential(accessKeyId: string): Credential | undefined;
  createUser(input: { accountId: string; name: string; policy?: PolicyDocument }): Credential;
  createRole(input: {
    accountId: string;
    name: string;
    trustPolicy: PolicyDocument;
    policy: PolicyDocument;
    maxSessionSeconds?: number;
  }): RoleRecord;
  updateRole(arn: string, input: { trustPolicy?: PolicyDocument; policy?: PolicyDocument }): void;
  deleteRole(arn: string): void;
  startSession(
    role: RoleRecord,
    sessionName: string,
    expiresAt: Date,
    sessionPolicy?: PolicyDocument,
  ): Credential;
}

/** Starts with nobody in it. */
export function createAccounts(): Accounts {
  const credentials = new Map<string, Credential>();
  const roles = new Map<string, RoleRecord>();
  const userArns = new Set<string>();

  const knownRole = (arn: string): RoleRecord => {
    const role = roles.get(arn);
    if (role === undefined) throw new AppError('NOT_FOUND', `The sandbox has no role ${arn}`);
    return role;
  };

  return {
    roles,
    credential: (accessKeyId) => credentials.get(accessKeyId),

    createUser({ accountId, name, policy }) {
      const arn = iamArn(accountId, 'user', name);
      if (userArns.has(arn)) throw new AppError('ALREADY_EXISTS', `The user ${arn} exists already`);
      userArns.add(arn);
      const credential: Credential = {
        accessKeyId: `AKIA${identifier()}`,
        secretAccessKey: secret(),
        identity: {
          arn,
          accountId,
          userId: `AIDA${identifier()}`,
          principals: [arn, accountId, `arn:aws:iam::${accountId}:root`],
          ...(policy && { policy: checkPolicy(policy, 'permission') }),
        },
      };
      credentials.set(credential.accessKeyId, credential);
      return credential;
    },

    createRole({ accountId, name, trustPolicy, policy, maxSessionSeconds = 3600 }) {
      const arn = iamArn(accountId, 'role', name);
      if (roles.has(arn)) throw new AppError('ALREADY_EXISTS', `The role ${arn} exists already`);
      const role: RoleRecord = {
        arn,
        accountId,
        name,
        id: `AROA${identifier()}`,
        maxSessionSeconds,
        trustPolicy: checkPolicy(trustPolicy, 'trust'),
        policy: checkPolicy(policy, 'permission'),
        deleted: false,
      };
      roles.set(arn, role);
      return role;
    },

    updateRole(arn, { trustPolicy, policy }) {
      const role = knownRole(arn);
      if (trustPolicy) role.trustPolicy = checkPolicy(trustPolicy, 'trust');
      if (policy) role.policy = checkPolicy(policy, 'permission');
    },

    deleteRole(arn) {
      // Sessions outlive the role but may do nothing, also when a role of that name comes back.
      knownRole(arn).deleted = true;
      roles.delete(arn);
    },

    startSession(role, sessionName, expiresAt, sessionPolicy) {
      const arn = `arn:aws:sts::${role.accountId}:assumed-role/${role.name}/${sessionName}`;
      const credential: Credential = {
        accessKeyId: `ASIA${identifier()}`,
        secretAccessKey: secret(),
        sessionToken: randomBytes(240).toString('base64'),
        expiresAt,
        identity: {
          arn,
          accountId: role.accountId,
          userId: `${role.id}:${sessionName}`,
          principals: [arn, role.arn, role.accountId, `arn:aws:iam::${role.accountId}:root`],
          role,
          sessionName,
          ...(sessionPolicy && { sessionPolicy }),
        },
      };
      credentials.set(credential.accessKeyId, credential);
      return credential;
    },
  };
}

/** The condition keys that every request of an identity has. */
export function callerContext(identity: Identity): Map<string, string> {
  return new Map([
    ['aws:principalarn', identity.role?.arn ?? identity.arn],
    ['aws:principalaccount', identity.accountId],
    ['aws:sourceip', '127.0.0.1'],
    // Loopback stands for TLS here, or policies that demand TLS could not be tried.
    ['aws:securetransport', 'true'],
  ]);
}

/** Why an identity may not do something, in the words AWS ends its message with. */
export function denialOf(identity: Identity, request: PolicyRequest): string | undefined {
  const policies: [name: string, decision: Decision][] = [
    ['identity-based', identityDecision(identity, request)],
  ];
  if (identity.sessionPolicy !== undefined) {
    policies.push(['session', evaluate(identity.sessionPolicy, request)]);
  }
  for (const [name, decision] of policies) {
    if (decision === 'explicitDeny') {
      return `with an explicit deny in ${name === 'session' ? 'a' : 'an'} ${name} policy`;
    }
  }
  for (const [name, decision] of policies) {
    if (decision === 'implicitDeny') {
      return `because no ${name} policy allows the ${request.action} action`;
    }
  }
  return undefined;
}

function identityDecision(identity: Identity, request: PolicyRequest): Decision {
  if (identity.role !== undefined) {
    return identity.role.deleted ? 'implicitDeny' : evaluate(identity.role.policy, request);
  }
  return identity.policy === undefined ? 'allow' : evaluate(identity.policy, request);
}

function checkPolicy(policy: PolicyDocument, kind: 'permission' | 'trust'): PolicyDocument {
  const problem = policyProblem(policy, kind);
  if (problem === undefined) return policy;
  throw new AppError('INVALID_INPUT', `The ${kind} policy cannot be used: ${problem}`);
}

function iamArn(accountId: string, kind: 'user' | 'role', name: string): string {
  if (!/^\d{12}$/.test(accountId)) {
    throw new AppError('INVALID_INPUT', `An account id has twelve digits; found ${accountId}`);
  }
  if (!/^[\w+=,.@-]{1,64}$/.test(name)) {
    throw new AppError('INVALID_INPUT', `IAM takes letters, digits and +=,.@-_; found ${name}`);
  }
  return `arn:aws:iam::${accountId}:${kind}/${name}`;
}

function identifier(): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  return Array.from({ length: 16 }, () => letters[randomInt(letters.length)]).join('');
}

function secret(): string {
  return randomBytes(30).toString('base64');
}
