import { AppError } from '../../errors.js';
import type { FormatLimits } from '../../limits.js';
import { cellTooLong, maxCellBytesOf } from './options.js';
import { unescaped } from './values.js';
import type { WorkbookPackage } from './xlsx-package.js';
import { Token, type XmlScanner } from './xlsx-xml.js';

/** The texts that cells refer to by number: one buffer, as they may be millions. */
export interface SharedStrings {
  readonly bytes: Buffer;
  readonly count: number;
  /** Where each text ends, which is where the next one begins. */
  readonly ends: Uint32Array;
}

/** The texts of a workbook that has none. */
export const noStrings: SharedStrings = {
  bytes: Buffer.alloc(0),
  count: 0,
  ends: new Uint32Array(0),
};

const known = ['sst', 'si', 't', 'rPh'];
const [sst, si, t, rPh] = [1, 2, 3, 4];

/** Reads the table of texts. @throws DOCUMENT_TOO_LARGE, CELL_TOO_LONG, MALFORMED_FILE */
export async function readStrings(
  parts: WorkbookPackage,
  name: string,
  limits: FormatLimits,
): Promise<SharedStrings> {
  const scanner = parts.scanner(name, known);
  const limit = limits.maxDocumentBytes;
  // The texts are never larger than their XML, three times that in UTF-8. Memory that is not touched costs nothing.
  const table = new StringTable(
    Buffer.allocUnsafeSlow(Math.min(3 * parts.size(name), limit)),
    () => {
      throw new AppError(
        'DOCUMENT_TOO_LARGE',
        `${parts.origin} has a table of texts (${name}) of more than ${limit} bytes; ` +
          'raise BUCKETQL_MAX_DOCUMENT_BYTES or save the sheet as CSV',
        { details: { file: parts.origin, limit } },
      );
    },
  );
  const tooLong = () =>
    cellTooLong(parts.origin, `text ${table.count + 1} of ${name}`, maxCellBytesOf(limits));
  for await (const piece of parts.read(name)) {
    scanner.push(piece);
    drain(scanner, table, limits, tooLong);
  }
  scanner.finish();
  drain(scanner, table, limits, tooLong);
  return table;
}

function drain(
  scanner: XmlScanner,
  table: StringTable,
  limits: FormatLimits,
  tooLong: () => AppError,
): void {
  const longest = maxCellBytesOf(limits);
  for (let token = scanner.next(); token !== Token.more; token = scanner.next()) {
    if (token === Token.open) {
      if (scanner.depth === 1 && scanner.id !== sst) scanner.fail('is no table of texts');
      // Of a text in runs, each run has a <t>. What is in <rPh> says how to read it aloud.
      if (scanner.id === rPh) table.aloud = scanner.depth;
      else if (scanner.id === t) table.inText = table.aloud === 0;
    } else if (token === Token.close) {
      if (scanner.id === t) table.inText = false;
      else if (scanner.id === rPh) table.aloud = 0;
      else if (scanner.id === si && scanner.depth === 1) table.endText();
    } else if (table.inText) {
      if (scanner.plain) table.add(scanner.bytes, scanner.start, scanner.end);
      else table.addText(unescaped(scanner.text()));
      if (table.length > longest) throw tooLong();
    }
  }
}

class StringTable implements SharedStrings {
  count = 0;
  ends = new Uint32Array(1024);
  inText = false;
  aloud = 0;
  #size = 0;

  constructor(
    readonly bytes: Buffer,
    private readonly overflow: () => never,
  ) {}

  /** Bytes of the text that is being read. */
  get length(): number {
    return this.#size - (this.ends[this.count - 1] ?? 0);
  }

  add(from: Buffer, start: number, end: number): void {
    if (this.#size + end - start > this.bytes.length) this.overflow();
    from.copy(this.bytes, this.#size, start, end);
    this.#size += end - start;
  }

  addText(text: string): void {
    const bytes = Buffer.from(text);
    this.add(bytes, 0, bytes.length);
  }

  endText(): void {
    if (this.count === this.ends.length) {
      if (4 * this.count >= this.bytes.length) this.overflow();
      const longer = new Uint32Array(2 * this.count);
      longer.set(this.ends);
      this.ends = longer;
    }
    this.ends[this.count++] = this.#size;
  }
}
