import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { openDuckDB } from '../../src/engine/duckdb.js';
import type { Engine } from '../../src/engine/engine.js';
import { append, createTable } from '../../src/engine/load.js';
import type { DelimitedDialect, DelimitedRelation } from '../../src/relation.js';
import { ident, sql } from '../../src/sql.js';

let engine: Engine;
let folder: string;

beforeAll(async () => {
  engine = await openDuckDB({ threads: 2 });
  folder = await mkdtemp(join(tmpdir(), 'dialects-'));
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

/** Numbers from a seed, so that a failure can be seen again (xorshift). */
function random(seed: number) {
  let state = seed * 2654435761 + 1;
  const next = (below: number) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  return { next, pick: <T>(from: readonly T[]): T => from[next(from.length)] as T };
}

const width = 3;

function generate(seed: number) {
  const { next, pick } = random(seed);
  const quote = pick(['"', "'", '"']);
  const dialect: DelimitedDialect = {
    delimiter: pick([',', ';', '\t', '|', '||', ' ', '§']),
    quote,
    escape: pick([quote, '\\']),
  };
  const end = pick(['\n', '\r\n', '\r']);
  const pieces = ['a', 'é', '😀', ' ', '0', dialect.delimiter, quote, dialect.escape, end, 'word'];
  const field = () => {
    const text = Array.from({ length: next(5) }, () => pick(pieces)).join('');
    // Outside quotes only what needs none; spaces beside quotes are forgiven and so cannot be compared.
    const plain = !/[\r\n"'\\]/.test(text) && !text.includes(dialect.delimiter[0] ?? '');
    if (plain && next(2) === 0 && text.trim() !== '') return text;
    const { escape } = dialect;
    let inner = text;
    if (escape !== quote) inner = inner.replaceAll(escape, escape + escape);
    return quote + inner.replaceAll(quote, escape + quote) + quote;
  };
  const records = Array.from({ length: 1 + next(30) }, () =>
    Array.from({ length: width }, field).join(dialect.delimiter),
  );
  return { dialect, end, text: records.join(end) + (next(2) === 0 ? end : '') };
}

async function load(name: string, text: string, dialect: DelimitedDialect, footerLines: number) {
  const path = join(folder, name);
  await writeFile(path, text);
  const headers = ['a', 'b', 'c'];
  const relation: DelimitedRelation = {
    kind: 'delimited',
    files: [{ path, origin: name }],
    dialect,
    headers,
    skipLines: 0,
    footerLines,
    nullValues: [],
  };
  const columns = headers.map((header) => ({
    name: header,
    source: header,
    occurrence: 0,
    type: 'STRING' as const,
    inferred: false,
  }));
  const target = { table: name, columns, fileName: false };
  return engine.session(async (session) => {
    await createTable(session, target);
    const { rejected } = await append(session, target, relation, {
      badRows: 'REJECT',
      maxRejectedRows: 0,
    });
    expect(rejected).toEqual([]);
    const rows = await session.rows(sql`from ${ident(name)} order by rowid`);
    return rows.map(({ a, b, c }) => [a, b, c]);
  });
}

describe('append on generated dialects', () => {
  it('reads what csv-parse reads, by the fast way and by the exact one', async () => {
    for (let seed = 1; seed <= 150; seed++) {
      const { dialect, end, text } = generate(seed);
      const expected = parse(text, {
        delimiter: dialect.delimiter,
        quote: dialect.quote,
        escape: dialect.escape,
        record_delimiter: end,
        skip_empty_lines: true,
      });
      const fast = await load(`fast${seed}`, text, dialect, 0);
      expect({ seed, text, rows: fast }).toEqual({ seed, text, rows: expected });
      // A footer is left out by the exact reading only.
      const footed = (text.endsWith(end) ? text : text + end) + 'footer';
      const exact = await load(`exact${seed}`, footed, dialect, 1);
      expect({ seed, text, rows: exact }).toEqual({ seed, text, rows: expected });
    }
  });
});
