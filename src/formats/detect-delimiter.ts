import { RecordScanner } from '../delimited-text.js';

const candidates = [',', '\t', ';', '|', '^', '~', ':'];
const enoughRecords = 500;

/**
 * The delimiter that gives the most records as many fields as the first one has, the header; "," when none splits it.
 * @param start physical lines before the header
 */
export function detectDelimiter(
  text: Buffer,
  quotes: { readonly quote: string; readonly escape: string },
  start: number,
  complete: boolean,
): string {
  let best = { delimiter: ',', share: 0, fields: 1 };
  for (const delimiter of candidates) {
    if (delimiter === quotes.quote || delimiter === quotes.escape) continue;
    const scanner = new RecordScanner({ delimiter, ...quotes }, 0);
    const { at } = scanner.skipLines(text, 0, start, complete);
    let header = 0;
    let records = 0;
    let equal = 0;
    scanner.scan(text, at, complete, ({ fields, fault }) => {
      if (fault || records === enoughRecords) return;
      if (records++ === 0) header = fields;
      if (fields === header) equal++;
    });
    if (header < 2) continue;
    const share = equal / records;
    // A colon or comma in prose splits every now and then; a delimiter splits always, and into more.
    if (share > best.share + 0.1 || (share >= best.share - 0.1 && header > best.fields)) {
      best = { delimiter, share, fields: header };
    }
  }
  return best.delimiter;
}
