import type { Client } from './client.js';
import type { Screen } from './screen.js';
import type { DemoWorld } from './world.js';

/** What each part of the demo needs. */
export interface Tour {
  readonly world: DemoWorld;
  readonly client: Client;
  readonly screen: Screen;
  readonly signal: AbortSignal;
}

/** Prints an operation, sends it and gives its data. */
export function send<T>({ client, screen }: Tour, operation: string): Promise<T> {
  screen.graphql(operation);
  return client.data<T>(operation);
}

/** Text as a GraphQL string literal. */
export const quoted = (text: string): string => JSON.stringify(text);
