import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { parse, stripIgnoredCharacters } from 'graphql';
import { z } from 'zod';
import { AppError, messageOf } from '../errors.js';

/** What a request says of the operation that it wants run. */
export interface AskedOperation {
  readonly query?: unknown;
  /** As in GraphQL over HTTP's persisted documents. */
  readonly documentId?: unknown;
  /** With `persistedQuery.sha256Hash`, as Apollo's clients send it. */
  readonly extensions?: unknown;
}

// What graphql-codegen's client preset writes: {id: document}.
const persistedDocuments = z.record(z.string(), z.string());

// What Apollo's generate-persisted-query-manifest writes.
const manifest = z.object({
  format: z.literal('apollo-persisted-query-manifest'),
  operations: z.array(z.object({ id: z.string(), body: z.string() })),
});

const persistedQuery = z.object({ persistedQuery: z.object({ sha256Hash: z.string() }) });

/** The operations that may run when not all may. */
export class AllowList {
  /** Documents as they are listed, by their ids and by the SHA-256 of their text. */
  readonly #byId = new Map<string, string>();
  /** The same by their tokens: spaces, commas and comments do not matter. */
  readonly #byTokens = new Map<string, string>();
  readonly #documents = new Set<string>();

  /** @throws SyntaxError, GraphQLError with the id of a document that is none */
  constructor(documents: Iterable<readonly [id: string, document: string]>) {
    for (const [id, document] of documents) {
      try {
        parse(document);
      } catch (error) {
        throw new SyntaxError(`document ${id}: ${messageOf(error)}`, { cause: error });
      }
      this.#byId.set(withoutAlgorithm(id), document);
      this.#byId.set(createHash('sha256').update(document).digest('hex'), document);
      this.#byTokens.set(stripIgnoredCharacters(document), document);
      this.#documents.add(document);
    }
  }

  get size(): number {
    return this.#documents.size;
  }

  /** Whether a text is one of the list, letter by letter. */
  has(document: string): boolean {
    return this.#documents.has(document);
  }

  /**
   * The listed document that is asked for, as it stands in the list.
   * @throws OPERATION_NOT_ALLOWED
   */
  find({ query, documentId, extensions }: AskedOperation): string {
    const hash = persistedQuery.safeParse(extensions).data?.persistedQuery.sha256Hash;
    const id = typeof documentId === 'string' ? documentId : hash;
    const found =
      typeof query === 'string' && query !== ''
        ? this.#byTokens.get(tokensOf(query))
        : this.#byId.get(withoutAlgorithm(id ?? ''));
    if (found === undefined) {
      throw new AppError(
        'OPERATION_NOT_ALLOWED',
        `This service runs the operations of its list only (BUCKETQL_OPERATIONS), and ${
          id === undefined ? 'this one' : `document ${id}`
        } is not among them. Have it added, and the service started again`,
        { details: id === undefined ? {} : { id } },
      );
    }
    return found;
  }
}

// Ids may say what they are: sha256:…
const withoutAlgorithm = (id: string) => id.replace(/^sha256:/, '');

function tokensOf(query: string): string {
  try {
    return stripIgnoredCharacters(query);
  } catch {
    return '';
  }
}

/**
 * Reads the file that BUCKETQL_OPERATIONS names.
 * @throws INVALID_INPUT
 */
export async function readAllowList(path: string): Promise<AllowList> {
  const fault = (what: string, cause?: unknown) =>
    new AppError('INVALID_INPUT', `BUCKETQL_OPERATIONS: ${path} ${what}`, { cause });
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw fault(`cannot be read: ${messageOf(error)}`, error);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw fault('is not valid JSON', error);
  }
  const documents = documentsOf(json);
  if (!documents) {
    throw fault(
      'is neither {id: document}, as graphql-codegen writes it, nor an apollo-persisted-query-manifest',
    );
  }
  try {
    return new AllowList(documents);
  } catch (error) {
    throw fault(`has a ${messageOf(error)}`, error);
  }
}

function documentsOf(json: unknown): (readonly [string, string])[] | undefined {
  const listed = manifest.safeParse(json).data;
  if (listed) return listed.operations.map(({ id, body }) => [id, body] as const);
  const documents = persistedDocuments.safeParse(json).data;
  return documents && Object.entries(documents);
}
