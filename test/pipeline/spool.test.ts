import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { openBucket, type Bucket, type ObjectSummary } from '../../src/aws/objects.js';
import { LineCutter } from '../../src/pipeline/line-cutter.js';
import { spool, type SpooledFile } from '../../src/pipeline/spool.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.js';
import { accessTo } from '../support/access.js';

describe('spooling', () => {
  const texts = new Map(
    [0, 10, 200_000, 1_500_000].map((bytes) => [bytes, randomBytes(bytes / 2).toString('hex')]),
  );
  let dir: string;
  let sandbox: Sandbox;
  let bucket: Bucket;
  const objects: ObjectSummary[] = [];
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'bucketql-spool-'));
    sandbox = await startSandbox({ dir: join(dir, 's3') });
    const accountId = '222222222222';
    await sandbox.createBucket({ name: 'acme', accountId });
    for (const [bytes, text] of texts) {
      await sandbox.putObject('acme', `${bytes}.txt`, text);
      await sandbox.putObject('acme', `${bytes}.txt.gz`, gzipSync(text));
    }
    const { endpoint } = sandbox;
    bucket = openBucket(
      accessTo(endpoint, {
        ...sandbox.createUser({ accountId, name: 'owner' }),
        name: 'acme',
        downloadThreads: 3,
      }),
      'read',
      {
        region: 'us-east-1',
        sessionSeconds: 900,
        allowedEndpoints: [endpoint],
        readTimeoutSeconds: 0.3,
      },
    );
    for await (const object of bucket.list('')) objects.push(object);
  });
  afterEach(() => {
    sandbox.fault = undefined;
  });
  afterAll(async () => {
    bucket.close();
    await sandbox.close();
    await rm(dir, { recursive: true, force: true });
  });

  async function spoolAll(folder: string) {
    await mkdir(join(dir, folder));
    let arrived = 0;
    const files: SpooledFile[] = [];
    const batches = spool(bucket, objects, {
      dir: join(dir, folder),
      threads: 3,
      compression: 'AUTO',
      limits: { maxInflatedBytes: 10_000_000, maxInflationRatio: 1100 },
      signal: new AbortController().signal,
      onBytes: (bytes) => (arrived += bytes),
    });
    for await (const batch of batches) files.push(...batch);
    return { files, arrived };
  }

  async function expectAll(folder: string) {
    const { files, arrived } = await spoolAll(folder);
    expect(files.map(({ object }) => object.key)).toEqual(objects.map(({ key }) => key));
    for (const { object, path, bytes, plain } of files) {
      expect(plain).toBe(true);
      const text = texts.get(Number.parseInt(object.key)) ?? '';
      expect([object.key, (await readFile(path, 'utf8')) === text]).toEqual([object.key, true]);
      expect(bytes).toBe(text.length);
    }
    // Progress counts what is stored, each byte once.
    expect(arrived).toBe(objects.reduce((sum, { size }) => sum + size, 0));
  }

  it('writes each object, inflated, into a file', () => expectAll('peace'));

  it('hands over parts of a large text while the rest arrives', async () => {
    await mkdir(join(dir, 'parts'));
    const text = `${Array.from({ length: 300_000 }, (_, row) => `${row},é`).join('\n')}\n"quoted\n${'x\n'.repeat(1_000_000)}"\n`;
    await sandbox.putObject('acme', 'large/rows.csv', text);
    const large: ObjectSummary[] = [];
    for await (const object of bucket.list('large/')) large.push(object);
    const files: SpooledFile[] = [];
    const batches = spool(bucket, large, {
      dir: join(dir, 'parts'),
      threads: 3,
      compression: 'AUTO',
      limits: { maxInflatedBytes: 10_000_000, maxInflationRatio: 1100 },
      signal: new AbortController().signal,
      partBytes: 1_200_000,
      async cutter(path) {
        const cutter = new LineCutter('"');
        cutter.cut(await readFile(path));
        return cutter;
      },
    });
    for await (const batch of batches) files.push(...batch);
    const parts = await Promise.all(files.map(({ path }) => readFile(path, 'utf8')));
    expect(parts.join('') === text).toBe(true);
    expect(parts.length).toBeGreaterThan(1);
    // Each part ends with a whole line, and none is cut behind the quote.
    for (const part of parts) expect(part.endsWith('\n')).toBe(true);
    expect(parts.findIndex((part) => part.includes('"'))).toBe(parts.length - 1);
    expect(files.map(({ last }) => last)).toEqual(
      parts.map((_, index) => index === parts.length - 1),
    );
    expect(files.at(-1)?.earlier).toEqual(files.slice(0, -1).map(({ path }) => path));
    expect(files.every(({ plain }) => plain)).toBe(true);
  });

  it.each(['cutBody', 'stall'] as const)(
    'inflates on over every %s, without a byte twice or missing',
    async (kind) => {
      sandbox.fault = ({ operation, attempt }) =>
        operation === 'GetObject' && attempt <= 3
          ? { kind, afterBytes: [9, 70_001, 100_000][attempt - 1] ?? 0 }
          : undefined;
      await expectAll(kind);
    },
  );

  it('fails by the name of the object that does not come, and leaves nothing of it', async () => {
    sandbox.fault = ({ key }) =>
      key === '200000.txt.gz' ? { kind: 'cutBody', afterBytes: 0 } : undefined;
    await expect(spoolAll('outage')).rejects.toMatchObject({
      code: 'S3_UNAVAILABLE',
      retryable: true,
      details: { key: '200000.txt.gz' },
    });
    const index = objects.findIndex(({ key }) => key === '200000.txt.gz');
    expect(await readdir(join(dir, 'outage'))).not.toContain(String(index).padStart(6, '0'));
  });
});
