import { createHash, randomBytes } from 'node:crypto';
import {
  cp,
  mkdtemp,
  open,
  readFile,
  readdir,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openDuckDB } from '../../src/engine/duckdb.js';
import type { Engine } from '../../src/engine/engine.js';
import type { AppError } from '../../src/errors.js';
import { ident, sql } from '../../src/sql.js';

const blocksBegin = 12_288;
const count = sql`select count(*) as n, sum(i) as s from kept`;

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bucketql-files-'));
  // A database of some blocks, and three commits in its log.
  const engine = await openDuckDB({ path: join(dir, 'sound.duckdb') });
  await engine.session(async (session) => {
    await session.run(
      sql`create table kept as select range::bigint as i, md5(range::varchar) as text from range(50000)`,
    );
    await engine.checkpoint();
    await session.run(sql`insert into kept values (-1, 'first')`);
    await session.run(sql`create table later as select range as i from range(9000)`);
    await session.run(sql`insert into kept values (-2, 'last')`);
  });
  await engine.close();
  const other = await openDuckDB({ path: join(dir, 'other.duckdb') });
  await other.session(async (session) => {
    await session.run(sql`create table different (a integer)`);
    await other.checkpoint();
    await session.run(sql`insert into different values (1)`);
  });
  await other.close();
});
afterAll(() => rm(dir, { recursive: true }));

interface Files {
  readonly path: string;
  readonly log: string;
}

let copies = 0;

async function copy(): Promise<Files> {
  const path = join(dir, `${++copies}.duckdb`);
  const log = `${path}.wal`;
  await cp(join(dir, 'sound.duckdb'), path);
  await cp(join(dir, 'sound.duckdb.wal'), log);
  return { path, log };
}

async function patch(path: string, at: number, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(bytes, 0, bytes.length, at);
  await file.close();
}

const sizeOf = async (path: string) => (await stat(path)).size;

/** What lies in the folder beside a path, with what it holds. */
async function contents({ path }: Files): Promise<Record<string, string>> {
  const names = (await readdir(dir)).filter((name) => join(dir, name).startsWith(path));
  const entries = names.map(async (name) => {
    const bytes = await readFile(join(dir, name));
    return [name, `${bytes.length} ${createHash('sha256').update(bytes).digest('hex')}`];
  });
  return Object.fromEntries(await Promise.all(entries)) as Record<string, string>;
}

const refused = (path: string): Promise<AppError> =>
  openDuckDB({ path }).then(
    async (engine) => {
      await engine.close();
      throw new Error('The database was opened');
    },
    (error: AppError) => error,
  );

const read = (engine: Engine) => engine.read((session) => session.rows(count));

type Damage = (files: Files) => Promise<void>;

// Without its log, so that the file alone has to show it.
const alone =
  (damage: Damage): Damage =>
  async (files) => {
    await rm(files.log);
    await damage(files);
  };

describe('a sound database', () => {
  it('is opened with what its log has, and its files stay as they are until the first checkpoint', async () => {
    const files = await copy();
    const before = await contents(files);
    const engine = await openDuckDB({ path: files.path });
    expect(await read(engine)).toEqual([{ n: 50_002n, s: expect.anything() }]);
    await engine.close();
    expect(await contents(files)).toEqual(before);
    const again = await openDuckDB({ path: files.path });
    await again.checkpoint();
    expect(await read(again)).toEqual([{ n: 50_002n, s: expect.anything() }]);
    await again.close();
    expect(Object.keys(await contents(files))).toEqual([`${copies}.duckdb`]);
  });

  it.each<[what: string, change: Damage, rows: bigint]>([
    ['a log of nothing', ({ log }) => truncate(log, 0), 50_000n],
    ['a log that a crash cut in its first bytes', ({ log }) => truncate(log, 3), 50_000n],
    [
      'a log that a crash cut in the middle of its last commit',
      async ({ log }) => truncate(log, (await sizeOf(log)) - 10),
      50_001n,
    ],
  ])('is opened with %s', async (_what, change, rows) => {
    const files = await copy();
    await change(files);
    const engine = await openDuckDB({ path: files.path });
    expect(await read(engine)).toEqual([{ n: rows, s: expect.anything() }]);
    await engine.close();
  });

  it('is opened when free blocks were cut off its end after a checkpoint', async () => {
    const path = join(dir, 'shrunk.duckdb');
    const engine = await openDuckDB({ path });
    await engine.session(async (session) => {
      await session.run(sql`create schema catalog`);
      await session.run(sql`create table catalog.runs as select 1 as a`);
      for (const part of ['a', 'b', 'c']) {
        await session.run(
          sql`create or replace table large as select hash(range) as ${ident(part)} from range(300000)`,
        );
        await engine.checkpoint();
      }
    });
    await engine.close();
    const file = await readFile(path);
    const header = file.readBigUInt64LE(4096 + 8) > file.readBigUInt64LE(8192 + 8) ? 4096 : 8192;
    // The header speaks of more blocks than there are: what a cut file looks like.
    expect(Number(file.readBigUInt64LE(header + 32))).toBeGreaterThan(
      (file.length - blocksBegin) / 262_144,
    );
    const again = await openDuckDB({ path });
    expect(await again.read((session) => session.rows(sql`select a from catalog.runs`))).toEqual([
      { a: 1 },
    ]);
    await again.close();
  });
});

