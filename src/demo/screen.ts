import { tableLines, type Row } from './table.js';

/** Where the demo prints. */
export interface Output {
  readonly write: (line: string) => void;
  /** Shows a line that the next one replaces, on terminals. (Default: progress comes as ordinary lines) */
  readonly status?: (line: string) => void;
}

/** What the demo prints: numbered headings, sentences, the GraphQL it sends, tables. */
export interface Screen extends Output {
  heading(text: string): void;
  say(text: string): void;
  /** What is sent, indented, so that it can be pasted into GraphiQL. */
  graphql(operation: string): void;
  json(value: unknown): void;
  table(rows: readonly Row[]): void;
}

const lineWidth = 96;

/** A screen on an output. */
export function screenOn(output: Output): Screen {
  const { write } = output;
  const block = (lines: readonly string[], indent: string) => {
    for (const line of lines) write(line === '' ? '' : indent + line);
    write('');
  };
  let step = 0;
  return {
    ...output,
    heading(text) {
      step++;
      write(`${step}. ${text}`);
      write('');
    },
    say: (text) => block(text.split('\n').flatMap(wrapped), '   '),
    graphql: (operation) => block(operation.split('\n'), '     '),
    json: (value) => block(JSON.stringify(value, null, 2).split('\n'), '     '),
    table: (rows) => block(tableLines(rows), '   '),
  };
}

/** A line in pieces of at most {@link lineWidth} characters, cut between words where that can be. */
function wrapped(line: string): string[] {
  const lines = [''];
  for (const word of line.split(' ')) {
    const last = lines.length - 1;
    const longer = lines[last] === '' ? word : `${lines[last]} ${word}`;
    if (longer.length > lineWidth && lines[last] !== '') lines.push(word);
    else lines[last] = longer;
  }
  return lines;
}
