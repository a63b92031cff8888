import type { IncomingHttpHeaders } from 'node:http';
import type { Tokens } from '../auth/principal.js';
import { AppError } from '../errors.js';
import { parsedUrl } from '../url.js';

/**
 * Keeps pages of other sites away from a service without tokens, where whoever reaches it may do everything: their scripts
 * run in a browser on this very machine. A page whose own name was made to point here (DNS rebinding) gives that name as
 * the host. Tokens are no cookies, so with tokens there is nothing that a browser would send by itself.
 * @throws FORBIDDEN
 */
export function requireOwnHost({ host }: IncomingHttpHeaders, tokens: Tokens): void {
  if (guarded(tokens) || host === undefined || isLoopback(hostOf(`http://${host}`)?.name)) return;
  throw new AppError(
    'FORBIDDEN',
    `Without BUCKETQL_API_TOKENS the service answers on localhost only, and this request is for ${host}`,
  );
}

/**
 * The same for a WebSocket, which a browser opens to any site without asking: its page has to be from here.
 * @throws FORBIDDEN
 */
export function requireOwnOrigin(headers: IncomingHttpHeaders, tokens: Tokens): void {
  requireOwnHost(headers, tokens);
  const { host, origin } = headers;
  if (guarded(tokens) || origin === undefined) return;
  const from = hostOf(origin);
  if (from && from.host === hostOf(`http://${host}`)?.host) return;
  throw new AppError(
    'FORBIDDEN',
    `A page of ${origin} may not connect: without BUCKETQL_API_TOKENS only the service’s own pages may`,
  );
}

const guarded = ({ api, admin }: Tokens) => api.length + admin.length > 0;

function hostOf(text: string): { host: string; name: string } | undefined {
  const url = parsedUrl(text);
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') return undefined;
  return { host: url.host, name: url.hostname };
}

// Browsers resolve every name below .localhost to this machine themselves.
const isLoopback = (name: string | undefined) =>
  name !== undefined && /^(localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(name);
