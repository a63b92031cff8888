import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { migrate } from '../../src/catalog/migrations.js';
import { openSecrets } from '../../src/catalog/rotate.js';
import { keyFromText, makeKeyFile, readKeyFile, secretKey } from '../../src/catalog/secret-keys.js';
import { sealOf, secretsUnder, type Secrets } from '../../src/catalog/secrets.js';
import { openDuckDB } from '../../src/engine/duckdb.js';
import type { Engine } from '../../src/engine/engine.js';
import { openLog } from '../../src/log.js';
import { sql, value } from '../../src/sql.js';

const key = secretKey(Buffer.alloc(32, 1));
const other = secretKey(Buffer.alloc(32, 2));
const damaged: unknown = expect.objectContaining({ code: 'DATABASE_DAMAGED' });

describe('secrets', () => {
  const secrets = secretsUnder(key);

  it('come back as they were, and look different each time', () => {
    const sealed = secrets.seal({ secretAccessKey: 'wJalrXUtnFEMI/ü' }, 'a');
    expect(sealed).not.toContain('wJalr');
    expect(secrets.seal({ secretAccessKey: 'wJalrXUtnFEMI/ü' }, 'a')).not.toBe(sealed);
    expect(secrets.open(sealed, 'a')).toEqual({ secretAccessKey: 'wJalrXUtnFEMI/ü' });
  });

  it('cannot be opened with another key, which says the one it needs', () => {
    const sealed = secrets.seal({ secretAccessKey: 'secret' }, 'a');
    expect(() => secretsUnder(other).open(sealed, 'a')).toThrow(damaged);
    expect(() => secretsUnder(other).open(sealed, 'a')).toThrow(key.id);
  });

  it('cannot be opened for another record, nor when any part of them was changed', () => {
    const sealed = secrets.seal({ secretAccessKey: 'secret' }, 'a');
    expect(() => secrets.open(sealed, 'b')).toThrow(damaged);
    sealed.split('.').forEach((part, index, parts) => {
      const changed = parts.with(index, (part.startsWith('A') ? 'B' : 'A') + part.slice(1));
      expect(() => secrets.open(changed.join('.'), 'a')).toThrow(damaged);
    });
    const [version, id, iv, tag = '', body] = sealed.split('.');
    const short = Buffer.from(tag, 'base64').subarray(0, 4).toString('base64');
    expect(() => secrets.open([version, id, iv, short, body].join('.'), 'a')).toThrow(damaged);
    expect(() => secrets.open('v9.a.b.c', 'a')).toThrow(damaged);
    expect(() => secrets.open('', 'a')).toThrow(damaged);
  });

  it('are told to whoever keeps them out of messages', () => {
    const told: string[] = [];
    const telling = secretsUnder(key, (secret) => told.push(secret));
    telling.open(telling.seal({ secretAccessKey: 'one', sessionToken: 'two' }, 'a'), 'a');
    expect(told).toEqual(['one', 'two', 'one', 'two']);
  });
});

describe('keys', () => {
  const bytes = randomBytes(32);

  it.each([
    ['hex', bytes.toString('hex')],
    ['upper-case hex', bytes.toString('hex').toUpperCase()],
    ['base64', bytes.toString('base64')],
    ['base64url', bytes.toString('base64url')],
  ])('of 32 bytes are taken as they are from %s', async (_name, text) => {
    expect((await keyFromText(text, 'salt')).bytes).toEqual(bytes);
  });

  it('are stretched from a passphrase, differently under another salt', async () => {
    const made = await keyFromText('correct horse battery', 'salt');
    expect(made.bytes).toHaveLength(32);
    expect(await keyFromText('correct horse battery', 'salt')).toEqual(made);
    expect((await keyFromText('correct horse battery', 'pepper')).id).not.toBe(made.id);
  });
});

describe('the key file', () => {
  let dir: string;
  let path: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'bucketql-key-'));
    path = join(dir, 'secret.key');
  });
  afterEach(() => rm(dir, { recursive: true }));

  it('can only be read by its owner', async () => {
    const made = await makeKeyFile(path);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readKeyFile(path)).toEqual({ key: made, wasReadable: false });
    expect(await readdir(dir)).toEqual(['secret.key']);
  });

  it('is closed to others where it was open, and says so', async () => {
    await makeKeyFile(path);
    await chmod(path, 0o644);
    expect(await readKeyFile(path)).toMatchObject({ wasReadable: true });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readKeyFile(path)).toMatchObject({ wasReadable: false });
  });

  it('is refused when it was cut short', async () => {
    await writeFile(path, '');
    await expect(readKeyFile(path)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });
});

