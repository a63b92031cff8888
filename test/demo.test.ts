import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runDemo } from '../src/demo/run.js';

describe('the demo', () => {
  const lines: string[] = [];
  let text = '';
  let tempRoot = '';
  beforeAll(async () => {
    tempRoot = await mkdtemp(join(tmpdir(), 'bucketql-test-'));
    await runDemo({ tempRoot, serve: false, write: (line) => lines.push(line) });
    text = lines.join('\n');
  });
  afterAll(() => rm(tempRoot, { recursive: true }));

  it('shows the trust policy to paste, with the external id that the service made', () => {
    const id = /The service made the external id (bucketql-[0-9a-f-]{36})\./.exec(text)?.[1];
    expect(id).toBeDefined();
    expect(text).toContain(`"sts:ExternalId": "${id}"`);
  });

  it('shows a typed error while there is no role, and six checks that passed when there is', () => {
    expect(text).toMatch(/ASSUME_ROLE_DENIED: Role arn:aws:iam::222222222222:role/);
    expect(lines.filter((line) => /^ {3}[A-Z_]+ +PASSED {3}/.test(line))).toHaveLength(6);
  });

  it('previews dates that are not ISO as timestamps', () => {
    expect(text).toMatch(/BARKSDALE AIR FORCE BASE ARPT +1990-01-08T00:00:00 +Turkey vulture/);
  });

  it('imports all files and shows how far it is', () => {
    expect(text).toMatch(/\[#{24}\] {2}13 of 13 files {3}10,000 rows/);
  });

  it('lists the columns without the excluded one and with the name of the file last', () => {
    expect(text).toMatch(/Flight_Date +Flight Date +TIMESTAMP +true/);
    expect(text).not.toMatch(/^ +Cost_Other/m);
    const columns = lines.filter((line) => / [A-Z_]+ +(true|false)$/.test(line));
    expect(columns.at(-1)).toMatch(/_BATCH_FILE_NAME_ .* STRING +false$/);
  });

  it('answers rows, pages, aggregates, groups and buckets of time as tables', () => {
    expect(text).toMatch(/1998-02-24T00:00:00 +Texas .* 7043545 .*birdstrikes-1998\.csv\.gz/);
    expect(text).toMatch(/after: "[\w=-]+"/);
    expect(text).toMatch(/^ +1013 +33 +16216833/m);
    expect(text).toMatch(/Texas +1495 +7798739/);
    expect(text).toMatch(/2001-01-01T00:00:00 {2}2002-01-01T00:00:00 +1095/);
  });

  it('writes back twice, reads the objects again and finds no difference', () => {
    expect(text).toMatch(/wildlife\/reports\/strikes-by-state-\d{4}-\d\d-\d\d\.csv\.gz/);
    expect(text).toMatch(/wildlife\/reports\/birdstrikes-damage-\d{4}-\d\d-\d\d\.parquet/);
    const equal = lines.filter((line) => line.includes("equals the query's answer"));
    expect(equal.map((line) => /\d+ rows, \d+ values/.exec(line)?.[0])).toEqual([
      '29 rows, 116 values',
      '311 rows, 1244 values',
    ]);
  });

  it('is refused where the object exists already', () => {
    expect(text).toContain('FAILED, OBJECT_EXISTS');
  });

  it('ends with what it did', () => {
    expect(lines.at(-1)).toMatch(/^Done: 13 files, 10,000 rows, 2 objects written .*, [\d.]+ s\.$/);
  });

  it('prints what the README shows', () => {
    const readme = readFileSync(join(__dirname, '../README.md'), 'utf8');
    const shown = /```text\n([^]*?)```/.exec(readme)?.[1]?.trim().split('\n') ?? [];
    // Days and seconds are others each time.
    const plain = (line: string) =>
      line
        .trim()
        .replace(/\d{4}-\d\d-\d\d\.|[\d.]+ s\.$/g, '')
        .replace(/\d+ bytes/, '');
    const printed = new Set(lines.map(plain));
    expect(shown.length).toBeGreaterThan(10);
    expect(shown.filter((line) => line !== '…' && !printed.has(plain(line)))).toEqual([]);
  });

  it('leaves nothing in the temporary folder', async () => {
    expect(await readdir(tempRoot)).toEqual([]);
  });

  it('stays up when it is to serve, until it is told to stop', async () => {
    const stop = new AbortController();
    let health: Promise<number> | undefined;
    await runDemo({
      tempRoot,
      serve: true,
      signal: stop.signal,
      write(line) {
        const address = /GraphiQL is at (\S+)\/graphql/.exec(line)?.[1];
        if (address === undefined) return;
        health = fetch(`${address}/healthz`)
          .then(({ status }) => status)
          .finally(() => stop.abort());
      },
    });
    expect(await health).toBe(200);
  });

  it('ends in the middle when it is told to stop, and cleans up', async () => {
    const stop = new AbortController();
    const run = runDemo({
      tempRoot,
      serve: false,
      signal: stop.signal,
      write(line) {
        if (line.includes('A preview')) stop.abort();
      },
    });
    await expect(run).rejects.toMatchObject({ name: 'AbortError' });
    expect(await readdir(tempRoot)).toEqual([]);
  });
});
