import type { Random } from './random.js';

/** A column by what the engine is told: its type, and the SQL of the value of a row. */
export interface VariedColumn {
  readonly name: string;
  readonly type: string;
  /** undefined is NULL. */
  readonly value: (row: number, random: Random) => string | undefined;
}

/** SQL of a text. */
export const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** A column of these texts, again and again. */
export const texts = (name: string, values: readonly (string | undefined)[]): VariedColumn => ({
  name,
  type: 'varchar',
  value: (row) => {
    const text = values[row % values.length];
    return text === undefined ? undefined : quoted(text);
  },
});

/** A column of these values of a type, again and again. */
export const typed = (name: string, type: string, values: readonly (string | undefined)[]) => ({
  name,
  type,
  value: (row: number) => {
    const text = values[row % values.length];
    return text === undefined ? undefined : quoted(text);
  },
});

/** Numbers the rows. */
export const id: VariedColumn = { name: 'id', type: 'integer', value: (row) => String(row + 1) };

/** So many digits. */
export const digits = (random: Random, count: number) =>
  Array.from({ length: count }, () => random(10)).join('');

const day = (random: Random) =>
  `${String(1 + random(9999)).padStart(4, '0')}-${two(1 + random(12))}-${two(1 + random(28))}`;
const two = (number: number) => String(number).padStart(2, '0');
const clock = (random: Random, fraction = 6) =>
  `${two(random(24))}:${two(random(60))}:${two(random(60))}.${digits(random, fraction)}`;

const word = (random: Random) =>
  Array.from({ length: 1 + random(12) }, () =>
    random.pick([...'abcxyzABC0159 .,;:-_äß€漢😀"\'&<>']),
  ).join('');

const randomly: Record<string, (random: Random) => string> = {
  boolean: (random) => String(random.oneIn(2)),
  integer: (random) => String(random(2 ** 31) - random(2 ** 31)),
  bigint: (random) => `${random.oneIn(2) ? '-' : ''}${1 + random(8)}${digits(random, 18)}`,
  'decimal(12,2)': (random) => `${random.oneIn(2) ? '-' : ''}${random(1e9)}.${digits(random, 2)}`,
  double: (random) => String((random(1e9) - 5e8) / 1024 / (1 + random(1000))),
  varchar: word,
  date: day,
  time: (random) => clock(random, 1 + random(6)),
  timestamp: (random) => `${day(random)} ${clock(random, 1 + random(6))}`,
  timestamptz: (random) => `${day(random)} ${clock(random, 1 + random(6))}+00`,
  json: (random) => JSON.stringify([random(100), word(random), { k: word(random), none: null }]),
};

/** A column of values of a type, one in `nulls` NULL. */
export const random = (name: string, type: string, nulls = 6): VariedColumn => ({
  name,
  type,
  value: (_row, from) => (from.oneIn(nulls) ? undefined : quoted(randomly[type]!(from))),
});

/** A column of each type, named by it. */
export const everyType = (prefix = '') =>
  Object.keys(randomly).map((type) => random(prefix + type.replace(/\(.*/, ''), type));

/** Columns that matter for their names. */
export const headers = (names: readonly string[]): VariedColumn[] =>
  names.map((name, at) => random(name, at % 3 === 0 ? 'integer' : 'varchar', 8));
