import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { duckdbDialect } from '../../src/engine/dialect.js';
import { compileAnswer } from '../../src/query/answer.js';
import type { JsonOptions } from '../../src/query/json.js';
import type { Json, Query, Source } from '../../src/query/query.js';
import { toStatement, type Statement } from '../../src/sql.js';
import {
  column,
  compare,
  createEverything,
  everything,
  objectOf,
  openDatabase,
  type Database,
} from './database.js';

// The whole statement of an answer for each kind of query. UPDATE_GOLDEN=1 writes the files; read what changed in them.

const folder = join(__dirname, 'golden');
const update = process.env.UPDATE_GOLDEN === '1';

interface Golden {
  readonly query: Query;
  readonly shapes: readonly Json[];
  readonly options?: JsonOptions;
}

const segments: Source = {
  columns: everything.columns,
  segments: [{ table: 'everything' }, { table: 'everything', range: { first: 1, rows: 3 } }],
};

const golden: Readonly<Record<string, Golden>> = {
  'rows-in-load-order': {
    query: {
      kind: 'rows',
      from: everything,
      columns: everything.columns.map(({ name }) => name),
      orderBy: [],
      limit: 100,
    },
    shapes: [objectOf(...everything.columns.map(({ name }) => name))],
  },
  'rows-many-and-ordered': {
    query: {
      kind: 'rows',
      from: everything,
      columns: ['id', 'name'],
      where: compare('id', 'gt', 1),
      orderBy: [{ column: 'name', descending: true, nulls: 'last' }],
      limit: 10_000,
    },
    shapes: [objectOf('id', 'name')],
  },
  'page-of-many': {
    query: {
      kind: 'rows',
      from: everything,
      columns: ['id'],
      orderBy: [],
      limit: 10_000,
      page: { backwards: false },
    },
    shapes: [objectOf('id'), { kind: 'cursor' }],
    options: { probe: true, cursors: { generation: '7' } },
  },
  'rows-filtered-and-ordered': {
    query: {
      kind: 'rows',
      from: everything,
      columns: ['id', 'name'],
      where: {
        kind: 'and',
        filters: [
          compare('amount', 'gte', '1.239'),
          {
            kind: 'or',
            filters: [
              compare('name', 'icontains', `it's`),
              { kind: 'not', filter: compare('small', 'in', [1, 2, 3]) },
            ],
          },
        ],
      },
      orderBy: [
        { column: 'instant', descending: true, nulls: 'last' },
        { column: 'name', descending: false, nulls: 'first' },
      ],
      limit: 10,
      offset: 20,
    },
    shapes: [objectOf('id', 'name')],
  },
  'rows-distinct': {
    query: {
      kind: 'rows',
      from: everything,
      columns: ['id'],
      where: compare('flag', 'isNull', false),
      distinctOn: ['flag', 'day'],
      orderBy: [{ column: 'score', descending: false, nulls: 'last' }],
      limit: 100,
    },
    shapes: [objectOf('id')],
  },
  'rows-of-segments': {
    query: {
      kind: 'rows',
      from: segments,
      columns: ['id'],
      where: compare('id', 'gt', 1),
      orderBy: [],
      limit: 100,
    },
    shapes: [objectOf('id')],
  },
  'rows-above-a-number': {
    query: {
      kind: 'rows',
      from: {
        columns: [column('name', 'STRING')],
        segments: [
          { table: 'everything', above: { column: 'id', number: 4 } },
          {
            table: 'everything',
            range: { first: 1, rows: 3 },
            above: { column: 'id', number: 2 },
          },
        ],
      },
      columns: ['name'],
      where: compare('name', 'ne', 'x'),
      orderBy: [],
      limit: 100,
    },
    shapes: [objectOf('name')],
  },
  'page-forwards': {
    query: {
      kind: 'rows',
      from: everything,
      columns: ['id'],
      orderBy: [
        { column: 'amount', descending: true, nulls: 'last' },
        { column: 'name', descending: false, nulls: 'first' },
      ],
      page: { backwards: false, after: { values: ['1.23', null], row: '3' } },
      limit: 2,
    },
    shapes: [objectOf('id'), { kind: 'cursor' }],
    options: { cursors: { generation: '7' }, probe: true },
  },
  'page-backwards': {
    query: {
      kind: 'rows',
      from: everything,
      columns: ['id'],
      orderBy: [{ column: 'local', descending: false, nulls: 'last' }],
      page: { backwards: true, before: { values: ['2024-02-29 12:00:00.5'], row: '3' } },
      limit: 2,
    },
    shapes: [objectOf('id')],
    options: { cursors: { generation: '7' }, probe: true },
  },
  aggregate: {
    query: {
      kind: 'aggregate',
      from: everything,
      where: compare('instant', 'lt', '2025-01-01T00:00:00Z'),
      aggregates: [
        { kind: 'count', as: 'count' },
        { kind: 'countDistinct', column: 'name', as: 'names' },
        { kind: 'approxCountDistinct', column: 'name', as: 'about' },
        { kind: 'sum', column: 'big', as: 'sum' },
        { kind: 'avg', column: 'amount', as: 'avg' },
        { kind: 'avg', column: 'score', as: 'mean' },
        { kind: 'stddev', column: 'score', as: 'spread' },
        { kind: 'quantile', column: 'small', q: 0.9, as: 'p90' },
        { kind: 'max', column: 'clock', as: 'max' },
      ],
    },
    shapes: [objectOf('count', 'names', 'about', 'sum', 'avg', 'mean', 'spread', 'p90', 'max')],
  },
  'sum-of-38-digits': {
    query: {
      kind: 'aggregate',
      from: {
        segments: [{ table: 'wide' }],
        columns: [column('amount', 'DECIMAL', [38, 4])],
      },
      aggregates: [
        { kind: 'sum', column: 'amount', as: 'sum' },
        { kind: 'avg', column: 'amount', as: 'avg' },
      ],
    },
    shapes: [objectOf('sum', 'avg')],
  },
  'groups-by-columns': {
    query: {
      kind: 'groups',
      from: everything,
      by: [
        { kind: 'column', column: 'flag', as: 'flag' },
        { kind: 'column', column: 'amount', as: 'amount' },
      ],
      aggregates: [
        { kind: 'count', as: 'count' },
        { kind: 'max', column: 'day', as: 'last' },
      ],
      where: compare('name', 'ne', ''),
      having: {
        kind: 'or',
        filters: [
          { kind: 'compare', measure: { kind: 'count' }, operator: 'gt', value: '1' },
          {
            kind: 'compare',
            measure: { kind: 'sum', column: 'small' },
            operator: 'isNull',
            value: true,
          },
        ],
      },
      orderBy: [
        {
          by: 'measure',
          measure: { kind: 'avg', column: 'score' },
          descending: true,
          nulls: 'last',
        },
        { by: 'key', column: 'amount', descending: false, nulls: 'first' },
      ],
      limit: 10,
      offset: 5,
    },
    shapes: [objectOf('flag', 'amount', 'count', 'last')],
    options: { total: true },
  },
  'groups-by-buckets': {
    query: {
      kind: 'groups',
      from: everything,
      by: [
        {
          kind: 'bucket',
          column: 'instant',
          unit: 'WEEK',
          timezone: 'Europe/Berlin',
          fillGaps: false,
          as: 'week',
        },
        {
          kind: 'bucket',
          column: 'day',
          unit: 'YEAR',
          timezone: 'UTC',
          fillGaps: false,
          as: 'year',
        },
      ],
      aggregates: [{ kind: 'count', as: 'count' }],
      orderBy: [{ by: 'bucket', descending: true, nulls: 'last' }],
      limit: 10,
    },
    shapes: [
      {
        kind: 'array',
        items: ['week', 'year'].map((key) => ({
          kind: 'present',
          column: key,
          value: {
            kind: 'array',
            items: [
              { kind: 'column', column: key },
              { kind: 'bucketEnd', key },
            ],
          },
        })),
      },
    ],
  },
  'groups-with-gaps': {
    query: {
      kind: 'groups',
      from: everything,
      by: [
        { kind: 'column', column: 'flag', as: 'flag' },
        {
          kind: 'bucket',
          column: 'instant',
          unit: 'HOUR',
          timezone: 'America/New_York',
          fillGaps: true,
          as: 'hour',
        },
      ],
      aggregates: [
        { kind: 'count', as: 'count' },
        { kind: 'sum', column: 'amount', as: 'sum' },
      ],
      where: compare('instant', 'gte', '2024-03-01T00:00:00Z'),
      orderBy: [],
      limit: 10,
    },
    shapes: [objectOf('flag', 'hour', 'count', 'sum')],
    options: { total: true },
  },
};

