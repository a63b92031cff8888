import { Lexer, Source, TokenKind } from 'graphql';

/** A request as it came in. */
export interface SentRequest {
  /** The JSON body of a POST. */
  readonly body?: unknown;
  /** The query string of a GET. */
  readonly search?: string;
}

// Arguments and input fields that are write-only.
const secretNames = new Set(['secretAccessKey', 'sessionToken', 'encryptionKey']);

/**
 * What a request gives for write-only fields, wherever it stands. graphql-js repeats values that do not fit their type
 * ("Variable "$input" got invalid value {…}"), a neighbour's fault included, so its messages have to be freed of these.
 */
export function sentSecrets({ body, search }: SentRequest): string[] {
  const found: string[] = [];
  const parameters = new URLSearchParams(search);
  const { query, variables } = isObject(body)
    ? body
    : { query: parameters.get('query'), variables: parsed(parameters.get('variables')) };
  const inDocument = typeof query === 'string' ? secretsOfDocument(query) : undefined;
  found.push(...(inDocument?.values ?? []));
  collect(variables, (name) => secretNames.has(name), found);
  collect(variables, (name) => inDocument?.variables.has(name) ?? false, found);
  return found;
}

/** Literals given for secret fields, and the variables whose values go there. Read by tokens: the text may be no GraphQL. */
function secretsOfDocument(text: string): { values: string[]; variables: Set<string> } {
  const values: string[] = [];
  const variables = new Set<string>();
  const defaults: { readonly variable: string; readonly value: string }[] = [];
  let defined: string | undefined;
  const found = () => ({
    values: [
      ...values,
      ...defaults.flatMap(({ variable, value }) => (variables.has(variable) ? [value] : [])),
    ],
    variables,
  });
  const lexer = new Lexer(new Source(text));
  const next = () => {
    try {
      return lexer.advance();
    } catch {
      // What is no token is not quoted by the parser either.
      return undefined;
    }
  };
  for (let token = next(); token && token.kind !== TokenKind.EOF; token = next()) {
    if (isText(token.kind) && namesSecret(token.value)) values.push(token.value);
    // "$name:" defines a variable; what is given for it there is its default.
    if (token.kind === TokenKind.COLON && token.prev?.prev?.kind === TokenKind.DOLLAR) {
      defined = token.prev.value;
    } else if (token.kind === TokenKind.DOLLAR || token.kind === TokenKind.PAREN_R) {
      defined = undefined;
    } else if (defined !== undefined && isLiteral(token.kind)) {
      defaults.push({ variable: defined, value: token.value });
    }
    if (token.kind !== TokenKind.NAME || !secretNames.has(token.value)) continue;
    let depth = 0;
    do {
      token = next();
      if (token?.kind === TokenKind.COLON) token = next();
      if (!token || token.kind === TokenKind.EOF) return found();
      if (token.kind === TokenKind.BRACKET_L || token.kind === TokenKind.BRACE_L) depth++;
      else if (token.kind === TokenKind.BRACKET_R || token.kind === TokenKind.BRACE_R) depth--;
      else if (token.kind === TokenKind.DOLLAR) {
        token = next();
        if (token?.value) variables.add(token.value);
      } else if (token.value) values.push(token.value);
    } while (depth > 0);
  }
  return found();
}

/**
 * Every text and number below the members of such a name, and texts that look like inputs which were encoded twice. It
 * does not call itself: what was refused for nesting too deep is looked through as well.
 */
function collect(value: unknown, isSecret: (name: string) => boolean, found: string[]): void {
  const pending = [{ value, inside: false }];
  for (let next = pending.pop(); next; next = pending.pop()) {
    const { value, inside } = next;
    if (Array.isArray(value)) {
      for (const item of value as readonly unknown[]) pending.push({ value: item, inside });
    } else if (isObject(value)) {
      for (const [name, member] of Object.entries(value))
        pending.push({ value: member, inside: inside || isSecret(name) });
    } else if (typeof value === 'string') {
      if (inside || namesSecret(value)) found.push(value);
    } else if (inside && typeof value === 'number') {
      found.push(String(value));
    }
  }
}

function parsed(text: string | null): unknown {
  try {
    return text === null ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}

const namesSecret = (text: string) => [...secretNames].some((name) => text.includes(name));

const isText = (kind: TokenKind) => kind === TokenKind.STRING || kind === TokenKind.BLOCK_STRING;

const isLiteral = (kind: TokenKind) =>
  isText(kind) || kind === TokenKind.INT || kind === TokenKind.FLOAT;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