describe('a damaged database', () => {
  it.each<[what: string, damage: Damage, message: RegExp]>([
    ['empty', alone(({ path }) => truncate(path, 0)), /is empty \(0 bytes\)/],
    ['empty beside a log', ({ path }) => truncate(path, 0), /is empty \(0 bytes\)/],
    ['missing beside a log', ({ path }) => rm(path), /\.wal is the log of a database.* is missing/],
    ['100 bytes long', alone(({ path }) => truncate(path, 100)), /could not be opened/],
    ['cut behind its headers', alone(({ path }) => truncate(path, blocksBegin)), /could not be/],
    [
      'cut in its middle',
      alone(async ({ path }) => truncate(path, (await sizeOf(path)) >> 1)),
      /could not be opened|was cut/,
    ],
    [
      'cut in its middle beside a log',
      async ({ path }) => truncate(path, (await sizeOf(path)) >> 1),
      /could not be opened|was cut/,
    ],
    [
      'cut by its last block',
      alone(async ({ path }) => truncate(path, (await sizeOf(path)) - 262_144)),
      /could not be opened|was cut/,
    ],
    ['garbage at its beginning', ({ path }) => patch(path, 0, randomBytes(4096)), /could not be/],
    ['garbage in its headers', ({ path }) => patch(path, 4096, randomBytes(8192)), /could not be/],
    ['something else', ({ path }) => writeFile(path, 'no database '.repeat(9000)), /could not be/],
    ['beside a log of garbage', ({ log }) => writeFile(log, randomBytes(5000)), /\.wal is no log/],
    ['beside a log of text', ({ log }) => writeFile(log, 'no log '.repeat(99)), /\.wal is no log/],
    [
      'beside a log without its beginning',
      ({ log }) => patch(log, 0, Buffer.alloc(16)),
      /\.wal is/,
    ],
    ['beside a log with garbage in an entry', ({ log }) => patch(log, 60, randomBytes(8)), /\.wal/],
    [
      'beside a log with a garbage length in the middle',
      ({ log }) => patch(log, 8, Buffer.alloc(8, 0x7f)),
      /\.wal is damaged at byte 8, and commits follow/,
    ],
    [
      'beside a log of which a part is gone',
      async ({ log }) => {
        const bytes = await readFile(log);
        await writeFile(log, Buffer.concat([bytes.subarray(0, 200), bytes.subarray(300)]));
      },
      /\.wal/,
    ],
    [
      'beside the log of another database',
      ({ log }) => cp(join(dir, 'other.duckdb.wal'), log),
      /could not be opened/,
    ],
  ])('that is %s is refused, and its files stay as they are', async (_what, damage, message) => {
    const files = await copy();
    await damage(files);
    const before = await contents(files);
    const error = await refused(files.path);
    expect(error).toMatchObject({ code: 'DATABASE_DAMAGED', retryable: false });
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/Nothing was changed/);
    expect(await contents(files)).toEqual(before);
  });

  it('of a later storage version is refused by that reason', async () => {
    const files = await copy();
    await rm(files.log);
    const head = (await readFile(files.path)).subarray(0, 4096);
    head.writeBigUInt64LE(9000n, 12);
    head.writeBigUInt64LE(checksum(head.subarray(8)), 0);
    await patch(files.path, 0, head);
    const before = await contents(files);
    const error = await refused(files.path);
    expect(error).toMatchObject({ code: 'DATABASE_DAMAGED' });
    expect(error.message).toMatch(/version number 9000/);
    expect(await contents(files)).toEqual(before);
  });

  it('with a block of a table that cannot be read answers what it can, and keeps its files', async () => {
    const files = await copy();
    const sound = await openDuckDB({ path: files.path });
    const [row] = await sound.read((session) =>
      session.rows(sql`select min(block_id) as block from pragma_storage_info('kept')
        where column_name = 'text' and block_id >= 0`),
    );
    await sound.close();
    await patch(files.path, blocksBegin + Number(row?.block) * 262_144 + 1000, randomBytes(64));
    const before = await contents(files);
    const engine = await openDuckDB({ path: files.path });
    const texts = engine.read((session) => session.rows(sql`select max(text) from kept`));
    await expect(texts).rejects.toMatchObject({ code: 'DATABASE_DAMAGED' });
    const others = engine.read((session) => session.rows(sql`select count(*) as n from later`));
    await expect(others).resolves.toEqual([{ n: 9000n }]);
    await engine.close();
    expect(await contents(files)).toEqual(before);
  });
});

/** DuckDB's checksum over whole words (common/checksum.cpp). */
function checksum(bytes: Buffer): bigint {
  let result = 5381n;
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    result ^= BigInt.asUintN(64, bytes.readBigUInt64LE(at) * 0xbf58476d1ce4e5b9n);
  }
  return result;
}
