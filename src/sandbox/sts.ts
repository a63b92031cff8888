import { callerContext, denialOf } from './accounts.js';
import type { Identity, RoleRecord } from './accounts.js';
import type { World } from './exchange.js';
import { evaluate, policyProblem } from './iam.js';
import type { PolicyDocument, PolicyRequest } from './iam.js';
import { ServiceError } from './service-error.js';
import { xmlDocument } from './xml.js';

const namespace = 'https://sts.amazonaws.com/doc/2011-06-15/';

/** Answers one STS action with its result document (AWS STS API Reference, version 2011-06-15). */
export function answerSts(
  world: World,
  identity: Identity | undefined,
  parameters: URLSearchParams,
  requestId: string,
): string {
  if (identity === undefined) {
    throw new ServiceError(
      403,
      'MissingAuthenticationToken',
      'Request is missing Authentication Token',
    );
  }
  const action = parameters.get('Action') ?? '';
  const result = () => {
    switch (action) {
      case 'AssumeRole':
        return assumeRole(world, identity, parameters);
      case 'GetCallerIdentity':
        return { Arn: identity.arn, UserId: identity.userId, Account: identity.accountId };
      default:
        throw new ServiceError(
          400,
          'InvalidAction',
          `Could not find operation ${action} for version ${parameters.get('Version') ?? 'NO_VERSION_SPECIFIED'}`,
        );
    }
  };
  return xmlDocument(
    `${action}Response`,
    { [`${action}Result`]: result(), ResponseMetadata: { RequestId: requestId } },
    namespace,
  );
}

/** STS's form of an error, which is not S3's. */
export function stsErrorDocument(error: ServiceError, requestId: string): string {
  return xmlDocument(
    'ErrorResponse',
    {
      Error: {
        Type: error.status < 500 ? 'Sender' : 'Receiver',
        Code: error.code,
        Message: error.message,
      },
      RequestId: requestId,
    },
    namespace,
  );
}

function assumeRole(world: World, caller: Identity, parameters: URLSearchParams) {
  const roleArn = required(parameters, 'RoleArn', 20, 2048, /^[\w+=,.@/:-]+$/);
  const sessionName = required(parameters, 'RoleSessionName', 2, 64, /^[\w+=,.@-]+$/);
  const externalId = parameters.has('ExternalId')
    ? required(parameters, 'ExternalId', 2, 1224, /^[\w+=,.@:/-]+$/)
    : undefined;
  const duration = durationOf(parameters, world.minSessionSeconds);
  const sessionPolicy = policyOf(parameters);

  // An unknown role gets the same answer as a refusal, so that nobody can ask which roles exist.
  const role = world.accounts.roles.get(roleArn);
  const context = callerContext(caller).set('sts:rolesessionname', sessionName);
  if (externalId !== undefined) context.set('sts:externalid', externalId);
  const request = { action: 'sts:AssumeRole', resource: roleArn, context };
  if (role === undefined || !mayAssume(caller, role, request)) {
    throw new ServiceError(
      403,
      'AccessDenied',
      `User: ${caller.arn} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`,
    );
  }
  if (caller.role !== undefined && (duration ?? 0) > 3600) {
    throw new ServiceError(
      400,
      'ValidationError',
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
    );
  }
  if ((duration ?? 0) > role.maxSessionSeconds) {
    throw new ServiceError(
      400,
      'ValidationError',
      'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
    );
  }
  const seconds = duration ?? Math.min(3600, role.maxSessionSeconds);
  const expiresAt = new Date(world.clock().getTime() + seconds * 1000);
  const session = world.accounts.startSession(role, sessionName, expiresAt, sessionPolicy?.policy);
  return {
    Credentials: {
      AccessKeyId: session.accessKeyId,
      SecretAccessKey: session.secretAccessKey,
      SessionToken: session.sessionToken,
      Expiration: expiresAt.toISOString(),
    },
    AssumedRoleUser: { AssumedRoleId: session.identity.userId, Arn: session.identity.arn },
    PackedPolicySize: sessionPolicy && Math.ceil((sessionPolicy.length / 2048) * 100),
  };
}

function mayAssume(caller: Identity, role: RoleRecord, request: PolicyRequest): boolean {
  const trusts = (principals: readonly string[]) =>
    evaluate(role.trustPolicy, { ...request, principals }) === 'allow';
  if (!trusts(caller.principals)) return false;
  const denial = denialOf(caller, request);
  if (denial === undefined) return true;
  // Within one account a trust policy that names the caller itself needs no word from its own policy.
  const ownNames = caller.principals.filter((name) => !isWholeAccount(name));
  return caller.accountId === role.accountId && denial.startsWith('because no') && trusts(ownNames);
}

function isWholeAccount(principal: string): boolean {
  return principal.endsWith(':root') || /^\d+$/.test(principal);
}

function durationOf(parameters: URLSearchParams, minimum: number): number | undefined {
  const text = parameters.get('DurationSeconds');
  if (text === null) return undefined;
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  const rule =
    seconds > 43_200
      ? 'less than or equal to 43200'
      : seconds >= minimum
        ? undefined
        : `greater than or equal to ${minimum}`;
  if (rule === undefined) return seconds;
  throw invalid(text, 'durationSeconds', `Member must have value ${rule}`);
}

function policyOf(
  parameters: URLSearchParams,
): { readonly policy: PolicyDocument; readonly length: number } | undefined {
  for (const name of parameters.keys()) {
    if (/^(PolicyArns|Tags|TransitiveTagKeys|ProvidedContexts)\.|^SerialNumber$/.test(name)) {
      throw new ServiceError(400, 'ValidationError', `The sandbox does not implement ${name}.`);
    }
  }
  const text = parameters.get('Policy');
  if (text === null) return undefined;
  if (text.length > 2048) {
    throw invalid(text, 'policy', 'Member must have length less than or equal to 2048');
  }
  const policy = parseJson(text);
  const problem = policyProblem(policy, 'permission');
  if (problem !== undefined) {
    throw new ServiceError(400, 'MalformedPolicyDocument', `Syntax errors in policy: ${problem}.`);
  }
  return { policy: policy as PolicyDocument, length: text.length };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function required(
  parameters: URLSearchParams,
  name: string,
  shortest: number,
  longest: number,
  pattern: RegExp,
): string {
  const value = parameters.get(name);
  const member = name.charAt(0).toLowerCase() + name.slice(1);
  if (value === null) {
    throw new ServiceError(
      400,
      'ValidationError',
      `1 validation error detected: Value null at '${member}' failed to satisfy constraint: Member must not be null`,
    );
  }
  const rule =
    value.length < shortest
      ? `Member must have length greater than or equal to ${shortest}`
      : value.length > longest
        ? `Member must have length less than or equal to ${longest}`
        : pattern.test(value)
          ? undefined
          : `Member must satisfy regular expression pattern: ${pattern.source}`;
  if (rule !== undefined) throw invalid(value, member, rule);
  return value;
}

function invalid(value: string, member: string, rule: string): ServiceError {
  return new ServiceError(
    400,
    'ValidationError',
    `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: ${rule}`,
  );
}
