import { createHash, timingSafeEqual } from 'node:crypto';
import { AppError } from '../errors.js';

/** Who asks. */
export interface Principal {
  /** For the log: "token 1", or "local" where no tokens are configured. */
  readonly name: string;
}

/**
 * The principal behind an Authorization header.
 * @throws UNAUTHENTICATED when tokens are configured and the header has none of them
 */
export function authenticate(
  authorization: string | undefined,
  tokens: readonly string[],
): Principal {
  if (tokens.length === 0) return { name: 'local' };
  const given = /^Bearer +([^ ]+)$/i.exec(authorization ?? '')?.[1];
  // Every token is compared, in the same time, so that a wrong one says nothing about the right ones.
  const matches = given === undefined ? [] : tokens.map((token) => sameText(token, given));
  const index = matches.indexOf(true);
  if (index < 0) {
    throw new AppError(
      'UNAUTHENTICATED',
      'Send one of the configured tokens in the header: Authorization: Bearer TOKEN',
    );
  }
  return { name: `token ${index + 1}` };
}

function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
