import { AppError } from '../errors.js';
import type { PolicyDocument } from '../sandbox/sandbox.js';
import type { Row } from './table.js';
import { quoted, send, type Tour } from './tour.js';

interface CreatedConnection {
  readonly id: string;
  readonly externalId: string;
  readonly trustPolicy: PolicyDocument;
  readonly readPolicy: PolicyDocument;
  readonly writePolicy: PolicyDocument;
}

/** A connection and the role behind it. @returns the connection's id */
export async function connect(tour: Tour): Promise<string> {
  const { world, screen } = tour;
  screen.heading('A connection: credentials and one bucket');
  const { createConnection: connection } = await send<{ createConnection: CreatedConnection }>(
    tour,
    `mutation {
  createConnection(input: {
    name: "acme", roleArn: ${quoted(world.roleArn)}
    bucket: ${quoted(world.bucket)}, prefix: ${quoted(world.prefix)}, region: "us-east-1"
    endpoint: ${quoted(world.endpoint)}, forcePathStyle: true
  }) { id externalId trustPolicy readPolicy writePolicy }
}`,
  );
  screen.say(
    `The service made the external id ${connection.externalId}.\nThe bucket's owner pastes this trust policy into the role:`,
  );
  screen.json(connection.trustPolicy);

  screen.say('There is no such role yet, and the answer says so:');
  await refused(tour, connection.id);

  world.createRole({
    trust: connection.trustPolicy,
    permissions: [connection.readPolicy, connection.writePolicy],
  });
  screen.say(
    `Now the owner creates ${world.roleArn}\nwith that trust policy, readPolicy and writePolicy. Checked again:`,
  );
  await check(tour, connection.id);
  return connection.id;
}

async function refused({ client, screen }: Tour, id: string): Promise<void> {
  const operation = `{ objects(connection: ${quoted(id)}, selection: {}) { key size } }`;
  screen.graphql(operation);
  const { errors } = await client.ask(operation);
  const [error] = errors ?? [];
  if (error?.extensions.code !== 'ASSUME_ROLE_DENIED') {
    throw new AppError('INTERNAL', 'Without a role the answer should be ASSUME_ROLE_DENIED');
  }
  screen.say(`${error.extensions.code}: ${error.message}`);
}

async function check(tour: Tour, id: string): Promise<void> {
  const { testConnection } = await send<{
    testConnection: { connection: { status: string; statusReason: string | null }; checks: Row[] };
  }>(
    tour,
    `mutation {
  testConnection(id: ${quoted(id)}, write: true) {
    connection { status statusReason }
    checks { name outcome message }
  }
}`,
  );
  tour.screen.table(testConnection.checks);
  const { status, statusReason } = testConnection.connection;
  if (status !== 'VALID') {
    throw new AppError('INTERNAL', `The connection is ${status}: ${statusReason}`);
  }
}
