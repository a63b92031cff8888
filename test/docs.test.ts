import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readConfig, settingNames, type Config } from '../src/config.js';
import { errorCodes } from '../src/errors.js';

const root = join(__dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** Rows of Markdown tables whose first cell is code, as their cells. */
function codeRows(markdown: string): string[][] {
  return markdown
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** BUCKETQL_API_TOKENS is the configuration's apiTokens. */
function memberOf(setting: string): keyof Config {
  return setting
    .replace('BUCKETQL_', '')
    .toLowerCase()
    .replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()) as keyof Config;
}

const code = (cell = '') => /^`(.+)`$/.exec(cell)?.[1];

describe('docs/configuration.md', () => {
  const rows = codeRows(read('docs/configuration.md'));

  it('describes every setting once, and nothing else', () => {
    expect(rows.map(([name]) => code(name)).sort()).toEqual([...settingNames].sort());
  });

  it.each(rows)('gives the default of %s', (name, _meaning, given) => {
    const setting = code(name) ?? '';
    const defaults = readConfig({});
    if (given === 'none') {
      expect([undefined, []]).toContainEqual(defaults[memberOf(setting)]);
    } else {
      // Setting what is the default anyway changes nothing.
      expect(readConfig({ [setting]: code(given) })).toEqual(defaults);
      expect(code(given)).toBeDefined();
    }
  });
});

describe('docs/errors.md', () => {
  const rows = codeRows(read('docs/errors.md'));

  it('describes every code once, and nothing else', () => {
    expect(rows.map(([name]) => code(name)).sort()).toEqual(Object.keys(errorCodes).sort());
  });

  it('says of each whether trying again can help', () => {
    const said = rows.map(([name, again]) => [code(name), again]);
    const known = Object.entries(errorCodes).map(([name, { retryable }]) => [
      name,
      retryable ? 'yes' : 'no',
    ]);
    expect(Object.fromEntries(said)).toEqual(Object.fromEntries(known));
  });

  it('has them in the order of the source', () => {
    expect(rows.map(([name]) => code(name))).toEqual(Object.keys(errorCodes));
  });
});

describe('all documents', () => {
  const documents = ['README.md', 'CHANGELOG.md', ...markdownBelow('docs')];

  it.each(documents)('%s names only settings that there are', (path) => {
    const named = read(path).match(/BUCKETQL_[A-Z_]+/g) ?? [];
    expect(named.filter((name) => !settingNames.includes(name))).toEqual([]);
  });

  it.each(documents)('%s links only to files that there are', (path) => {
    const links = [...read(path).matchAll(/\]\(([^)#]+)(#[^)]*)?\)/g)].map(([, to]) => to ?? '');
    const missing = links
      .filter((to) => !/^https?:/.test(to))
      .filter((to) => !exists(join(root, path, '..', to)));
    expect(missing).toEqual([]);
  });
});

function markdownBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));
}

function exists(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EISDIR';
  }
}