describe('opening the secrets of a database', () => {
  let dir: string;
  let keyFile: string;
  let engine: Engine;
  let lines: string[];
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'bucketql-rotate-'));
    keyFile = join(dir, 'secret.key');
    engine = await openDuckDB();
    await migrate(engine);
    lines = [];
  });
  afterEach(async () => {
    await engine.close();
    await rm(dir, { recursive: true });
  });

  const first = randomBytes(32).toString('base64');
  const second = randomBytes(32).toString('hex');
  const open = (secretKey?: string, secretKeyPrevious: string[] = []) =>
    openSecrets(
      engine,
      { secretKey, secretKeyPrevious, keyFile },
      openLog('info', { write: (line) => void lines.push(line) }),
    );
  const store = (id: string, sealed: string) =>
    engine.transaction((session) =>
      session.run(
        sql`insert into catalog.connections values (${value(id)}, ${value(id)}, '{}', ${value(sealed)}, 'VALID', null, null, 1, now()::timestamp)`,
      ),
    );
  const stored = () =>
    engine.read(async (session) => {
      const rows = await session.rows(sql`select id, secrets from catalog.connections order by id`);
      return rows.map(({ id, secrets }) => [String(id), String(secrets)] as const);
    });
  const fill = async (secrets: Secrets) => {
    for (const id of ['a', 'b', 'c']) {
      await store(id, secrets.seal({ secretAccessKey: `secret of ${id}` }, id));
    }
  };
  const opened = async (secrets: Secrets) =>
    (await stored()).map(([id, sealed]) => secrets.open(sealed, id).secretAccessKey);
  const all = ['secret of a', 'secret of b', 'secret of c'];

  it('makes a key file at the first start and uses it from then on', async () => {
    await fill(await open());
    expect(await opened(await open())).toEqual(all);
    expect(lines).toEqual([]);
  });

  it('makes no key file where a key is given', async () => {
    await fill(await open(first));
    expect(await readdir(dir)).toEqual([]);
    expect(await opened(await open(first))).toEqual(all);
  });

  it('seals everything again under a new key, and says how much', async () => {
    await fill(await open(first));
    const rotated = await open(second, [first]);
    expect(await opened(rotated)).toEqual(all);
    const { id } = await keyFromText(second, '');
    expect((await stored()).map(([, sealed]) => sealOf(sealed)?.keyId)).toEqual([id, id, id]);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ count: 3, key: id });
    // The old key is not needed any more.
    expect(await opened(await open(second))).toEqual(all);
    expect(lines).toHaveLength(1);
  });

  it('goes from the key file to a passphrase, and back again', async () => {
    await fill(await open());
    const passphrase = 'correct horse battery staple';
    expect(await opened(await open(passphrase))).toEqual(all);
    expect(lines[1]).toContain('the key file is not in use any more');
    await rm(keyFile);
    expect(await opened(await open(passphrase))).toEqual(all);
    expect(await opened(await open(undefined, [passphrase]))).toEqual(all);
    expect(await opened(await open())).toEqual(all);
  });

  it.each([
    ['another key', second],
    ['no key', undefined],
  ])('with %s stops, says which is needed, and leaves everything as it is', async (_n, given) => {
    await fill(await open(first));
    const before = await stored();
    const { id } = await keyFromText(first, '');
    await expect(open(given)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringMatching(new RegExp(`^3 stored secrets need key ${id} `)),
    });
    expect(await stored()).toEqual(before);
    expect(await readdir(dir)).toEqual([]);
  });

  it('changes nothing when one of the secrets cannot be sealed again', async () => {
    const secrets = await open(first);
    await fill(secrets);
    await store('d', secrets.seal({ secretAccessKey: 'x' }, 'another'));
    const before = await stored();
    await expect(open(second, [first])).rejects.toMatchObject({ code: 'DATABASE_DAMAGED' });
    expect(await stored()).toEqual(before);
  });

  it('finishes a rotation that was stopped when some were sealed again and some not', async () => {
    await fill(await open(first));
    await store('d', (await open(second, [first])).seal({ secretAccessKey: 'secret of d' }, 'd'));
    await store(
      'e',
      secretsUnder(await keyFromText(first, '')).seal({ secretAccessKey: 'e' }, 'e'),
    );
    expect(await opened(await open(second, [first]))).toEqual([...all, 'secret of d', 'e']);
  });

  it('reads what the first version sealed, and seals it again for its record', async () => {
    await open();
    const old = createHash('sha256')
      .update(await readFile(keyFile))
      .digest();
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', old, iv);
    const body = Buffer.concat([cipher.update('{"secretAccessKey":"old"}'), cipher.final()]);
    const parts = [iv, cipher.getAuthTag(), body].map((part) => part.toString('base64'));
    await store('a', ['v1', ...parts].join('.'));
    expect(await opened(await open())).toEqual(['old']);
    expect(sealOf((await stored())[0]?.[1] ?? '')?.version).toBe('v2');
  });
});
