import type { Dialect } from '../dialect.js';
import { AppError, isAppError, messageOf } from '../errors.js';

/** What an engine found wrong with a query that only it can check, as INVALID_INPUT; any other error as it is. */
export function refusedQuery(error: unknown, dialect: Dialect): unknown {
  if (isAppError(error)) return error;
  const message = messageOf(error);
  const pattern = dialect.patternProblem(message);
  const problem =
    pattern === undefined
      ? (dialect.seriesProblem(message) ?? dialect.sumProblem(message))
      : `A regular expression is not valid RE2: ${pattern}`;
  return problem === undefined ? error : new AppError('INVALID_INPUT', problem, { cause: error });
}
