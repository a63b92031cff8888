import { checkConnection, verdict } from '../aws/doctor.js';
import { setConnectionStatus, type Connection } from '../catalog/connections.js';
import type { Engine } from '../engine/engine.js';
import { isAppError, type ErrorCode } from '../errors.js';
import type { Log } from '../log.js';
import type { Buckets } from '../pipeline/buckets.js';

/** What checking a connection needs. */
export interface RecheckSettings {
  readonly engine: Engine;
  readonly buckets: Buckets;
  readonly log: Log;
}

const goodForMilliseconds = 3_600_000;

// Errors that say more about the connection than about what was asked of it.
const connectionErrors: readonly ErrorCode[] = [
  'ASSUME_ROLE_DENIED',
  'CREDENTIALS_INVALID',
  'ACCESS_DENIED',
  'BUCKET_NOT_FOUND',
  'WRONG_REGION',
  'ENDPOINT_NOT_ALLOWED',
];

/**
 * Uses a connection, and checks it again when it was not VALID, was found so more than an hour ago, or failed now. The
 * outcome of the use stays as it is; the connection's status tells what the check found.
 */
export async function withRecheck<T>(
  settings: RecheckSettings,
  connection: Connection,
  use: () => Promise<T>,
): Promise<T> {
  const { status, verifiedAt } = connection;
  const age = Date.now() - (verifiedAt?.getTime() ?? 0);
  let due = status !== 'VALID' || age > goodForMilliseconds;
  try {
    return await use();
  } catch (error) {
    due ||= isAppError(error) && connectionErrors.includes(error.code);
    throw error;
  } finally {
    if (due) await recheck(settings, connection);
  }
}

async function recheck(settings: RecheckSettings, connection: Connection): Promise<void> {
  try {
    await checkAndStore(settings, connection, { write: false });
  } catch (err) {
    settings.log.warn(
      { err, connection: connection.id },
      'a connection in use could not be checked',
    );
  }
}

/** Checks a connection and stores its status. @returns the connection as it is then, and what was tried */
export async function checkAndStore(
  { engine, buckets }: Pick<RecheckSettings, 'engine' | 'buckets'>,
  connection: Connection,
  options: { readonly write: boolean },
) {
  const checks = await checkConnection(connection.access, buckets.settings, options);
  const reason = verdict(checks);
  const found = {
    status: reason === undefined ? ('VALID' as const) : ('INVALID' as const),
    statusReason: reason ?? null,
    verifiedAt: new Date(),
  };
  await engine.transaction((session) => setConnectionStatus(session, connection.id, found));
  return { connection: { ...connection, ...found }, checks };
}
