import {
  GraphQLError,
  Kind,
  parse,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type FragmentSpreadNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import { isAppError } from '../errors.js';
import { tooComplex, type QueryLimits } from './bounds.js';

/** A document without many tokens can still be long: a block string of a megabyte is read in 100 ms. */
const maxCharacters = 256 * 2 ** 10;

/** Operations and fragments of one document: validation compares them with each other. */
const maxDefinitions = 200;

/** Introspection lists in each other: `types { fields }` are two. Tools ask for two; each further one multiplies the answer. */
const maxIntrospectionLists = 2;

/** Levels below `__schema` and `__type`. The usual introspection query has thirteen, most of them `ofType`. */
const maxIntrospectionDepth = 20;

/**
 * Parses a document and holds it against the bounds that need no schema, before validation, whose work can grow with the
 * square of what they bound.
 * @throws QUERY_TOO_COMPLEX; what graphql-js says of a document that is none
 */
export function parseBounded(source: string, limits: QueryLimits): DocumentNode {
  const { maxQueryTokens, maxQueryDepth } = limits;
  if (source.length > maxCharacters) throw tooComplex('characters', maxCharacters, source.length);
  try {
    const document = parse(source, { maxTokens: maxQueryTokens });
    checkBounds(document, limits);
    return document;
  } catch (error) {
    if (isAppError(error)) throw error;
    // Braces and brackets so deep that the parser, which calls itself, had no stack left.
    if (!(error instanceof GraphQLError))
      throw tooComplex('depth', maxQueryDepth, maxQueryDepth + 1);
    if (tooManyTokens.test(error.message))
      throw tooComplex('tokens', maxQueryTokens, maxQueryTokens + 1);
    throw error;
  }
}

const tooManyTokens = /^Syntax Error: Document contains more tha[nt] \d+ tokens/;

/** How a selection is come to. */
interface Place {
  readonly depth: number;
  /** Inside `__schema` or `__type`: how many of the lists that are counted there are around it. */
  readonly lists: number | undefined;
}

/**
 * Walks operations as execution would, fragments followed and fields of one name merged. Every step is counted and the
 * walk ends at the first bound, so a fragment bomb costs no more than `maxQueryTokens` steps. Circles of fragments, which
 * validation refuses later, are followed once.
 */
function checkBounds(document: DocumentNode, limits: QueryLimits): void {
  const { maxQueryTokens, maxQueryDepth, maxQueryAliases, maxQueryRootFields } = limits;
  const found = document.definitions.length;
  if (found > maxDefinitions) throw tooComplex('definitions', maxDefinitions, found);
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION)
      fragments.set(definition.name.value, definition);
  }
  const circular = circularSpreads(fragments);
  const followed = new Set<FragmentDefinitionNode>();
  let steps = 0;
  let repeated = 0;

  const step = () => {
    if (++steps > maxQueryTokens) throw tooComplex('tokens', maxQueryTokens, steps);
  };

  const walk = (selectionSets: readonly SelectionSetNode[], { depth, lists }: Place): void => {
    const merged = new Map<string, FieldNode[]>();
    const names = new Map<string, number>();
    const spread = new Set<string>();
    const collect = (selections: readonly SelectionNode[]): void => {
      for (const selection of selections) {
        step();
        if (selection.kind === Kind.FIELD) {
          const name = selection.name.value;
          const key = selection.alias?.value ?? name;
          const same = merged.get(key);
          if (same) same.push(selection);
          else merged.set(key, [selection]);
          names.set(name, (names.get(name) ?? 0) + 1);
        } else if (selection.kind === Kind.INLINE_FRAGMENT) {
          collect(selection.selectionSet.selections);
        } else {
          const name = selection.name.value;
          const fragment = fragments.get(name);
          if (!fragment || spread.has(name) || circular.has(selection)) continue;
          spread.add(name);
          followed.add(fragment);
          collect(fragment.selectionSet.selections);
        }
      }
    };
    for (const { selections } of selectionSets) collect(selections);
    if (merged.size === 0) return;
    if (lists === undefined) {
      if (depth > maxQueryDepth) throw tooComplex('depth', maxQueryDepth, depth);
      if (depth === 1 && merged.size > maxQueryRootFields)
        throw tooComplex('rootFields', maxQueryRootFields, merged.size);
    } else if (depth > maxIntrospectionDepth) {
      throw tooComplex('introspection', maxIntrospectionDepth, depth);
    }
    for (const [name, times] of names) {
      repeated += times - 1;
      if (repeated > maxQueryAliases) throw tooComplex('aliases', maxQueryAliases, repeated);
      if (times > 1 && (lists !== undefined || name === '__schema'))
        throw tooComplex('introspection', 1, times);
    }
    for (const nodes of merged.values()) {
      const below = nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
      if (below.length > 0) walk(below, placeBelow(nodes[0]?.name.value ?? '', { depth, lists }));
    }
  };

  for (const definition of document.definitions) {
    if (definition.kind === Kind.OPERATION_DEFINITION)
      walk([definition.selectionSet], { depth: 1, lists: undefined });
  }
  // A fragment that no operation uses, or that has the name of another, is refused by validation, which reads it first.
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION && !followed.has(definition))
      walk([definition.selectionSet], { depth: 2, lists: undefined });
  }
}

/** The spreads that lead back to a fragment they are in: without them no circle is left. */
function circularSpreads(
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): ReadonlySet<FragmentSpreadNode> {
  const circular = new Set<FragmentSpreadNode>();
  const state = new Map<string, 'entered' | 'left'>();
  const enter = (name: string, fragment: FragmentDefinitionNode): void => {
    state.set(name, 'entered');
    const pending: SelectionNode[] = [...fragment.selectionSet.selections];
    for (let node = pending.pop(); node; node = pending.pop()) {
      if (node.kind !== Kind.FRAGMENT_SPREAD) {
        pending.push(...(node.selectionSet?.selections ?? []));
        continue;
      }
      const next = node.name.value;
      const nextFragment = fragments.get(next);
      if (state.get(next) === 'entered') circular.add(node);
      else if (nextFragment && !state.has(next)) enter(next, nextFragment);
    }
    state.set(name, 'left');
  };
  for (const [name, fragment] of fragments) if (!state.has(name)) enter(name, fragment);
  return circular;
}

function placeBelow(name: string, { depth, lists }: Place): Place {
  if (lists === undefined) {
    return name === '__schema' || name === '__type'
      ? { depth: 1, lists: 0 }
      : { depth: depth + 1, lists };
  }
  const within = lists + (introspectionLists.has(name) ? 1 : 0);
  if (within > maxIntrospectionLists)
    throw tooComplex('introspection', maxIntrospectionLists, within);
  return { depth: depth + 1, lists: within };
}

// Those that lead from types to types. Others end: enumValues, args and directives have no types that have them again.
const introspectionLists = new Set([
  'types',
  'fields',
  'interfaces',
  'possibleTypes',
  'inputFields',
]);
