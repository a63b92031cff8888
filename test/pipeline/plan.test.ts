import { describe, expect, it } from '@jest/globals';
import { parseDefinition, type UpdateMode } from '../../src/catalog/definition.js';
import type { ManifestEntry } from '../../src/catalog/manifest.js';
import { planImport, recipeOf } from '../../src/pipeline/plan.js';

const object = (key: string, etag = key) => ({ key, etag });
const entry = (key: string, etag = key): ManifestEntry => ({
  ...object(key, etag),
  size: 1,
  lastModified: new Date(0),
  rows: 1,
  table: 't',
  first: 0,
  loaded: 1,
});
const current = { recipe: 'r', manifest: [entry('a'), entry('b')] };
const plan = (mode: UpdateMode, objects: ReturnType<typeof object>[], recipe = 'r') =>
  planImport(mode, objects, recipe, current);
const modes: UpdateMode[] = ['REPLACE', 'INCREMENTAL', 'APPEND', 'UPSERT'];

describe('the plan of an import', () => {
  it.each(modes)('%s reads all objects the first time', (mode) => {
    const objects = [object('a')];
    expect(planImport(mode, objects, 'r', undefined)).toEqual({ kind: 'anew', read: objects });
  });

  it.each(modes)('%s has nothing to do when the objects are the same, in any order', (mode) => {
    expect(plan(mode, [object('b'), object('a')])).toEqual({ kind: 'nothing' });
  });

  it('REPLACE reads all objects when one of them is another', () => {
    const objects = [object('a', 'changed'), object('b')];
    expect(plan('REPLACE', objects)).toEqual({ kind: 'anew', read: objects });
    expect(plan('REPLACE', [object('a')])).toEqual({ kind: 'anew', read: [object('a')] });
  });

  it('INCREMENTAL reads what is new or changed, and lets go of what is gone', () => {
    expect(plan('INCREMENTAL', [object('b', 'changed'), object('a'), object('c')])).toEqual({
      kind: 'change',
      read: [object('b', 'changed'), object('c')],
      keep: [entry('a')],
      gone: [entry('b')],
    });
    expect(plan('INCREMENTAL', [object('c')])).toMatchObject({ kind: 'anew' });
  });

  it('INCREMENTAL takes a renamed object for another one', () => {
    expect(plan('INCREMENTAL', [object('a'), object('c', 'b')])).toMatchObject({
      read: [object('c', 'b')],
      gone: [entry('b')],
    });
  });

  it.each(['APPEND', 'UPSERT'] as const)('%s reads what it has not seen and keeps all', (mode) => {
    expect(plan(mode, [object('a', 'changed')])).toEqual({
      kind: 'change',
      read: [object('a', 'changed')],
      keep: current.manifest,
      gone: [],
    });
    expect(plan(mode, [])).toEqual({ kind: 'nothing' });
  });

  it('reads all again by another recipe, but for what is only ever added to', () => {
    const same = [object('a'), object('b')];
    expect(plan('REPLACE', same, 'other')).toMatchObject({ kind: 'anew' });
    expect(plan('INCREMENTAL', same, 'other')).toMatchObject({ kind: 'anew' });
    expect(plan('APPEND', same, 'other')).toEqual({ kind: 'nothing' });
  });
});

describe('the recipe of a definition', () => {
  const definition = (more: object) =>
    recipeOf(
      parseDefinition({
        name: 'd',
        connection: 'c',
        selection: { prefix: 'p/' },
        format: { type: 'CSV' },
        ...more,
      }),
    );

  it('is another one when other rows would come of the same objects', () => {
    const plain = definition({});
    for (const change of [
      { inferTypes: false },
      { format: { type: 'CSV', csv: { delimiter: ';' } } },
      { columns: [{ source: 'a', type: 'STRING' }] },
      { selection: { prefix: 'p/', subfileName: 'x' } },
      { sortBy: ['a'] },
      { dateColumnsSpec: 'a:dd-MM-yyyy' },
      { connection: 'other' },
    ]) {
      expect(definition(change)).not.toBe(plain);
    }
  });

  it('stays the same when a definition only says which objects, when, or what for people', () => {
    const plain = definition({});
    for (const change of [
      { title: 'T', description: 'D' },
      { selection: { prefix: 'q/', fileName: 'x' } },
      { schedule: { cron: '0 5 * * *' } },
    ]) {
      expect(definition(change)).toBe(plain);
    }
  });
});
