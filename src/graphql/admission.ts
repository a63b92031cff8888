import {
  getVariableValues,
  Kind,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { isAppError } from '../errors.js';
import type { AllowList, AskedOperation } from './allow-list.js';
import { parseBounded } from './bounds-document.js';
import { checkNesting, tooComplex, type QueryLimits } from './bounds.js';
import { costOf } from './cost.js';
import { withoutPrototypes, type Operation } from './execute.js';
import { recentTexts } from './recent-texts.js';

/** Characters of documents that are remembered to be within their bounds. */
const rememberedCharacters = 4 * 2 ** 20;

/** What a request asks, as it was sent. */
export interface AskedRequest extends AskedOperation {
  readonly variables?: unknown;
}

/** A request over HTTP, as far as it says what to run. */
export interface AskedOverHttp {
  readonly method: string | undefined;
  /** The query string with its question mark, or nothing. */
  readonly search: string;
  /** The parsed body of a POST. */
  readonly body: unknown;
}

/** What may run: bounds of operations, and the list of those that are allowed where there is one. */
export class Admission {
  readonly limits: QueryLimits;
  readonly allowList: AllowList | undefined;
  readonly #maxLimit: number;
  /** Documents that were found to be within the bounds. */
  readonly #within = recentTexts(rememberedCharacters);

  constructor(options: {
    readonly limits: QueryLimits;
    /** Longest list that a field gives. */
    readonly maxLimit: number;
    /** Not given: every operation within the bounds may run. */
    readonly allowList?: AllowList | undefined;
  }) {
    this.limits = options.limits;
    this.allowList = options.allowList;
    this.#maxLimit = options.maxLimit;
  }

  /**
   * The document to run. What is none is left to whoever parses it: so errors in it come in one form.
   * @throws OPERATION_NOT_ALLOWED, QUERY_TOO_COMPLEX
   */
  admit(asked: AskedRequest): string | undefined {
    checkNesting(asked.variables);
    const document = this.allowList && isAsked(asked) ? this.allowList.find(asked) : asked.query;
    if (typeof document !== 'string') return undefined;
    this.#checkBounds(document);
    return document;
  }

  /**
   * The same, parsed.
   * @throws OPERATION_NOT_ALLOWED, QUERY_TOO_COMPLEX; what graphql-js says of a document that is none
   */
  parse(asked: AskedRequest): DocumentNode {
    checkNesting(asked.variables);
    const document = this.allowList?.find(asked) ?? asked.query;
    return parseBounded(typeof document === 'string' ? document : '', this.limits);
  }

  /** The same of a request over HTTP. @returns the request with the document that may run in it */
  admitOverHttp<R extends AskedOverHttp>(request: R): R {
    const { method, search, body } = request;
    if (method === 'GET') {
      const parameters = new URLSearchParams(search);
      const asked = {
        query: parameters.get('query') ?? undefined,
        documentId: parameters.get('documentId') ?? undefined,
        extensions: parsed(parameters.get('extensions')),
        variables: parsed(parameters.get('variables')),
      };
      const document = this.admit(asked);
      if (!this.allowList || document === undefined) return request;
      parameters.set('query', document);
      parameters.delete('extensions');
      return { ...request, search: `?${parameters}` };
    }
    if (typeof body !== 'object' || body === null) return request;
    const document = this.admit(body);
    if (!this.allowList || document === undefined) return request;
    return { ...request, body: { ...body, query: document, extensions: {} } };
  }

  /**
   * Holds a validated operation against the cost it may have.
   * @throws QUERY_TOO_COMPLEX
   */
  checkCost(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Operation['variables'],
  ): void {
    const definitions = operation.variableDefinitions ?? [];
    const { coerced } = getVariableValues(schema, definitions, withoutPrototypes(variables));
    // Execution says what is wrong with them.
    if (!coerced) return;
    const { points, mostly } = costOf({
      schema,
      operation,
      fragments: fragmentsOf(document),
      variableValues: coerced,
      maxLimit: this.#maxLimit,
    });
    const { maxQueryCost } = this.limits;
    if (points > maxQueryCost) throw tooComplex('cost', maxQueryCost, points, { field: mostly });
  }

  #checkBounds(document: string): void {
    if (this.#within.get(document) !== undefined) return;
    try {
      parseBounded(document, this.limits);
    } catch (error) {
      if (isAppError(error)) throw error;
      return;
    }
    this.#within.set(document, '');
  }
}

const isAsked = ({ query, documentId, extensions }: AskedOperation) =>
  query !== undefined || documentId !== undefined || extensions !== undefined;

function fragmentsOf({ definitions }: DocumentNode): Record<string, FragmentDefinitionNode> {
  return Object.fromEntries(
    definitions.flatMap((definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition]] : [],
    ),
  );
}

function parsed(json: string | null): unknown {
  try {
    return json === null ? undefined : (JSON.parse(json) as unknown);
  } catch {
    return undefined;
  }
}
