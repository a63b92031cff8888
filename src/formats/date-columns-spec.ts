import { AppError } from '../errors.js';

/** A column and the Java date pattern of its texts. */
export interface DateColumn {
  readonly column: string;
  readonly format: string;
}

/**
 * Reads date columns in one line: `orderDate:dd-MM-yyyy,shipped:MMM d, yyyy HH:mm`. A pattern ends where a comma is
 * followed by a column's name and a colon, or at the end; so it may hold commas and colons, and anything in quotes. Where the columns are not
 * known yet, a text before a colon is a name unless it ends as a pattern does there (HH:, mm:).
 * @throws COLUMN_NOT_FOUND for a name that is none of the columns, INVALID_OPTIONS for a spec without names
 */
export function parseDateColumnsSpec(
  spec: string,
  columns: readonly string[] | undefined,
): DateColumn[] {
  const found: DateColumn[] = [];
  let rest = spec.trim().replace(/,\s*$/, '');
  while (rest.trim() !== '') {
    const column = nameAt(rest, columns) ?? firstWords(rest);
    if (column === undefined || column.name === '') {
      throw new AppError(
        'INVALID_OPTIONS',
        `dateColumnsSpec cannot be read at "${rest}": write column:pattern, separated by commas`,
        { details: { option: 'dateColumnsSpec' } },
      );
    }
    if (columns && !columns.includes(column.name)) throw notFound(column.name, columns);
    rest = rest.slice(column.length);
    const end = patternEnd(rest, columns);
    const format = rest.slice(0, end).trim();
    if (format === '') {
      throw new AppError('INVALID_OPTIONS', `dateColumnsSpec has no pattern for ${column.name}`, {
        details: { option: 'dateColumnsSpec', column: column.name },
      });
    }
    found.push({ column: column.name, format });
    rest = rest.slice(end + 1);
  }
  return found;
}

interface Name {
  readonly name: string;
  /** Characters up to and with the colon. */
  readonly length: number;
}

/** The known column that stands here before a colon, the longest first. */
function nameAt(text: string, columns: readonly string[] | undefined): Name | undefined {
  const lead = text.length - text.trimStart().length;
  const longest = [...(columns ?? [])].sort((a, b) => b.length - a.length);
  for (const name of longest) {
    if (name === '' || !text.startsWith(name, lead)) continue;
    const colon = /^\s*:/.exec(text.slice(lead + name.length))?.[0];
    if (colon !== undefined) return { name, length: lead + name.length + colon.length };
  }
  return undefined;
}

function firstWords(text: string): Name | undefined {
  const colon = text.indexOf(':');
  return colon === -1 ? undefined : { name: text.slice(0, colon).trim(), length: colon + 1 };
}

function patternEnd(text: string, columns: readonly string[] | undefined): number {
  for (let comma = text.indexOf(','); comma !== -1; comma = text.indexOf(',', comma + 1)) {
    // In quotes a comma is text, whatever stands behind it.
    if (text.slice(0, comma).split("'").length % 2 === 0) continue;
    const behind = text.slice(comma + 1);
    if (nameAt(behind, columns) || looksLikeName(behind)) return comma;
  }
  return text.length;
}

// In a pattern, what stands before a colon ends with hours, minutes, seconds or a quoted text.
function looksLikeName(text: string): boolean {
  const before = /^([^:,]*):/.exec(text)?.[1]?.trim();
  if (before === undefined || before === '' || before.startsWith("'")) return false;
  return !/(^|[^A-Za-z])(H+|h+|k+|K+|m+|s+)$|'$/.test(before);
}

function notFound(column: string, columns: readonly string[]): AppError {
  return new AppError(
    'COLUMN_NOT_FOUND',
    `dateColumnsSpec names the column "${column}", but the files have: ${columns.join(', ')}`,
    { details: { column, columns } },
  );
}