/** Breaks a statement where a reader would, with its values above; nothing but spaces changes. */
function readable({ sql, parameters }: Statement): string {
  const values = parameters.map((value, index) => `-- $${index + 1} = ${shown(value)}\n`);
  return `${values.join('')}${broken(sql)}\n`;
}

const token =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|\((?:select )?|\)| (?:(?<!distinct )from|where|group by|order by|union all|left join|join|limit) |, (?:filled|kept|numbered) as |(?<=\)) select /g;

/** A clause of a query begins a line; a clause of a function, as in string_agg, does not. */
function broken(sql: string): string {
  const open: boolean[] = [];
  return sql.replace(token, (text) => {
    const inQuery = open.at(-1) ?? true;
    const indent = '  '.repeat(open.filter(Boolean).length);
    if (text.startsWith('(')) open.push(text !== '(');
    else if (text === ')') open.pop();
    else if (!/^['"]/.test(text) && inQuery) {
      return text.startsWith(',') ? `,\n${text.slice(2)}` : `\n${indent}${text.slice(1)}`;
    }
    return text;
  });
}

function shown(value: unknown): string {
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value);
}

let database: Database;
beforeAll(async () => {
  database = await openDatabase();
  await database.execute(createEverything);
  await database.execute('create table wide as select 1.5::decimal(38, 4) as amount');
});
afterAll(() => database.close());

describe('the statement of', () => {
  it.each(Object.entries(golden))('%s is that of its file, and runs', async (name, one) => {
    const { query, shapes, options } = one;
    const { statement } = compileAnswer(query, shapes, duckdbDialect, options);
    const text = readable(toStatement(statement));
    const path = join(folder, `${name}.sql`);
    if (update) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(path, text);
    }
    expect(
      existsSync(path) ? readFileSync(path, 'utf8') : 'no file; run with UPDATE_GOLDEN=1',
    ).toBe(text);
    await expect(database.blocks(query, shapes, options)).resolves.toBeDefined();
  });

  it('each file is one of these', () => {
    expect(readdirSync(folder).sort()).toEqual(
      Object.keys(golden)
        .map((name) => `${name}.sql`)
        .sort(),
    );
  });
});
