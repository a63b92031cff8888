import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomFrom, type Random } from '../support/random.js';
import { openAnswers, type Answers } from './answers.js';
import { createEvery, every, everySegments } from './every.js';
import {
  aggregates,
  and,
  compare,
  compared,
  grouped,
  not,
  operators,
  or,
  ordered,
  type Cell,
  type Name,
  type Order,
  type Row,
  type Truth,
} from './reference.js';

const names = Object.keys(compared) as readonly Name[];
const summed = ['id', 'small', 'big', 'exact'] as const;

let answers: Answers;
let rows: readonly Row[];
beforeAll(async () => {
  answers = await openAnswers(createEvery(), [{ ...every, segments: everySegments }]);
  const data = await answers.ask(`{ every { ${names.join(' ')} } }`);
  rows = data.every as Row[];
});
afterAll(() => answers?.close());

/** A condition as the API takes it, and whether a row fulfils it. */
interface Condition {
  readonly where: Readonly<Record<string, unknown>>;
  readonly holds: (row: Row) => Truth;
}

function anyCondition(random: Random, depth: number): Condition {
  if (depth === 0 || random.oneIn(3)) return anyComparison(random);
  const parts = Array.from({ length: random(4) }, () => anyCondition(random, depth - 1));
  const [first = anyComparison(random)] = parts;
  switch (random(3)) {
    case 0:
      return {
        where: { _and: parts.map(({ where }) => where) },
        holds: (row) => and(parts.map((part) => part.holds(row))),
      };
    case 1:
      return {
        where: { _or: parts.map(({ where }) => where) },
        holds: (row) => or(parts.map((part) => part.holds(row))),
      };
    default:
      return { where: { _not: first.where }, holds: (row) => not(first.holds(row)) };
  }
}

function anyComparison(random: Random): Condition {
  const name = random.pick(names);
  const comparison = (
    operator: string,
    value: unknown,
    test: (cell: Cell) => Truth,
  ): Condition => ({
    where: { [name]: { [operator]: value } },
    holds: (row) => test(row[name] ?? null),
  });
  if (random.oneIn(8)) {
    const wanted = random.oneIn(2);
    return comparison('isNull', wanted, (cell) => (cell === null) === wanted);
  }
  if (name !== 'flag' && random.oneIn(4)) {
    const list = Array.from({ length: random(7) }, () => anyValue(random, name));
    const inside = (cell: Cell): Truth =>
      // No value, known or not, is in an empty list.
      list.length === 0
        ? false
        : cell === null
          ? null
          : list.some((value) => compare(name, cell, value) === 0);
    if (random.oneIn(2)) return comparison('in', list, inside);
    return comparison('notIn', list, (cell) => (cell === null ? null : not(inside(cell))));
  }
  const operator = random.pick(
    name === 'flag'
      ? (['eq', 'ne'] as const)
      : (Object.keys(operators) as (keyof typeof operators)[]),
  );
  const value = anyValue(random, name);
  return comparison(operator, value, (cell) =>
    cell === null ? null : operators[operator](compare(name, cell, value)),
  );
}

function anyValue(random: Random, name: Name): Exclude<Cell, null> {
  const known = rows.map((row) => row[name] ?? null).filter((cell) => cell !== null);
  return random.pick(known);
}

/** A key of an order as the API takes it, and as the reference does. */
function anyOrder(random: Random): { readonly direction: string; readonly order: Order } {
  const descending = random.oneIn(2);
  const place = random.pick(['', '_NULLS_FIRST', '_NULLS_LAST']);
  return {
    direction: `${descending ? 'DESC' : 'ASC'}${place}`,
    order: { descending, nullsFirst: place === '_NULLS_FIRST' },
  };
}

const distinct = (random: Random, most: number): Name[] => [
  ...new Set(Array.from({ length: random(most + 1) }, () => random.pick(names))),
];

interface Question {
  readonly operation: string;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly expected: unknown;
}

function anyRows(random: Random): Question {
  const { where, holds } = anyCondition(random, 3);
  const keys = Array.from({ length: random(4) }, () => ({
    name: random.pick(names),
    ...anyOrder(random),
  }));
  const distinctOn = random.oneIn(3) ? distinct(random, 2) : [];
  const [limit, offset] = [random(40), random.oneIn(2) ? random(30) : 0];
  const sorted = rows
    .filter((row) => holds(row) === true)
    // The sort is stable: ties stay as they were loaded.
    .sort((a, b) =>
      keys.reduce(
        (sign, { name, order }) => sign || ordered(name, order, a[name] ?? null, b[name] ?? null),
        0,
      ),
    );
  const kept =
    distinctOn.length > 0 ? grouped(sorted, distinctOn).map(([first]) => first!) : sorted;
  return {
    operation: `query ($where: EveryFilter, $orderBy: [EveryOrder!], $distinctOn: [EveryColumn!]) {
      answer: every(where: $where, orderBy: $orderBy, distinctOn: $distinctOn, limit: ${limit}, offset: ${offset}) { id }
    }`,
    variables: {
      where,
      orderBy: keys.map(({ name, direction }) => ({ [name]: direction })),
      distinctOn,
    },
    expected: kept.slice(offset, offset + limit).map(({ id }) => ({ id })),
  };
}

