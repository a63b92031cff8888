import { parseSample } from '../delimited-parse.js';
import { engineReads, fieldsOf, RecordScanner } from '../delimited-text.js';
import type { DelimitedDialect } from '../relation.js';

/** What was looked for, from the most to the least usual. Longer ones are tried before the marks they are made of. */
const candidates = [',', '\t', ';', '|', '^', '~', ':', '\x1f', '\x01', '¦', '§'];
const longCandidates = ['||', '|~|', '~|~', '~^~', '^|^', '::', ';;', '~~'];
const enoughRecords = 500;
const enoughCells = 100;

/** Whether a delimiter was found, or none does. */
export interface FoundDelimiter {
  readonly delimiter: string;
  /** Nothing splits the header and all rows; the lines are one column. */
  readonly single?: boolean;
}

interface Quotes {
  readonly quote: string;
  readonly escape: string;
}

/** How a candidate splits the sample. */
interface Split {
  readonly delimiter: string;
  /** Fields of the first record, and of most of the others. */
  readonly header: number;
  readonly body: number;
  /** Of the records, those that have as many fields as the first one; of the others, those with the most usual number. */
  readonly share: number;
  readonly bodyShare: number;
  /** Of the cells, those that look like one value. */
  readonly values: number;
  readonly records: readonly (readonly string[])[];
}

/**
 * The delimiter that splits most records into as many fields as the first one, the header, and into fields that look
 * like single values: 1,5;2,5 are two decimal numbers. Where no candidate splits the header (a title stands in front of
 * it, row numbers have no name) the rows decide. Spaces count only for tables of numbers. "," when nothing is found.
 * @param start physical lines before the header
 */
export function detectDelimiter(
  text: Buffer,
  quotes: Quotes,
  start: number,
  complete: boolean,
): FoundDelimiter {
  const split = (delimiter: string) => splitBy(text, { delimiter, ...quotes }, start, complete);
  const allowed = (delimiter: string) =>
    (quotes.quote === '' || !delimiter.includes(quotes.quote)) &&
    (quotes.escape === '' || !delimiter.includes(quotes.escape));
  for (const delimiter of longCandidates.filter(allowed)) {
    const { header, share, records } = split(delimiter);
    const [names = []] = records;
    const whole = names.every((name) => name !== '' && !/^[|^~:;]|[|^~:;]$/.test(name));
    if (header > 1 && share > 0.9 && whole) return { delimiter };
  }
  const splits = candidates.filter(allowed).map(split);
  const byHeader = best(splits.filter(({ header, share }) => header > 1 && share > 0));
  if (byHeader) return { delimiter: byHeader.delimiter };
  const spaces = allowed(' ') ? split(' ') : undefined;
  if (spaces && isTableOfNumbers(spaces)) return { delimiter: ' ' };
  const byRows = best(
    splits
      .filter(({ body, bodyShare, records }) => body > 1 && bodyShare >= 0.8 && records.length > 2)
      .filter((one) => !isListOfValues(one))
      .map((one) => ({ ...one, header: one.body, share: one.bodyShare })),
  );
  if (byRows) return { delimiter: byRows.delimiter };
  // Commas in prose: a mark that stands nowhere keeps each line whole.
  const [comma, ...others] = splits;
  const whole = others.find((one) => one.body === 1 && one.bodyShare === 1 && one.header === 1);
  const splitByComma = comma?.records.some((record) => record.length > 1) === true;
  return splitByComma && whole ? { delimiter: whole.delimiter, single: true } : { delimiter: ',' };
}

function best(splits: readonly Split[]): Split | undefined {
  let found: Split | undefined;
  let quality = 0;
  for (const one of splits) {
    // How regular it is counts first, then what the fields look like.
    const own = one.share * (0.5 + one.values / 2);
    const clearly = own > quality + 0.1;
    const equally = own >= quality - 0.1 && one.header > (found?.header ?? 0);
    if (clearly || equally) {
      found = one;
      quality = own;
    }
  }
  return found;
}

function splitBy(text: Buffer, dialect: DelimitedDialect, start: number, complete: boolean): Split {
  const { delimiter } = dialect;
  const records: (readonly string[])[] = [];
  let seen = 0;
  let equal = 0;
  const widths = new Map<number, number>();
  const take = (width: number, fault: boolean, fields: () => readonly string[]) => {
    if (++seen > enoughRecords) return;
    // A record with text behind a quote is one that this delimiter does not split rightly.
    if (fault) return;
    const [first] = records;
    if (records.length < enoughCells) records.push(fields());
    if (!first || width === first.length) equal++;
    if (first) widths.set(width, (widths.get(width) ?? 0) + 1);
  };
  const scanner = new RecordScanner(dialect, 0);
  const { at } = scanner.skipLines(text, 0, start, complete);
  if (engineReads(dialect)) {
    scanner.scan(text, at, complete, (record) => {
      take(record.fields, record.fault !== null, () =>
        fieldsOf(text.toString('utf8', record.start, record.end), dialect),
      );
      return seen < enoughRecords;
    });
  } else {
    const place = { from: at, line: scanner.line };
    for (const { fields, fault } of parseSample(text, dialect, place, complete).records) {
      take(fields.length, fault !== null, () => fields);
    }
  }
  const [[body, count] = [0, 0]] = [...widths].sort((a, b) => b[1] - a[1] || b[0] - a[0]);
  const cells = (records.length === 1 ? records : records.slice(1)).flat();
  const values = cells.filter((cell) => looksLikeValue(cell, delimiter)).length;
  return {
    delimiter,
    header: records[0]?.length ?? 0,
    body,
    share: equal / Math.max(1, seen),
    bodyShare: count / Math.max(1, seen - 1),
    values: cells.length === 0 ? 1 : values / cells.length,
    records,
  };
}

// What is full of marks and yet one value.
const markedValue = [
  /^[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}([T ][0-9:.]+(Z|[-+][0-9:]+)?)?$/,
  /^[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?( ?[AaPp][Mm])?$/,
  /^[a-z][a-z0-9+.-]*:\/\/\S+$/i,
  /^\S+@\S+\.\S+$/,
];

const oneValue = [
  /^$/,
  /^[-+]?[$€£¥]?[0-9]+([.,' ][0-9]{3})*([.,][0-9]+)?([eE][-+]?[0-9]+)?\s?[%€$£]?$/,
  ...markedValue,
];

/** One number, time, address or plain text: nothing that another delimiter would split. */
function looksLikeValue(cell: string, delimiter: string): boolean {
  const text = cell.trim();
  if (oneValue.some((pattern) => pattern.test(text))) return true;
  return !candidates.some((other) => other !== delimiter && text.includes(other));
}

// One column of times or addresses, split at the marks inside them.
function isListOfValues({ records, delimiter }: Split): boolean {
  return records.slice(1).every((record) => {
    const line = record.join(delimiter).trim();
    return line === '' || markedValue.some((pattern) => pattern.test(line));
  });
}

const numberOrTime = /^[-+]?[0-9][0-9.,:/eE+-]*$/;

// "John Smith" is no two columns, so most of them must be numbers in every row.
function isTableOfNumbers({ header, share, records }: Split): boolean {
  const rows = records.slice(1);
  if (header < 2 || share < 1 || rows.length < 2) return false;
  const numeric = Array.from({ length: header }, (_, position) =>
    rows.every((row) => numberOrTime.test(row[position] ?? '')),
  ).filter(Boolean);
  return numeric.length * 2 >= header && records.flat().every((cell) => cell !== '');
}
