import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { insertDataset } from '../../src/catalog/datasets.js';
import { parseDefinition } from '../../src/catalog/definition.js';
import { migrate } from '../../src/catalog/migrations.js';
import { openSecrets } from '../../src/catalog/rotate.js';
import { insertRun, listRuns, pruneRuns, type Run } from '../../src/catalog/runs.js';
import { listSchedules, setNextRun } from '../../src/catalog/schedules.js';
import {
  deleteWriteback,
  destinationOf,
  findWriteback,
  insertWriteback,
  listWritebacks,
  parseWriteback,
  requireWriteback,
  setDelivered,
  updateWriteback,
} from '../../src/catalog/writebacks.js';
import { openDuckDB } from '../../src/engine/duckdb.js';
import type { Engine } from '../../src/engine/engine.js';
import { openLog } from '../../src/log.js';
import { sql } from '../../src/sql.js';

const encryptionKey = Buffer.alloc(32, 7).toString('base64');
const log = openLog('silent');
const now = new Date('2026-01-01T00:00Z');

describe('stored writebacks', () => {
  let dir: string;
  let engine: Engine;
  const secretsUnder = (secretKey: string, ...secretKeyPrevious: string[]) =>
    openSecrets(engine, { secretKey, secretKeyPrevious, keyFile: join(dir, 'key') }, log);
  const first = 'a'.repeat(32);
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'bucketql-writebacks-'));
    engine = await openDuckDB();
    await migrate(engine);
  });
  afterEach(async () => {
    await engine.close();
    await rm(dir, { recursive: true, force: true });
  });

  const input = (more: Record<string, unknown> = {}) => ({
    name: 'nightly orders',
    query: { columns: ['a'], where: { a: { eq: null } } },
    destination: { connection: 'c', fileName: 'x', format: 'CSV', encryptionKey },
    ...more,
  });
  const keep = async (id: string, more: Record<string, unknown> = {}, datasetId = 'd') => {
    const secrets = await secretsUnder(first);
    const definition = parseWriteback(input(more));
    const facts = { datasetId, delivered: null, createdAt: now };
    return engine.transaction((session) =>
      insertWriteback(session, { id, definition, ...facts }, secrets),
    );
  };

  it('are what was given, without the key, which only its own way out shows', async () => {
    const made = await keep('w');
    const found = await engine.read((session) => requireWriteback(session, 'nightly orders'));
    expect(found).toEqual(made);
    // Nulls of the query mean something; defaults are filled in.
    expect(found.definition).toEqual({
      name: 'nightly orders',
      query: { columns: ['a'], where: { a: { eq: null } } },
      destination: { connection: 'c', fileName: 'x', format: 'CSV' },
      onlyNewData: false,
    });
    expect(JSON.stringify(found)).not.toContain(encryptionKey);
    expect(destinationOf(found, await secretsUnder(first))).toEqual({
      connection: 'c',
      fileName: 'x',
      format: 'CSV',
      encryptionKey,
    });
  });

  it('have their keys sealed anew when the service’s key changes', async () => {
    const { sealed } = await keep('w');
    const second = 'b'.repeat(32);
    await expect(secretsUnder(second)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    const secrets = await secretsUnder(second, first);
    const found = await engine.read((session) => findWriteback(session, { id: 'w' }));
    expect(found?.sealed).not.toBe(sealed);
    expect(found && destinationOf(found, secrets).encryptionKey).toBe(encryptionKey);
    expect(found && destinationOf(found, await secretsUnder(second)).encryptionKey).toBe(
      encryptionKey,
    );
  });

  it('are listed by name, by dataset and by connection', async () => {
    await keep('1', { name: 'b' });
    await keep('2', { name: 'a', destination: { connection: 'e' } }, 'f');
    const names = async (of?: Parameters<typeof listWritebacks>[1]) =>
      (await engine.read((session) => listWritebacks(session, of))).map(({ name }) => name);
    expect(await names()).toEqual(['a', 'b']);
    expect(await names({ limit: 1, offset: 1 })).toEqual(['b']);
    expect(await names({ dataset: 'f' })).toEqual(['a']);
    expect(await names({ connection: 'c' })).toEqual(['b']);
  });

  it('keep what they delivered when they change, but not of another dataset', async () => {
    const made = await keep('w');
    const secrets = await secretsUnder(first);
    const delivered = { sequence: 3, generation: 'g', last: 'r' };
    const definition = parseWriteback(input({ name: 'other', destination: { connection: 'e' } }));
    await engine.transaction((session) => setDelivered(session, made, delivered));
    await engine.transaction(async (session) => {
      const before = await requireWriteback(session, 'nightly orders');
      await updateWriteback(session, before, { datasetId: 'd', definition }, secrets);
    });
    const changed = await engine.read((session) => requireWriteback(session, 'other'));
    expect(changed).toMatchObject({ delivered, sealed: null, definition });
    await engine.transaction((session) =>
      updateWriteback(session, changed, { datasetId: 'f', definition }, secrets),
    );
    expect(await engine.read((session) => requireWriteback(session, 'other'))).toMatchObject({
      datasetId: 'f',
      delivered: null,
    });
    // What a run of the dataset before has to say comes too late.
    await expect(
      engine.transaction((session) => setDelivered(session, made, delivered)),
    ).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it.each([
    [{ name: 'a/b' }, 'name'],
    [{ query: [] }, 'query'],
    [{ destination: {} }, 'destination.connection'],
    [{ schedule: { cron: '* * * * *', retries: 99 } }, 'schedule.retries'],
  ])('are refused with %j', (more, field) => {
    expect(() => parseWriteback(input(more))).toThrow(field);
  });

  const run = (more: Partial<Run>): Run => ({
    id: 'r',
    kind: 'WRITEBACK',
    datasetId: 'd',
    writebackId: 'w',
    status: 'SUCCEEDED',
    trigger: 'REQUEST',
    attempt: 1,
    maxAttempts: 1,
    notBefore: null,
    queuedAt: now,
    startedAt: now,
    finishedAt: now,
    error: null,
    progress: { rows: 0, bytes: 0, objects: [] },
    ...more,
  });

  it('have runs of their own, which are pruned and forgotten apart from others', async () => {
    await keep('w');
    const at = (minute: number) => new Date(now.getTime() + minute * 60_000);
    await engine.transaction(async (session) => {
      for (const writebackId of ['w', 'v', null]) {
        for (const minute of [1, 2, 3]) {
          const id = `${writebackId ?? 'once'}${minute}`;
          const times = { queuedAt: at(minute), finishedAt: at(minute) };
          await insertRun(session, run({ id, writebackId, ...times }));
        }
      }
      await pruneRuns(session, run({ writebackId: 'w' }), 1);
      await pruneRuns(session, run({ writebackId: null }), 2);
    });
    const ids = async () =>
      (
        await engine.read((session) => session.rows(sql`select id from catalog.runs order by id`))
      ).map(({ id }) => String(id));
    expect(await ids()).toEqual(['once2', 'once3', 'v1', 'v2', 'v3', 'w3']);
    const page = { limit: 2, offset: 0 };
    const newest = await engine.read((session) =>
      listRuns(session, { kind: 'WRITEBACK', id: 'v' }, page),
    );
    expect(newest.map(({ id }) => id)).toEqual(['v3', 'v2']);
    await engine.transaction((session) => deleteWriteback(session, 'w'));
    expect(await ids()).toEqual(['once2', 'once3', 'v1', 'v2', 'v3']);
    expect(await engine.read((session) => findWriteback(session, { id: 'w' }))).toBeUndefined();
  });

  it('are scheduled beside datasets, each with its own failures', async () => {
    const schedule = { cron: '0 2 * * *' };
    await keep('w', { schedule });
    const dataset = {
      name: 'd',
      connection: 'c',
      selection: {},
      format: { type: 'CSV' },
      schedule,
    };
    await engine.transaction(async (session) => {
      const definition = parseDefinition(dataset);
      await insertDataset(session, { id: 'd', definition, createdAt: now });
      await setNextRun(session, { kind: 'IMPORT', id: 'd' }, now);
      await setNextRun(session, { kind: 'WRITEBACK', id: 'w' }, now);
      const error = { code: 'S3_ERROR', message: 'no', retryable: false, details: {} };
      await insertRun(session, run({ status: 'FAILED', trigger: 'SCHEDULE', error }));
    });
    expect(await engine.read(listSchedules)).toMatchObject([
      {
        subject: { kind: 'IMPORT', id: 'd' },
        about: { kind: 'IMPORT', datasetId: 'd', writebackId: null },
        failing: false,
      },
      {
        subject: { kind: 'WRITEBACK', id: 'w' },
        about: { kind: 'WRITEBACK', datasetId: 'd', writebackId: 'w' },
        failing: true,
      },
    ]);
  });
});
