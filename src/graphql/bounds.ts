import { AppError } from '../errors.js';

/** How much an operation may ask. */
export interface QueryLimits {
  /** Tokens of a document, and selections of its operations with all fragments written out. BUCKETQL_MAX_QUERY_TOKENS */
  readonly maxQueryTokens: number;
  /** Levels of fields; those of the root type are the first. BUCKETQL_MAX_QUERY_DEPTH */
  readonly maxQueryDepth: number;
  /** Fields of a document that their selection has already, under another name or the same. BUCKETQL_MAX_QUERY_ALIASES */
  readonly maxQueryAliases: number;
  /** Fields of the root type in one operation. BUCKETQL_MAX_QUERY_ROOT_FIELDS */
  readonly maxQueryRootFields: number;
  /** What an operation may be estimated to cost. BUCKETQL_MAX_QUERY_COST */
  readonly maxQueryCost: number;
}

/** Errors of validation that are told: for each it looks through all fields for what may have been meant. */
export const maxValidationErrors = 5;

/** Lists and objects in each other, of variables: filters may nest 100 levels, most of which are an object in a list. */
const maxNesting = 250;

type Bound = keyof typeof bounds;

const bounds = {
  tokens: {
    setting: 'BUCKETQL_MAX_QUERY_TOKENS',
    text: (found: number, limit: number) =>
      `The document is longer than ${limit} tokens, or its operations are with all fragments written out: found ${found}. Send fewer fields at a time, and long lists as variables`,
  },
  depth: {
    setting: 'BUCKETQL_MAX_QUERY_DEPTH',
    text: (found: number, limit: number) =>
      `Fields lie ${found} levels deep, ${limit} are allowed. Ask for what is further down in an operation of its own`,
  },
  aliases: {
    setting: 'BUCKETQL_MAX_QUERY_ALIASES',
    text: (found: number, limit: number) =>
      `${found} fields are asked for again in the same selection, under another name or the same; ${limit} are allowed. Ask with one filter (in, _or) instead of many fields, or in several operations`,
  },
  rootFields: {
    setting: 'BUCKETQL_MAX_QUERY_ROOT_FIELDS',
    text: (found: number, limit: number) =>
      `An operation has ${found} root fields, ${limit} are allowed. Send several operations`,
  },
  cost: {
    setting: 'BUCKETQL_MAX_QUERY_COST',
    text: (found: number, limit: number) =>
      `The operation may cost ${found} points, ${limit} are allowed. Ask for fewer rows (limit, first), columns or lists in lists; for whole tables use a writeback`,
  },
  characters: {
    setting: undefined,
    text: (found: number, limit: number) =>
      `The document has ${found} characters, ${limit} is the most. Send long values as variables`,
  },
  definitions: {
    setting: undefined,
    text: (found: number, limit: number) =>
      `The document has ${found} operations and fragments, ${limit} is the most. Send the operation that is to run and the fragments that it uses`,
  },
  nesting: {
    setting: undefined,
    text: (_found: number, limit: number) =>
      `Lists and objects of the variables lie more than ${limit} levels deep in each other. Put filters beside each other (_and, _or take lists)`,
  },
  introspection: {
    setting: undefined,
    text: (found: number, limit: number) =>
      `Introspection asks for lists in lists ${found} deep, or for the same twice; ${limit} is the most. Ask for __type(name:) of each type you need`,
  },
} as const;

/** The refusal of an operation that is beyond a bound; `found` is how much was found until it was. */
export function tooComplex(
  bound: Bound,
  limit: number,
  found: number,
  more: Readonly<Record<string, unknown>> = {},
): AppError {
  const { setting, text } = bounds[bound];
  const raise = setting === undefined ? '' : `, or raise ${setting}`;
  return new AppError('QUERY_TOO_COMPLEX', text(found, limit) + raise, {
    details: { bound, limit, found, ...more },
  });
}

/**
 * Holds variables against the bound of what may lie in each other, so that whatever reads them may call itself.
 * @throws QUERY_TOO_COMPLEX
 */
export function checkNesting(variables: unknown): void {
  if (nestsDeeper(variables, maxNesting)) throw tooComplex('nesting', maxNesting, maxNesting + 1);
}

const nestsDeeper = (value: unknown, levels: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (levels === 0 || Object.values(value).some((member) => nestsDeeper(member, levels - 1)));
