import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect } from '../src/demo/connect.js';
import { graphqlClient, type Client } from '../src/demo/client.js';
import { load } from '../src/demo/load.js';
import { screenOn } from '../src/demo/screen.js';
import { openDemoWorld, type DemoWorld } from '../src/demo/world.js';

const root = join(__dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const readme = read('README.md');

interface Block {
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks of a Markdown text, in order; a heading between two of them is an empty one. */
function blocksOf(markdown: string): Block[] {
  return [...markdown.matchAll(/^```(\w+)\n([^]*?)^```$|^#+ /gm)].map(
    ([, language = '', text = '']) => ({ language, text }),
  );
}

/** A name for the test: the root field. */
const fieldOf = (operation: string) => /\{\s*(\w+)/.exec(operation)?.[1] ?? operation;

describe('README.md and docs/connections.md', () => {
  const blocks = [...blocksOf(readme), ...blocksOf(read('docs/connections.md'))];
  const operations = blocks.flatMap(({ language, text }, index) => {
    const next = blocks[index + 1];
    const answer = next?.language === 'json' ? (JSON.parse(next.text) as unknown) : undefined;
    return language === 'graphql' ? [{ field: fieldOf(text), operation: text, answer }] : [];
  });
  let world: DemoWorld;
  let client: Client;
  let connection = '';

  beforeAll(async () => {
    world = await openDemoWorld();
    const { signal } = new AbortController();
    client = graphqlClient(world.url, signal);
    const tour = { world, client, signal, screen: screenOn({ write: () => undefined }) };
    connection = await connect(tour);
    await load(tour, connection);
  });
  afterAll(() => world.close());

  it('has a tour', () => {
    expect(operations.length).toBeGreaterThan(6);
    expect(operations.filter(({ answer }) => answer !== undefined).length).toBeGreaterThan(4);
  });

  it.each(operations)('shows what $field really answers', async ({ operation, answer }) => {
    const { data, errors } = await client.ask(operation.replace('CONNECTION_ID', connection));
    expect(errors).toBeUndefined();
    if (answer !== undefined) expect(data).toEqual(answer);
  });

  it('names only npm scripts that there are', () => {
    const { scripts } = JSON.parse(read('package.json')) as {
      scripts: Record<string, string>;
    };
    const named = [...readme.matchAll(/npm run (?:--silent )?([\w:-]+)/g)].map(
      ([, name = '']) => name,
    );
    expect(named).toContain('demo');
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });
});
