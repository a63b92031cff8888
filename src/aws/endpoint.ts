import { lookup, type LookupAddress } from 'node:dns';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { AppError } from '../errors.js';
import { parsedUrl } from '../url.js';
import { addressKind, type AddressKind } from './addresses.js';

/** An endpoint that may be called. */
export interface Endpoint {
  /** Written in the one canonical way. null: AWS, where the SDK makes the host name from the region. */
  readonly url: string | null;
  readonly isAws: boolean;
  /** What its name may resolve to. */
  readonly reaches: readonly AddressKind[];
}

/** Gives all addresses of a name, as `dns.lookup` does. */
export type Resolver = (hostname: string) => Promise<readonly LookupAddress[]>;

// Inside a VPC the names of AWS have private addresses (interface endpoints).
const aws: Endpoint = { url: null, isAws: true, reaches: ['public', 'private'] };

// S3's own host names only: anybody can have a load balancer called something.elb.amazonaws.com, with any address behind it.
const region = String.raw`[a-z]{2}(?:-[a-z]+)+-\d`;
const s3Host = new RegExp(
  String.raw`^(?:[a-z0-9.-]+\.)?s3(?:-fips|-accelerate)?(?:\.dualstack)?(?:[.-]${region})?\.amazonaws\.com(?:\.cn)?$`,
);
// What the SDK would say itself; left to it, a corrected region changes the host name too.
const regionalHost = new RegExp(String.raw`^s3(?:\.${region})?\.amazonaws\.com$`);

const marker = '!private';

/**
 * The endpoint to call, when configuration lists it or it is AWS's.
 * @param allowed entries of BUCKETQL_ALLOWED_ENDPOINTS: an origin, then perhaps `!private`
 * @throws ENDPOINT_NOT_ALLOWED
 */
export function allowedEndpoint(endpoint: string | null, allowed: readonly string[]): Endpoint {
  if (endpoint === null) return aws;
  const url = parse(endpoint);
  if (!url) throw refusal('(unreadable)', 'is not an http or https URL');
  const { origin, hostname } = url;
  // The URL is not repeated from here on: what it carries may be a secret.
  if (url.username || url.password) throw refusal(origin, 'carries a user name or password');
  if (url.search || url.hash) throw refusal(origin, 'has a query or fragment');
  if (origin === `https://${hostname}` && s3Host.test(hostname)) {
    return regionalHost.test(hostname) && url.pathname === '/' ? aws : { ...aws, url: url.href };
  }
  const entries = allowed.filter((entry) => parse(unmarked(entry))?.origin === origin);
  if (entries.length === 0) throw refusal(origin, 'is not allowed', advice);
  const bare = hostname.replace(/^\[|\]$/g, '');
  if (isIP(bare) && ['metadata', 'special'].includes(addressKind(bare))) {
    throw refusal(origin, `has an address of kind ${addressKind(bare)}, which is never called`);
  }
  const isPrivate = entries.some((entry) => entry.endsWith(marker)) || isAwsName(url);
  return { url: url.href, isAws: false, reaches: reachesOf(hostname, isPrivate) };
}

/** Refuses an endpoint that configuration does not list; null (AWS itself) is always allowed. */
export function requireAllowed(endpoint: string | null, allowed: readonly string[]): void {
  allowedEndpoint(endpoint, allowed);
}

/** An endpoint from configuration, which is allowed because it stands there. It may end in `!private`. */
export function configuredEndpoint(entry: string, allowed: readonly string[]): Endpoint {
  return allowedEndpoint(unmarked(entry), [...allowed, entry]);
}

/**
 * Agents that connect to this endpoint's addresses only. A name is resolved once for each connection, and what was checked
 * is what is connected to, so a name that changes its mind (DNS rebinding) gains nothing.
 */
export function guardedAgents(
  endpoint: Endpoint,
  options: { readonly maxSockets?: number; readonly resolve?: Resolver | undefined } = {},
): { readonly httpAgent: HttpAgent; readonly httpsAgent: HttpsAgent } {
  const { maxSockets = 64, resolve } = options;
  const guarded = { keepAlive: true, maxSockets, lookup: guardedLookup(endpoint, resolve) };
  return { httpAgent: new HttpAgent(guarded), httpsAgent: new HttpsAgent(guarded) };
}

/** A `lookup` for sockets that fails with ENDPOINT_NOT_ALLOWED when any address of the name is one it may not have. */
export function guardedLookup(endpoint: Endpoint, resolve?: Resolver): LookupFunction {
  return (hostname, options, callback) => {
    const checked = (error: NodeJS.ErrnoException | null, found: readonly LookupAddress[] = []) => {
      const [first] = found;
      const wrong = found.find(({ address }) => !endpoint.reaches.includes(addressKind(address)));
      if (error) callback(error, '');
      else if (!first) callback(notFound(hostname), '');
      else if (wrong) callback(wrongAddress(endpoint, hostname, wrong.address), '');
      else if (options.all) callback(null, [...found]);
      else callback(null, first.address, first.family);
    };
    if (resolve) {
      resolve(hostname).then(
        (found) => checked(null, found),
        (error: NodeJS.ErrnoException) => checked(error),
      );
    } else {
      lookup(hostname, { ...options, all: true }, checked);
    }
  };
}

function parse(text: string): URL | undefined {
  const url = parsedUrl(text);
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') return undefined;
  // URL takes care of case, default ports and the spellings of IP addresses, but "host." is the same host too.
  url.hostname = url.hostname.replace(/\.$/, '');
  return url;
}

const unmarked = (entry: string) =>
  entry.endsWith(marker) ? entry.slice(0, -marker.length) : entry;

const isAwsName = ({ protocol, hostname }: URL) =>
  protocol === 'https:' && /\.amazonaws\.com(\.cn)?$/.test(hostname);

function reachesOf(hostname: string, isPrivate: boolean): readonly AddressKind[] {
  if (/(^|\.)localhost$/.test(hostname)) return ['loopback'];
  return isPrivate ? ['public', 'private'] : ['public'];
}

const advice = '; whoever runs the service adds it to BUCKETQL_ALLOWED_ENDPOINTS';

function refusal(endpoint: string, why: string, what = '', more = {}): AppError {
  return new AppError('ENDPOINT_NOT_ALLOWED', `Endpoint ${endpoint} ${why}${what}`, {
    details: { endpoint, ...more },
  });
}

function wrongAddress({ url }: Endpoint, hostname: string, address: string): AppError {
  const kind = addressKind(address);
  const name = url === null ? 'of AWS' : new URL(url).origin;
  const what =
    kind === 'private' && url !== null
      ? `; if it should, whoever runs the service lists it as ${name}${marker} in BUCKETQL_ALLOWED_ENDPOINTS`
      : '';
  // The address itself stays out of the answer: it would tell how the service's network looks inside.
  return refusal(name, `is refused: ${hostname} resolves to a ${kind} address`, what, { hostname });
}

function notFound(hostname: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' });
}
