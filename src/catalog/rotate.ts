import type { Engine, Session } from '../engine/engine.js';
import { AppError } from '../errors.js';
import type { Log } from '../log.js';
import { ident, sql, value } from '../sql.js';
import { keyFromText, makeKeyFile, readKeyFile, type SecretKey } from './secret-keys.js';
import { sealAgain, sealOf, secretsUnder, type Secrets } from './secrets.js';

// Every column that holds sealed texts, each sealed for the id of its row.
const sealedColumns = [
  { table: 'connections', column: 'secrets' },
  { table: 'writebacks', column: 'secrets' },
] as const;

/** Where the keys are, from configuration. */
export interface KeySettings {
  /** The key; without one the file is it, which is made when there is none. */
  readonly secretKey: string | undefined;
  /** Keys that were in use before and may still be needed to open what they sealed. */
  readonly secretKeyPrevious: readonly string[];
  readonly keyFile: string;
}

/**
 * Opens the secrets, and seals again under the current key whatever an older one sealed, all of it or nothing.
 * @throws INVALID_INPUT when something stored needs a key that was not given; nothing is changed then
 */
export async function openSecrets(
  engine: Engine,
  settings: KeySettings,
  log: Log,
): Promise<Secrets> {
  const { salt, sealed } = await engine.read(async (session) => ({
    salt: await saltOf(session),
    sealed: await listSealed(session),
  }));
  const file = await readKeyFile(settings.keyFile);
  if (file?.wasReadable) {
    log.warn(
      { file: settings.keyFile },
      'others could read the key file; now its owner alone can. Whoever may have read it: use another key',
    );
  }
  const given =
    settings.secretKey === undefined ? undefined : await keyFromText(settings.secretKey, salt);
  const previous: SecretKey[] = [];
  for (const text of settings.secretKeyPrevious) previous.push(await keyFromText(text, salt));
  if (file) previous.push(file.key);

  const current = given ?? file?.key;
  requireKeys(sealed, [...(current ? [current] : []), ...previous], settings);
  const key = current ?? (await makeKeyFile(settings.keyFile));
  const stale = sealed.filter(({ text }) => sealOf(text)?.keyId !== key.id);
  if (stale.length > 0) {
    await engine.transaction(async (session) => {
      for (const { table, column, id, text } of stale) {
        const again = sealAgain(text, id, { from: [key, ...previous], to: key });
        await session.run(
          sql`update ${ident('catalog', table)} set ${ident(column)} = ${value(again)} where id = ${value(id)}`,
        );
      }
    });
    // So that the file keeps as little as possible of what the old key opens.
    await engine.checkpoint();
    log.info(
      { count: stale.length, key: key.id },
      'secrets were sealed again under the current key',
    );
  }
  if (given && file && given.id !== file.key.id) {
    log.info(
      { file: settings.keyFile },
      'the key file is not in use any more; keep it as long as backups need it',
    );
  }
  return secretsUnder(key, (secret) => log.hide(secret));
}

interface Sealed {
  readonly table: string;
  readonly column: string;
  readonly id: string;
  readonly text: string;
}

async function listSealed(session: Session): Promise<Sealed[]> {
  const found: Sealed[] = [];
  for (const { table, column } of sealedColumns) {
    const rows = await session.rows(
      sql`select id, ${ident(column)} as "text" from ${ident('catalog', table)} where ${ident(column)} is not null`,
    );
    for (const row of rows)
      found.push({ table, column, id: String(row.id), text: String(row.text) });
  }
  return found;
}

async function saltOf(session: Session): Promise<string> {
  const [row] = await session.rows(sql`select salt from catalog.key_salt`);
  if (!row) throw new AppError('DATABASE_DAMAGED', 'The table catalog.key_salt is empty');
  return String(row.salt);
}

function requireKeys(
  sealed: readonly Sealed[],
  keys: readonly SecretKey[],
  settings: KeySettings,
): void {
  const known = new Set(keys.map(({ id }) => id));
  const locked = sealed.filter(({ id, text }) => {
    const seal = sealOf(text);
    if (seal?.keyId) return !known.has(seal.keyId);
    return !keys.some((key) => opens(key, text, id));
  });
  if (locked.length === 0) return;
  const ids = [...new Set(locked.map(({ text }) => sealOf(text)?.keyId ?? 'of an older version'))];
  const have = keys.length === 0 ? 'none was given' : `given: ${[...known].join(', ')}`;
  throw new AppError(
    'INVALID_INPUT',
    `${locked.length} stored secrets need key ${ids.join(', ')} (${have}). Give it as BUCKETQL_SECRET_KEY, or as BUCKETQL_SECRET_KEY_PREVIOUS to seal them under another, or put the file back at ${settings.keyFile}. Nothing was changed`,
    { details: { count: locked.length, needed: ids, given: [...known] } },
  );
}

function opens(key: SecretKey, text: string, id: string): boolean {
  try {
    sealAgain(text, id, { from: [key], to: key });
    return true;
  } catch {
    return false;
  }
}
