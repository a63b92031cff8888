/** One cell of a table; null is shown as a dash. */
export type Cell = string | number | boolean | null;

/** Rows under the same headings. */
export type Row = Readonly<Record<string, Cell>>;

const widest = 62;

/** A table in plain text, a line each; columns of numbers stand on the right. */
export function tableLines(rows: readonly Row[]): string[] {
  const headings = Object.keys(rows[0] ?? {});
  if (headings.length === 0) return ['(no rows)'];
  const columns = headings.map((heading) => {
    const cells = rows.map((row) => row[heading] ?? null);
    const texts = [heading, ...cells.map(shown)];
    const width = Math.max(...texts.map((text) => text.length));
    const numeric = cells.every((cell) => cell === null || isNumber(cell));
    return texts.map((text) => (numeric ? text.padStart(width) : text.padEnd(width)));
  });
  const line = (index: number) => columns.map((texts) => texts[index] ?? '').join('  ');
  const rule = columns.map(([heading = '']) => '-'.repeat(heading.length)).join('  ');
  return [line(0), rule, ...rows.map((_, index) => line(index + 1))].map((text) => text.trimEnd());
}

/** The leaves of an answer's object under their paths: {key: {state}, count} gives `key.state` and `count`. */
export function flatten(value: unknown, path = ''): Row {
  if (typeof value !== 'object' || value === null) return { [path]: value as Cell };
  const parts = Object.entries(value).map(([key, member]) =>
    flatten(member, path === '' ? key : `${path}.${key}`),
  );
  return Object.assign({}, ...parts) as Row;
}

function shown(cell: Cell): string {
  if (cell === null) return '-';
  // An average has more digits than anybody reads.
  const text = typeof cell === 'number' ? String(Number(cell.toFixed(3))) : String(cell);
  return text.length > widest ? `${text.slice(0, widest - 1)}…` : text;
}

function isNumber(cell: Cell): boolean {
  return typeof cell === 'number' || (typeof cell === 'string' && /^-?\d+(\.\d+)?$/.test(cell));
}
