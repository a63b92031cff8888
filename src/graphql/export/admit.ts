import type { IncomingHttpHeaders } from 'node:http';
import { authenticate, type Principal, type Tokens } from '../../auth/principal.js';
import { AppError } from '../../errors.js';
import { requireOwnHost } from '../own-site.js';

/**
 * Lets a request for an export in, by the rules of /graphql. Without tokens, a page of another site could make a browser on this
 * machine start exports that nobody reads; browsers say where a request is from.
 * @throws FORBIDDEN, UNAUTHENTICATED, OPERATION_NOT_ALLOWED
 */
export function admitExport(
  headers: IncomingHttpHeaders,
  tokens: Tokens,
  /** Whether only listed operations may run: an export can ask anything of a dataset's rows. */
  listedOnly: boolean,
): Principal {
  requireOwnHost(headers, tokens);
  const principal = authenticate(headers.authorization, tokens);
  const site = headers['sec-fetch-site'] ?? 'none';
  if (
    tokens.api.length + tokens.admin.length === 0 &&
    !['none', 'same-origin'].includes(`${site}`)
  ) {
    throw new AppError(
      'FORBIDDEN',
      'Without BUCKETQL_API_TOKENS, pages of other sites may not ask for exports',
    );
  }
  if (listedOnly) {
    throw new AppError(
      'OPERATION_NOT_ALLOWED',
      'Only the operations of BUCKETQL_OPERATIONS may run, so there are no exports',
    );
  }
  return principal;
}