/** The aggregates of some columns: what to select, and what they are. */
function measured(random: Random) {
  const some = distinct(random, 4);
  const numbers = summed.filter((name) => some.includes(name));
  const list = some.join(' ');
  const each = <N extends Name>(columns: readonly N[], value: (name: N) => unknown) =>
    Object.fromEntries(columns.map((name) => [name, value(name)]));
  return {
    selection: [
      'count',
      ...(some.length > 0
        ? [`countNonNull { ${list} } countDistinct { ${list} } min { ${list} } max { ${list} }`]
        : []),
      ...(numbers.length > 0 ? [`sum { ${numbers.join(' ')} }`] : []),
    ].join(' '),
    of: (group: readonly Row[]): Record<string, unknown> => ({
      count: String(group.length),
      ...(some.length > 0 && {
        countNonNull: each(some, (name) => aggregates.countNonNull(group, name)),
        countDistinct: each(some, (name) => aggregates.countDistinct(group, name)),
        min: each(some, (name) => aggregates.min(group, name)),
        max: each(some, (name) => aggregates.max(group, name)),
      }),
      ...(numbers.length > 0 && { sum: each(numbers, (name) => aggregates.sum(group, name)) }),
    }),
  };
}

function anyAggregate(random: Random): Question {
  const { where, holds } = anyCondition(random, 3);
  const measures = measured(random);
  return {
    operation: `query ($where: EveryFilter) { answer: everyAggregate(where: $where) { ${measures.selection} } }`,
    variables: { where },
    expected: measures.of(rows.filter((row) => holds(row) === true)),
  };
}

function anyGroups(random: Random): Question {
  const { where, holds } = anyCondition(random, 2);
  const by = distinct(random, 3);
  if (by.length === 0) by.push('flag');
  const least = random(4);
  const total = random.oneIn(2) ? random(200) : undefined;
  const byCount = anyOrder(random);
  const name = random.pick(names);
  const byMax = anyOrder(random);
  const measures = measured(random);
  const [limit, offset] = [random(30), random(5)];
  const found = grouped(
    rows.filter((row) => holds(row) === true),
    by,
  )
    .filter((group) => group.length >= least)
    .filter(
      (group) => total === undefined || BigInt(aggregates.sum(group, 'id') ?? 0) < BigInt(total),
    )
    .sort((a, b) => {
      const maximum = [aggregates.max(a, name), aggregates.max(b, name)] as const;
      const ascending = { descending: false, nullsFirst: false };
      return (
        ordered('id', byCount.order, a.length, b.length) ||
        ordered(name, byMax.order, ...maximum) ||
        by.reduce(
          (sign, key) => sign || ordered(key, ascending, a[0]?.[key] ?? null, b[0]?.[key] ?? null),
          0,
        )
      );
    });
  const keys = `key { ${by.join(' ')} }`;
  return {
    operation: `query ($where: EveryFilter, $having: EveryHaving, $orderBy: [EveryGroupOrder!]) {
      answer: everyGroups(
        by: [${by.map((key) => `{ column: ${key} }`).join(' ')}]
        where: $where, having: $having, orderBy: $orderBy, limit: ${limit}, offset: ${offset}
      ) { totalGroups truncated groups { ${keys} ${measures.selection} } }
    }`,
    variables: {
      where,
      having: {
        count: { gte: String(least) },
        ...(total !== undefined && { sum: { id: { lt: String(total) } } }),
      },
      orderBy: [{ count: byCount.direction }, { max: { [name]: byMax.direction } }],
    },
    expected: {
      totalGroups: String(found.length),
      truncated: Math.min(found.length, offset + limit) < found.length && offset < found.length,
      groups: found.slice(offset, offset + limit).map((group) => ({
        key: Object.fromEntries(by.map((key) => [key, group[0]?.[key] ?? null])),
        ...measures.of(group),
      })),
    },
  };
}

/** To run one again: put the seed that a failure names in place of a hundred seeds. */
const seeds = (first: number, count: number) => Array.from({ length: count }, (_, n) => first + n);

describe('random queries are answered as the reference does', () => {
  it.each([
    ['rows', anyRows, seeds(1000, 150)],
    ['aggregates', anyAggregate, seeds(2000, 60)],
    ['groups', anyGroups, seeds(3000, 90)],
  ] as const)('%s', async (_, any, chosen) => {
    for (const seed of chosen) {
      const random = randomFrom(seed);
      const { operation, variables, expected } = any(random);
      const layout = random.pick(['whole', 'segments'] as const);
      const { answer } = await answers.ask(operation, { variables, layout });
      expect({ seed, operation, variables, answer }).toEqual({
        seed,
        operation,
        variables,
        answer: expected,
      });
    }
  });
});
