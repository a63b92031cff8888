import type { TypedDocumentString } from './generated/graphql.js';

/** Where the service answers; `npm run demo -- --serve` does at this address. */
export const url = process.env.BUCKETQL_URL ?? 'http://127.0.0.1:4000/graphql';

const token = process.env.BUCKETQL_TOKEN;
export const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};

/** Asks, and knows the types of the variables and of the answer. */
export async function ask<Answer, Variables>(
  document: TypedDocumentString<Answer, Variables>,
  variables: Variables,
): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query: document.toString(), variables }),
  });
  const { data, errors } = (await response.json()) as {
    data: Answer | null;
    errors?: { message: string }[];
  };
  if (!data || errors) throw new Error(errors?.map(({ message }) => message).join('\n'));
  return data;
}
