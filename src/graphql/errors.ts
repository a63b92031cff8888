import { randomUUID } from 'node:crypto';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { isAppError } from '../errors.js';
import { without, type Log } from '../log.js';

/**
 * Turns any error into what clients see: our code, retryable and details in `extensions`; INTERNAL for the rest. What
 * must not be read, in the log or by the client, is taken out: secrets that are stored, and those the request sent.
 */
export function errorFormatter(log: Log, sentSecrets: () => readonly string[]) {
  return (formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError => {
    const sent = sentSecrets();
    return log.scrub(without(format(formatted, error, withoutSent(log, sent)), sent));
  };
}

// A request's own secrets are hidden for its own lines only: a client could otherwise hide any word for good.
const withoutSent =
  (log: Log, sent: readonly string[]): LogError =>
  (members, message) =>
    log.error(without(members, sent), without(message, sent));

type LogError = (members: { readonly err: unknown; readonly id?: string }, message: string) => void;

function format(
  formatted: GraphQLFormattedError,
  error: unknown,
  logError: LogError,
): GraphQLFormattedError {
  const original = originalOf(error);
  if (isAppError(original)) {
    const { code, message, retryable, details } = original;
    if (code === 'INTERNAL') logError({ err: original }, message);
    return { ...formatted, message, extensions: { code, retryable, details: plain(details) } };
  }
  if (original === undefined || isAboutRequest(formatted)) return formatted;
  const id = randomUUID();
  logError({ err: original, id }, 'unexpected error in a request');
  return {
    ...formatted,
    message: `An internal error happened; the log has it under ${id}`,
    extensions: { code: 'INTERNAL', retryable: false, details: { id } },
  };
}

// What graphql-js and Apollo say about the document, its variables and the request is meant for the client, also where a
// scalar threw because a value is none of its own.
const requestCodes = [
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
  'BAD_REQUEST',
];

const isAboutRequest = ({ extensions }: GraphQLFormattedError) =>
  requestCodes.includes(String(extensions?.code));

function originalOf(error: unknown): unknown {
  if (!(error instanceof GraphQLError)) return error;
  const { originalError } = error;
  return originalError instanceof GraphQLError ? originalOf(originalError) : originalError;
}

const plain = (details: unknown): Record<string, unknown> =>
  JSON.parse(
    JSON.stringify(details, (_key, member: unknown) =>
      typeof member === 'bigint' ? member.toString() : member,
    ),
  ) as Record<string, unknown>;
