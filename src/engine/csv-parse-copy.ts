import { parseFile, type ParsedRecord } from '../delimited-parse.js';
import type { ScanOptions } from '../delimited-file.js';
import type { DelimitedDialect } from '../relation.js';
import type { CopyWriter } from './copy-writer.js';
import { byteFault, reached, tooWide, type Fault } from './record-faults.js';

/** The dialect of copies whose original the engine cannot read. */
export const copyDialect: DelimitedDialect = { delimiter: ',', quote: '"', escape: '"' };

/** What the writing of a copy tells of each record that is left out. */
export type OnFault = (line: number, fault: Fault, bytes: Buffer) => void;

/** What is told while a copy is made. */
export interface CopyEvents {
  readonly onFault: OnFault;
  /** A record's missing fields were filled with nothing. */
  readonly onShort: () => void;
}

/** Writes the records of a file that csv-parse can read and the engine cannot. */
export async function copyParsed(
  path: string,
  options: ScanOptions,
  writer: CopyWriter,
  { onFault, onShort }: CopyEvents,
  between: () => Promise<void>,
): Promise<void> {
  const { width } = options;
  const visit = (record: ParsedRecord) => {
    const { line, offset, bytes, fields } = record;
    const fault = byteFault(bytes) ?? shapeFault(record, width);
    if (fault) {
      onFault(line, fault, bytes);
      return;
    }
    if (fields.length < width) onShort();
    const body = fields.slice(0, width).map((field) => `"${field.replaceAll('"', '""')}"`);
    const missing = ','.repeat(Math.max(0, width - fields.length));
    writer.line(`${line},${offset},${bytes.length},`, body.join(','), missing);
  };
  await parseFile(path, options, visit, between);
}

function shapeFault(record: ParsedRecord, width: number): Fault | undefined {
  const { fault, fields } = record;
  if (fault === 'TEXT_AFTER_QUOTE') {
    return {
      code: 'MALFORMED_ROW',
      reason: `There is text behind a closing quote${reached(record)}`,
    };
  }
  if (fault === 'SPACE_BEFORE_QUOTE') {
    return { code: 'MALFORMED_ROW', reason: 'There are spaces in front of an opening quote' };
  }
  const surplus = fields.slice(width).some((field) => field !== '');
  return surplus ? tooWide(fields.length, width) : undefined;
}
