import { AppError } from '../errors.js';

/** An error as a GraphQL answer carries it. */
export interface AnswerError {
  readonly message: string;
  readonly extensions: { readonly code: string };
}

/** What a request came back with. */
export interface Answer {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly AnswerError[];
}

/** GraphQL over HTTP, as any client speaks it. */
export interface Client {
  ask(operation: string): Promise<Answer>;
  /** The data of an answer without errors. @throws INTERNAL with what the service said otherwise */
  data<T>(operation: string): Promise<T>;
}

/** A client for a GraphQL address. Requests end when the signal says so. */
export function graphqlClient(url: string, signal: AbortSignal): Client {
  const ask = async (operation: string): Promise<Answer> => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ query: operation }),
      signal,
    });
    return (await response.json()) as Answer;
  };
  return {
    ask,
    async data<T>(operation: string): Promise<T> {
      const { data, errors } = await ask(operation);
      const [error] = errors ?? [];
      if (error) {
        throw new AppError(
          'INTERNAL',
          `The service answered ${error.extensions.code}: ${error.message}\n${operation}`,
        );
      }
      return data as T;
    },
  };
}
