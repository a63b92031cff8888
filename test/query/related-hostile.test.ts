import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Json, Link, Ordering, RowsQuery, Source } from '../../src/query/query.js';
import { randomFrom } from '../support/random.js';
import { column, openDatabase, type Database } from './database.js';

// What the statements call their own tables and columns, in the other case: DuckDB takes both for the same.
const names = [
  'K0',
  'M0',
  'J0',
  'C0',
  'O0',
  'K1',
  'RowID',
  'row_ID',
  'RN',
  'json',
  'T',
  'K',
  'M',
  'N',
  'P',
  'numbered',
] as const;

type Row = Readonly<Record<string, number | null>>;

const random = randomFrom(4711);
const rows: readonly Row[] = Array.from({ length: 60 }, () =>
  Object.fromEntries(names.map((name) => [name, random.oneIn(5) ? null : random(12)])),
);
const table: Source = {
  segments: [{ table: 'hostile' }],
  columns: names.map((name) => column(name, 'INTEGER')),
};
const cut: Source = {
  ...table,
  segments: [
    { table: 'hostile', range: { first: 0, rows: 25 } },
    { table: 'hostile', range: { first: 25, rows: 35 } },
  ],
};

const pick = () => names[random(names.length)] ?? 'K0';

interface Asked {
  readonly columns: readonly string[];
  readonly links: readonly {
    readonly many: boolean;
    readonly link: Link;
    readonly orderBy: readonly Ordering[];
    readonly limit: number;
    readonly below: Asked;
  }[];
}

function ask(depth: number): Asked {
  const links = depth === 0 ? 0 : 1 + random(2);
  return {
    columns: Array.from({ length: random(3) }, pick),
    links: Array.from({ length: links }, () => ({
      many: !random.oneIn(3),
      link: {
        dataset: 'hostile',
        keys: Array.from({ length: 1 + random(2) }, () => ({ column: pick(), references: pick() })),
      },
      orderBy: orderings(random(3)),
      limit: random(4),
      below: ask(depth - 1),
    })),
  };
}

function orderings(count: number): Ordering[] {
  return Array.from({ length: count }, () => ({
    column: pick(),
    descending: random.oneIn(2),
    nulls: random.oneIn(2) ? 'first' : 'last',
  }));
}

const shapeOf = ({ columns, links }: Asked): Json => ({
  kind: 'object',
  members: [
    ...columns.map((name, index) => ({
      key: `c${index}`,
      value: { kind: 'column', column: name } as const,
    })),
    ...links.map(({ many, link, orderBy, limit, below }, index) => ({
      key: `l${index}`,
      value: many
        ? ({ kind: 'relatedRows', link, orderBy, limit, value: shapeOf(below) } as const)
        : ({ kind: 'relatedRow', link, value: shapeOf(below) } as const),
    })),
  ],
});

function expected(row: Row, { columns, links }: Asked): unknown {
  return Object.fromEntries([
    ...columns.map((name, index) => [`c${index}`, row[name]]),
    ...links.map(({ many, link, orderBy, limit, below }, index) => {
      const found = rows.filter((other) =>
        link.keys.every(({ column, references }) => {
          return row[column] !== null && row[column] === other[references];
        }),
      );
      const [first] = found;
      if (!many) return [`l${index}`, first ? expected(first, below) : null];
      const wanted = sorted(found, orderBy).slice(0, limit);
      return [`l${index}`, wanted.map((one) => expected(one, below))];
    }),
  ]);
}

function sorted(found: readonly Row[], orderBy: readonly Ordering[]): Row[] {
  return [...found].sort((a, b) => {
    for (const { column, descending, nulls } of orderBy) {
      const [x, y] = [a[column] ?? null, b[column] ?? null];
      if (x === y) continue;
      if (x === null || y === null) return (x === null) === (nulls === 'first') ? -1 : 1;
      return descending ? y - x : x - y;
    }
    return rows.indexOf(a) - rows.indexOf(b);
  });
}

describe('related rows of tables whose columns are called like what the statements make', () => {
  let database: Database;
  beforeAll(async () => {
    database = await openDatabase();
    const columns = names.map((name) => `"${name}" integer`).join(', ');
    const values = rows.map((row) => `(${names.map((name) => row[name] ?? 'null').join(', ')})`);
    await database.execute(
      `create table hostile (${columns}); insert into hostile values ${values.join(', ')}`,
    );
  });
  afterAll(() => database.close());

  it.each(Array.from({ length: 40 }, (_, trial) => trial))(
    'are what they should be, trial %i',
    async () => {
      const from = random.oneIn(2) ? table : cut;
      const orderBy = orderings(random(3));
      const asked = [ask(2), ask(1)];
      const limit = random.oneIn(3) ? 5000 : 1 + random(60);
      const query: RowsQuery = {
        kind: 'rows',
        from,
        related: { hostile: random.oneIn(2) ? table : cut },
        columns: [],
        orderBy,
        limit,
        page: { backwards: random.oneIn(3) },
      };
      const all = sorted(rows, orderBy);
      const page = query.page?.backwards ? all.slice(-limit) : all.slice(0, limit);
      const answer = await database.answer(query, asked.map(shapeOf), {
        probe: true,
        cursors: { generation: 'g' },
        blockRows: 7,
      });
      expect(answer.hasMore).toBe(rows.length > limit);
      asked.forEach((one, index) => {
        const texts = (answer.texts[index] ?? []).map((text) =>
          typeof text === 'string' ? text : Buffer.from(text).toString('utf8'),
        );
        expect(JSON.parse(`[${texts.join(',')}]`)).toEqual(page.map((row) => expected(row, one)));
      });
    },
  );
});
