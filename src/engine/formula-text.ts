import { literal, sql, type Sql } from '../sql.js';

/*
 * Spreadsheets take a text that begins so for a formula, whoever wrote it: `=HYPERLINK(…)` in a comment field runs at whoever opens
 * the export.
 */

// RE2 and JavaScript read them alike.
const beginning = '^[=+@\\t\\r-]';
const plainNumber = '[+-]?(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)(?:[eE][+-]?[0-9]+)?';

const begins = new RegExp(beginning);
const isPlainNumber = new RegExp(`^(?:${plainNumber})$`);

/** Whether a spreadsheet could take a text for a formula: it begins with = + - @, a tab or a return, and is no number. */
export function isFormula(text: string): boolean {
  return begins.test(text) && !isPlainNumber.test(text);
}

/** SQL of {@link isFormula}. */
export function formulaCondition(text: Sql): Sql {
  // All of these come before A, which is a comparison of few bytes.
  return sql`(${text} < 'A' and regexp_matches(${text}, ${literal(beginning)}) and not regexp_full_match(${text}, ${literal(plainNumber)}))`;
}
