import { fromNodeProviderChain } from '@aws-sdk/credential-providers';
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { AppError } from '../errors.js';
import type { BucketAccess, Purpose } from './access.js';
import { withoutEchoes } from './echo.js';
import {
  allowedEndpoint,
  configuredEndpoint,
  guardedAgents,
  type Endpoint,
  type Resolver,
} from './endpoint.js';
import { assumeRoleError } from './errors.js';
import { sessionPolicy } from './policies.js';

/** Keys that sign requests. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

/** Gives valid credentials each time it is called. */
export type CredentialsProvider = () => Promise<Credentials>;

/** What assuming roles needs from configuration. */
export interface StsSettings {
  /** The service's own credentials. (Default: the process's AWS chain) */
  readonly base?: CredentialsProvider | undefined;
  /** (Default: the connection's endpoint for S3-compatible services, AWS's regional one otherwise) */
  readonly endpoint?: string | undefined;
  /** Entries of BUCKETQL_ALLOWED_ENDPOINTS. (Default: none; AWS and `endpoint` need no entry) */
  readonly allowedEndpoints?: readonly string[];
  /** In place of the system's, for tests. */
  readonly resolve?: Resolver;
  readonly region: string;
  /** Lifetime asked for, 900 to 43,200 on AWS. */
  readonly sessionSeconds: number;
  /** Now, for tests. */
  readonly clock?: () => Date;
}

/** Credentials for one connection and one kind of job. Sessions of a role are renewed before they expire. */
export function credentialsFor(
  access: BucketAccess,
  purpose: Purpose,
  settings: StsSettings,
): CredentialsProvider {
  switch (access.auth) {
    case 'AMBIENT':
      return settings.base ?? fromNodeProviderChain();
    case 'ACCESS_KEY': {
      const { accessKeyId, secretAccessKey, sessionToken } = access;
      if (!accessKeyId || !secretAccessKey) {
        throw new AppError(
          'INVALID_INPUT',
          `Connection ${access.name} has auth ACCESS_KEY but no access key id and secret`,
        );
      }
      return () =>
        Promise.resolve({
          accessKeyId,
          secretAccessKey,
          ...(sessionToken ? { sessionToken } : {}),
        });
    }
    case 'ASSUME_ROLE':
      return renewing(
        (now) => assumeRole(access, { ...settings, purpose, now }),
        settings.clock ?? (() => new Date()),
      );
  }
}

/**
 * One AssumeRole call.
 * @throws ASSUME_ROLE_DENIED, CREDENTIALS_INVALID (our own), S3_UNAVAILABLE
 */
export async function assumeRole(
  access: BucketAccess,
  options: StsSettings & {
    readonly purpose: Purpose;
    /** An id to try in place of the connection's; null sends none. For the doctor. */
    readonly externalId?: string | null;
    readonly now?: Date;
  },
): Promise<Credentials> {
  const { roleArn } = access;
  if (!roleArn) {
    throw new AppError(
      'INVALID_INPUT',
      `Connection ${access.name} has auth ASSUME_ROLE but no role ARN`,
    );
  }
  const externalId = options.externalId === undefined ? access.externalId : options.externalId;
  const client = stsClient(options, access);
  const began = options.now ?? new Date();
  try {
    const { Credentials: given } = await client.send(
      new AssumeRoleCommand({
        RoleArn: roleArn,
        RoleSessionName: access.roleSessionName,
        ExternalId: externalId ?? undefined,
        DurationSeconds: options.sessionSeconds,
        Policy: JSON.stringify(sessionPolicy(access, options.purpose)),
      }),
    );
    if (!given?.AccessKeyId || !given.SecretAccessKey || !given.SessionToken) {
      throw new AppError('S3_ERROR', `STS gave no credentials for role ${roleArn}`);
    }
    return {
      accessKeyId: given.AccessKeyId,
      secretAccessKey: given.SecretAccessKey,
      sessionToken: given.SessionToken,
      // Counted from our own clock: STS tells the end in its own, and the two may differ by more than the session's life.
      expiration: new Date(began.getTime() + options.sessionSeconds * 1000),
    };
  } catch (error) {
    throw assumeRoleError(error, { roleArn, externalId });
  } finally {
    client.destroy();
  }
}

/** The ARN that a trust policy should name for this service: the user's, or the role's behind a session. */
export async function callerPrincipal(settings: StsSettings): Promise<string> {
  const client = stsClient(settings);
  try {
    const { Arn } = await client.send(new GetCallerIdentityCommand({}));
    if (!Arn) throw new AppError('S3_ERROR', 'STS did not say who this service is');
    const session = /^arn:([^:]+):sts::(\d+):assumed-role\/(.+)\/[^/]+$/.exec(Arn);
    return session ? `arn:${session[1]}:iam::${session[2]}:role/${session[3]}` : Arn;
  } finally {
    client.destroy();
  }
}

function stsClient(settings: StsSettings, access?: BucketAccess): STSClient {
  const endpoint = stsEndpoint(settings, access);
  return withoutEchoes(
    new STSClient({
      region: access?.region ?? settings.region,
      credentials: settings.base ?? fromNodeProviderChain(),
      ...(endpoint.url !== null ? { endpoint: endpoint.url } : {}),
      maxAttempts: 4,
      requestHandler: {
        connectionTimeout: 5_000,
        requestTimeout: 15_000,
        throwOnRequestTimeout: true,
        ...guardedAgents(endpoint, { resolve: settings.resolve }),
      },
    }),
  );
}

function stsEndpoint(settings: StsSettings, access?: BucketAccess): Endpoint {
  const { endpoint, allowedEndpoints = [] } = settings;
  if (endpoint !== undefined) return configuredEndpoint(endpoint, allowedEndpoints);
  const connected = allowedEndpoint(access?.endpoint ?? null, allowedEndpoints);
  // S3's hosts at AWS know no STS; its own regional one is asked.
  return connected.isAws ? allowedEndpoint(null, []) : connected;
}

// Renews when less than a quarter of the lifetime (at most five minutes) is left, one call at a time.
function renewing(
  renew: (now: Date) => Promise<Credentials>,
  clock: () => Date,
): CredentialsProvider {
  let current: { credentials: Credentials; renewAt: number } | undefined;
  let pending: Promise<Credentials> | undefined;
  return () => {
    const now = clock();
    if (current && now.getTime() < current.renewAt) return Promise.resolve(current.credentials);
    pending ??= renew(now)
      .then((credentials) => {
        const end = credentials.expiration?.getTime() ?? now.getTime() + 900_000;
        const margin = Math.min(300_000, (end - now.getTime()) / 4);
        current = { credentials, renewAt: end - margin };
        return credentials;
      })
      .finally(() => {
        pending = undefined;
      });
    return pending;
  };
}
