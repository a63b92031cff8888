import { parseArgs } from 'node:util';

/** What a benchmark is told on the command line. */
export interface BenchArguments {
  /** Names, with commas between. */
  readonly only: string | undefined;
  /** Of the rows: 1 is 10 million. (Default: 1) */
  readonly scale: number;
  /** Where results are written as JSON. */
  readonly json: string | undefined;
}

/** Reads `[--only NAME,…] [--scale 0.1] [--json FILE]`. */
export function benchArguments(): BenchArguments {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      scale: { type: 'string', default: '1' },
      json: { type: 'string' },
    },
  });
  const scale = Number(values.scale);
  if (!(scale > 0)) throw new Error(`--scale is ${values.scale}; give a number above 0`);
  return { only: values.only, scale, json: values.json };
}

/** Those that `only` names, in its order; all if it names none. */
export function chosenOf<Named extends { readonly name: string }>(
  all: readonly Named[],
  only: string | undefined,
): readonly Named[] {
  if (only === undefined) return all;
  return only.split(',').map((name) => {
    const found = all.find((candidate) => candidate.name === name.trim());
    if (!found)
      throw new Error(`There is no ${name}; there are ${all.map((one) => one.name).join(', ')}`);
    return found;
  });
}
