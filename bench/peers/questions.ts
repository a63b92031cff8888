import { columnTypes, customerCount } from '../harness/fixtures.js';
import { seeded } from '../harness/measure.js';
import type { Goal } from '../harness/path.js';

type Variables = Readonly<Record<string, number>>;
type Data = Readonly<Record<string, unknown>>;

/** The same question in the words of both. */
export interface Question {
  readonly name: string;
  /** How many times as fast as PostGraphile. */
  readonly goal: Goal;
  /** Longest delay of our event loop in milliseconds. */
  readonly pauseGoalMs?: number;
  /** How often it is asked, as a multiple of what is usual. (Default: 1) */
  readonly oftener?: number;
  readonly ours: Asked;
  readonly theirs: Asked;
  /** Never the same twice, so that no answer that was kept is of use; documents stay, so that both may keep their plans. */
  readonly variables: (round: number) => Variables;
}

/** A document, and what is compared of its answer. */
export interface Asked {
  readonly document: string;
  readonly shown: (data: Data) => readonly unknown[];
}

/** @returns what both sides are asked, in this order, where they have so many rows */
export const questions = (rows: number): readonly Question[] => [
  groups,
  hundredRows('filter', 'sales', { rows, seed: 7 }),
  hundredRows('filter-sorted', 'sales_sorted', { rows, seed: 8 }),
  { ...manyRows('rows10k', 10_000), goal: { atLeast: 8 }, pauseGoalMs: 15 },
  { ...manyRows('rows100k', 100_000), goal: { atLeast: 10 }, pauseGoalMs: 40 },
];

const everyRow = (round: number) => ({ least: -1 - round });

// PostGraphile neither sorts groups nor counts their rows, so nobody is asked to.
const groups: Question = {
  name: 'groups',
  goal: { atLeast: 25 },
  variables: everyRow,
  ours: {
    document: `query ($least: Int!) {
      salesGroups(by: [{ column: region }], where: { id: { gte: $least } }) {
        groups { key { region } sum { price } avg { quantity } }
      }
    }`,
    shown(data) {
      const { groups } = data.salesGroups as {
        groups: { key: { region: string }; sum: { price: string }; avg: { quantity: number } }[];
      };
      return groups.map(({ key, sum, avg }) => group(key.region, sum.price, avg.quantity)).sort();
    },
  },
  theirs: {
    document: `query ($least: Int!) {
      allSales(filter: { rowId: { greaterThanOrEqualTo: $least } }) {
        groupedAggregates(groupBy: [REGION]) { keys sum { price } average { quantity } }
      }
    }`,
    shown(data) {
      const { groupedAggregates } = data.allSales as {
        groupedAggregates: {
          keys: [string];
          sum: { price: string };
          average: { quantity: string };
        }[];
      };
      return groupedAggregates
        .map(({ keys, sum, average }) => group(keys[0], sum.price, Number(average.quantity)))
        .sort();
    },
  },
};

// A double has some 16 digits, their numeric has more.
const group = (region: string, sum: string, average: number) =>
  [region, sum, average.toFixed(9)].join(' ');

/*
 * Nobody asks for an order of rows: each has one of its own, theirs that of the primary key and ours that of the files, which is the same here.
 */

/** All rows of one customer, about 100 of them, of one of our tables and of theirs, which has an index. */
function hundredRows(
  name: string,
  table: string,
  { rows, seed }: { readonly rows: number; readonly seed: number },
): Question {
  const random = seeded(seed);
  const customers = Array.from({ length: 1_000 }, () => Math.floor(random() * customerCount(rows)));
  return {
    name,
    goal: { atLeast: 0.8 },
    oftener: 4,
    variables: (round) => ({ customer: customers[round % customers.length] ?? 0 }),
    ours: {
      document: `query ($customer: Int!) {
        ${table}(where: { customer: { eq: $customer } }, limit: 100) { ${ourColumns} }
      }`,
      shown: ourRows,
    },
    theirs: {
      document: `query ($customer: Int!) {
        allSales(condition: { customer: $customer }, first: 100) { nodes { ${theirColumns} } }
      }`,
      shown: theirRows,
    },
  };
}

const manyRows = (name: string, limit: number): Omit<Question, 'goal'> => ({
  name,
  variables: everyRow,
  ours: {
    document: `query ($least: Int!) {
      sales(where: { id: { gte: $least } }, limit: ${limit}) { ${ourColumns} }
    }`,
    shown: ourRows,
  },
  theirs: {
    document: `query ($least: Int!) {
      allSales(filter: { rowId: { greaterThanOrEqualTo: $least } }, first: ${limit}) {
        nodes { ${theirColumns} }
      }
    }`,
    shown: theirRows,
  },
});

const ourColumns = Object.keys(columnTypes).join(' ');
// Theirs are in camel case, and "id" means something else to PostGraphile.
const theirColumns = Object.keys(columnTypes)
  .map((name) => (name === 'id' ? 'id: rowId' : `${name}: ${camelCase(name)}`))
  .join(' ');

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

type Row = Readonly<Record<string, unknown>> & { readonly ordered_at: string };

const ourRows = (data: Data) => Object.values(data)[0] as readonly Row[];

// They write microseconds where there are none.
const theirRows = (data: Data) =>
  (data.allSales as { nodes: readonly Row[] }).nodes.map((row) => ({
    ...row,
    ordered_at: row.ordered_at.replace('.000000', ''),
  }));
