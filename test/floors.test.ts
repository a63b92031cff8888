import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const source = resolve(__dirname, '../src');

// The floor plan of the README, from the ground up. Names on one floor do not know each other.
const floors: readonly (readonly string[])[] = [
  [
    'errors',
    'columns',
    'config',
    'container',
    'log',
    'sql',
    'dialect',
    'relation',
    'inference',
    'limits',
    'delimited-parse',
    'delimited-text',
    'delimited-file',
    'delimited-quotes',
    'timezone',
    'topic',
    'url',
    'spreadsheet',
    'xml-text',
    'zip',
  ],
  ['aws', 'compression', 'formats', 'query', 'engine'],
  ['catalog', 'auth'],
  ['pipeline'],
  ['jobs'],
  ['graphql'],
  ['sandbox', 'demo', 'app', 'main', 'index'],
];

// The roof is where things meet: there, siblings may know each other.
const roof = floors.length - 1;

function placeOf(file: string): string {
  return (relative(source, file).split('/')[0] ?? '').replace(/\.[cm]?[jt]s$/, '');
}

const floorOf = (place: string) => floors.findIndex((names) => names.includes(place));

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) =>
    resolve(dirname(file), match[1] ?? ''),
  );
}

describe('the floors of src', () => {
  const files = filesBelow(source);

  it('has a floor for every file', () => {
    expect(files.length).toBeGreaterThan(50);
    expect(files.filter((file) => floorOf(placeOf(file)) < 0)).toEqual([]);
  });

  it('imports only from floors below, or from the same room', () => {
    const wrong = files.flatMap((file) => {
      const own = placeOf(file);
      const floor = floorOf(own);
      return importsOf(file)
        .filter((target) => {
          const place = placeOf(target);
          const below = floorOf(place);
          if (place === own || below < floor) return false;
          return !(below === floor && (floor === 0 || floor === roof));
        })
        .map((target) => `${relative(source, file)} -> ${relative(source, target)}`);
    });
    expect(wrong).toEqual([]);
  });

  it('names the engine outside engine/ only where it is composed', () => {
    const named = files.filter(
      (file) =>
        !['engine', 'app', 'demo'].includes(placeOf(file)) &&
        /duckdb/i.test(readFileSync(file, 'utf8').replace(/\/\/.*|\/\*[^]*?\*\//g, '')),
    );
    expect(named.map((file) => relative(source, file))).toEqual([]);
  });

  it('touches the environment only where a program begins; config.ts is handed it', () => {
    const readers = files.filter((file) => readFileSync(file, 'utf8').includes('process.env'));
    expect(readers.map((file) => relative(source, file))).toEqual([
      'demo/demo.ts',
      'index.cts',
      'main.ts',
    ]);
  });
});
