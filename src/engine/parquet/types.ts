/** A type as the engine writes it: `STRUCT(a INTEGER, b DECIMAL(4,2)[])`. */
export type EngineType =
  | EngineValueType
  | { readonly kind: 'list'; readonly item: EngineType }
  | { readonly kind: 'struct'; readonly fields: readonly EngineField[] }
  | { readonly kind: 'map'; readonly key: EngineType; readonly value: EngineType };

/** A type without parts, such as `DECIMAL(4,2)`. */
export interface EngineValueType {
  readonly kind: 'value';
  readonly name: string;
  readonly sizes: readonly number[];
}

/** A field of a struct. */
export interface EngineField {
  readonly name: string;
  readonly type: EngineType;
}

const token = /\s*("(?:[^"]|"")*"|'(?:[^']|'')*'|[A-Za-z_][A-Za-z0-9_$]*|[0-9]+|[(),[\]])/y;

/** Reads the engine's text of a type. The depth of types is bounded where files are checked. */
export function parseType(text: string): EngineType {
  const tokens: string[] = [];
  token.lastIndex = 0;
  for (let found = token.exec(text); found; found = token.exec(text)) tokens.push(found[1] ?? '');
  let at = 0;
  const next = () => tokens[at++] ?? '';
  const take = (expected: string) => {
    const found = next();
    if (found !== expected) throw new RangeError(`No type that is known: ${text}`);
  };
  const isWord = (part = '') => /^[A-Za-z_]/.test(part);

  const type = (): EngineType => {
    let found = base();
    while (tokens[at] === '[') {
      at++;
      // Arrays have their length there, lists nothing.
      if (tokens[at] !== ']') at++;
      take(']');
      found = { kind: 'list', item: found };
    }
    return found;
  };
  const base = (): EngineType => {
    const word = next();
    if (word === 'STRUCT') return { kind: 'struct', fields: fields() };
    if (word === 'MAP') {
      take('(');
      const key = type();
      take(',');
      const value = type();
      take(')');
      return { kind: 'map', key, value };
    }
    const words = [word];
    while (isWord(tokens[at])) words.push(next());
    const sizes: number[] = [];
    if (tokens[at] === '(') {
      for (let part = next(); part !== ')' && at < tokens.length; part = next()) {
        if (/^[0-9]+$/.test(part)) sizes.push(Number(part));
      }
    }
    return { kind: 'value', name: words.join(' '), sizes };
  };
  const fields = (): EngineField[] => {
    const found: EngineField[] = [];
    take('(');
    for (;;) {
      // Fields without names have types only, and then no word follows a word.
      const named = tokens[at]?.startsWith('"') || isWord(tokens[at + 1]);
      const name = named ? unquoted(next()) : '';
      found.push({ name, type: type() });
      if (tokens[at] !== ',') break;
      at++;
    }
    take(')');
    return found;
  };

  const whole = type();
  if (at !== tokens.length) throw new RangeError(`No type that is known: ${text}`);
  return whole;
}

function unquoted(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}

/** How many lists and maps lie in each other. */
export function listDepth(type: EngineType): number {
  switch (type.kind) {
    case 'list':
      return 1 + listDepth(type.item);
    case 'map':
      return 1 + Math.max(listDepth(type.key), listDepth(type.value));
    case 'struct':
      return Math.max(0, ...type.fields.map((field) => listDepth(field.type)));
    case 'value':
      return 0;
  }
}
