import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBucket, type Bucket } from '../../src/aws/objects.js';
import type { WritebackProgress } from '../../src/catalog/runs.js';
import type { Column } from '../../src/columns.js';
import { duckdbDialect } from '../../src/engine/dialect.js';
import { openDuckDB } from '../../src/engine/duckdb.js';
import type { Engine } from '../../src/engine/engine.js';
import { parseDestination } from '../../src/pipeline/destination.js';
import { objectKey } from '../../src/pipeline/object-names.js';
import { writeResult, type WritebackJob } from '../../src/pipeline/writeback.js';
import type { Query } from '../../src/query/query.js';
import { startSandbox, type Sandbox, type SandboxUser } from '../../src/sandbox/sandbox.js';
import { ident, sql, type Sql } from '../../src/sql.js';
import { accessTo } from './access.js';
import { noUploads } from './uploads.js';

/** An engine and a bucket, and what writes from the one into the other. */
export interface Writer {
  readonly engine: Engine;
  readonly sandbox: Sandbox;
  /** With all rights. */
  readonly bucket: Bucket;
  /** The same with the rights to do these things. The caller closes it. */
  bucketFor(...actions: string[]): Bucket;
  /** Makes a table of a select, and gives the query of all its rows. */
  table(name: string, select: Sql, columns: readonly ColumnOf[]): Promise<Query>;
  /** Writes a query's result into the folder `out` as the name `x`. */
  write(
    query: Query,
    destination: Record<string, unknown>,
    more?: Partial<WritebackJob>,
  ): Promise<WritebackProgress>;
  read(key: string): Promise<Buffer>;
  keys(): Promise<string[]>;
  end(): Promise<void>;
}

/** A column's name, type and digits. */
export type ColumnOf = Pick<Column, 'name' | 'type'> & Pick<Partial<Column>, 'decimal'>;

/** Starts them. */
export async function startWriter(): Promise<Writer> {
  const dir = await mkdtemp(join(tmpdir(), 'bucketql-writer-'));
  const sandbox = await startSandbox({ dir: join(dir, 's3') });
  await sandbox.createBucket({ name: 'acme', accountId: '222222222222' });
  const bucketOf = (user: SandboxUser) =>
    openBucket(accessTo(sandbox.endpoint, { ...user, name: 'acme' }), 'write', {
      region: 'us-east-1',
      sessionSeconds: 900,
      allowedEndpoints: [sandbox.endpoint],
    });
  const bucket = bucketOf(sandbox.createUser({ accountId: '222222222222', name: 'owner' }));
  const engine = await openDuckDB({ tempDirectory: join(dir, 'temp') });
  return {
    engine,
    sandbox,
    bucket,
    bucketFor: (...actions) =>
      bucketOf(
        sandbox.createUser({
          accountId: '222222222222',
          name: actions.join('-').replaceAll(':', '.'),
          policy: {
            Version: '2012-10-17',
            Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }],
          },
        }),
      ),
    async table(name, select, columns) {
      await engine.transaction((session) =>
        session.run(sql`create or replace table ${ident(name)} as ${select}`),
      );
      const all = columns.map((column) => ({ source: column.name, nullable: true, ...column }));
      return {
        kind: 'rows',
        from: { segments: [{ table: name }], columns: all },
        columns: columns.map((column) => column.name),
        orderBy: [],
      };
    },
    async write(query, given, more = {}) {
      const destination = parseDestination({
        connection: 'c',
        path: 'out',
        fileName: 'x',
        format: 'CSV',
        ...given,
      });
      const facts = {
        prefix: '',
        dataset: 'things',
        runId: more.runId ?? 'run-1',
        now: new Date('2026-03-01T11:30:00Z'),
      };
      const spoolDir = await mkdtemp(join(dir, 'spool-'));
      const written = await engine.session((session) =>
        writeResult({
          ...facts,
          query,
          dialect: duckdbDialect,
          session,
          destination,
          bucket,
          uploads: noUploads,
          key: objectKey(destination, facts),
          generations: [{ dataset: 'things', generation: 'g-1' }],
          spoolDir,
          signal: new AbortController().signal,
          ...more,
        }),
      );
      const left = await readdir(spoolDir);
      if (left.length > 0) throw new Error(`the spool has ${left.join()}`);
      return written;
    },
    async read(key) {
      const body = await sandbox.readObject('acme', key);
      if (!body) throw new Error(`no object ${key}`);
      return body;
    },
    keys: () => sandbox.listKeys('acme'),
    async end() {
      bucket.close();
      await engine.close();
      await sandbox.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
