import {
  getDirectiveValues,
  GraphQLIncludeDirective,
  GraphQLSkipDirective,
  Kind,
  type FieldNode,
  type GraphQLResolveInfo,
  type SelectionNode,
} from 'graphql';

/** What reading a selection needs of the operation. */
export type Scope = Pick<GraphQLResolveInfo, 'fragments' | 'variableValues'>;

/** A field of a selection: its response key, its name, and every node that asks for it under that key. */
export interface SelectedField {
  readonly key: string;
  readonly name: string;
  readonly nodes: readonly FieldNode[];
}

/**
 * The fields asked for below `nodes`, in the order of the response (GraphQL specification, section 6.3.2, CollectFields).
 * Type conditions need no look: generated types are all concrete and have no interfaces, so a fragment that
 * passed validation here is one on this very type.
 */
export function selectedFields(nodes: readonly FieldNode[], scope: Scope): SelectedField[] {
  const byKey = new Map<string, FieldNode[]>();
  const visited = new Set<string>();
  const collect = (selections: readonly SelectionNode[]): void => {
    for (const selection of selections) {
      if (!isIncluded(selection, scope)) continue;
      switch (selection.kind) {
        case Kind.FIELD: {
          const key = selection.alias?.value ?? selection.name.value;
          const same = byKey.get(key);
          if (same) same.push(selection);
          else byKey.set(key, [selection]);
          break;
        }
        case Kind.INLINE_FRAGMENT:
          collect(selection.selectionSet.selections);
          break;
        case Kind.FRAGMENT_SPREAD: {
          const name = selection.name.value;
          if (visited.has(name)) break;
          visited.add(name);
          collect(scope.fragments[name]?.selectionSet.selections ?? []);
          break;
        }
      }
    }
  };
  for (const node of nodes) collect(node.selectionSet?.selections ?? []);
  return [...byKey].map(([key, same]) => ({ key, name: same[0]?.name.value ?? key, nodes: same }));
}

function isIncluded(node: SelectionNode, { variableValues }: Scope): boolean {
  if (!node.directives?.length) return true;
  if (getDirectiveValues(GraphQLSkipDirective, node, variableValues)?.if === true) return false;
  return getDirectiveValues(GraphQLIncludeDirective, node, variableValues)?.if !== false;
}
