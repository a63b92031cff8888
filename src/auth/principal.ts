import { createHash, timingSafeEqual } from 'node:crypto';
import { AppError } from '../errors.js';

/** Who asks. */
export interface Principal {
  /** For the log: "token 1", or "local" where no tokens are configured. */
  readonly name: string;
  /** May do what could harm others: take over an external id. */
  readonly administrator: boolean;
}

/** The tokens of a service. Without any, whoever reaches it is an administrator, and it listens on this machine only. */
export interface Tokens {
  readonly api: readonly string[];
  readonly admin: readonly string[];
}

/**
 * The principal behind an Authorization header.
 * @throws UNAUTHENTICATED when tokens are configured and the header has none of them
 */
export function authenticate(authorization: string | undefined, tokens: Tokens): Principal {
  if (tokens.api.length + tokens.admin.length === 0) return { name: 'local', administrator: true };
  const given = /^Bearer +([^ ]+)$/i.exec(authorization ?? '')?.[1] ?? '';
  // Every token is compared, in the same time, so that a wrong one says nothing about the right ones.
  const [admin, api] = [tokens.admin, tokens.api].map((list) =>
    list.map((token) => sameText(token, given)).indexOf(true),
  );
  if (admin !== undefined && admin >= 0) {
    return { name: `administrator token ${admin + 1}`, administrator: true };
  }
  if (api !== undefined && api >= 0) return { name: `token ${api + 1}`, administrator: false };
  throw new AppError(
    'UNAUTHENTICATED',
    'Send one of the configured tokens in the header: Authorization: Bearer TOKEN',
  );
}

function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
