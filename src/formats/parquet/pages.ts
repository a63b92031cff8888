import type { FileHandle } from 'node:fs/promises';
import { count, Flaw } from './flaw.js';
import type { ParquetLimits } from './metadata.js';
import { ThriftError, ThriftReader } from './thrift.js';

/** Where the values of a column of a row group lie. */
export interface ChunkPlace {
  /** Row group and column, for people. */
  readonly where: string;
  readonly start: number;
  readonly values: number;
}

// Page headers are some 30 bytes; those with the least and the greatest value in them as long as these are.
const windowBytes = 2 ** 16;
const longestHeader = 2 ** 24;

// Pages that inflate no more than this are what writers make of real values; bombs begin at a hundred.
const commonRatio = 10;
const mostDocuments = 16;

const dictionaryPage = 2;

/**
 * Bounds the memory that an engine takes for a row group: it holds the largest page of each of its columns, and its
 * dictionary, at once. What the footer says of sizes is not believed, every page's own header (parquet.thrift,
 * PageHeader) is read. Engines hold pages to the size in their header.
 *
 * @param end where the data ends @throws Flaw MALFORMED_FILE, DOCUMENT_TOO_LARGE
 */
export async function checkPages(
  handle: FileHandle,
  group: readonly ChunkPlace[],
  end: number,
  { maxDocumentBytes }: Pick<ParquetLimits, 'maxDocumentBytes'>,
): Promise<void> {
  const window = new Window(handle, end);
  let inflated = 0;
  let stored = 0;
  for (const chunk of group) {
    const pages = await largestPages(window, chunk);
    inflated += pages.inflated;
    stored += pages.stored;
    // A page that is as large as a file that may be held in memory is none that should be, on top of the others.
    const allowed = Math.max(
      2 * maxDocumentBytes,
      Math.min(commonRatio * stored, mostDocuments * maxDocumentBytes),
    );
    if (inflated > allowed) {
      throw new Flaw(
        `${chunk.where}: pages of ${inflated} bytes must be held in memory at once, and ${allowed} are allowed; write smaller pages and row groups, or raise BUCKETQL_MAX_DOCUMENT_BYTES (${maxDocumentBytes})`,
        'DOCUMENT_TOO_LARGE',
        { limit: maxDocumentBytes },
      );
    }
  }
}

interface Page {
  readonly type: number;
  readonly inflated: number;
  readonly stored: number;
  readonly values: number;
  /** Length of the header. */
  readonly header: number;
}

async function largestPages(window: Window, { where, start, values }: ChunkPlace) {
  const none = { inflated: 0, stored: 0 };
  let largest = none;
  let dictionary = none;
  let at = start;
  for (let left = values; left > 0;) {
    const page = await pageAt(window, at, where);
    if (page.type === dictionaryPage) dictionary = page;
    else if (page.inflated > largest.inflated) largest = page;
    left -= page.values;
    at += page.header + page.stored;
  }
  return {
    inflated: largest.inflated + dictionary.inflated,
    stored: largest.stored + dictionary.stored,
  };
}

async function pageAt(window: Window, at: number, where: string): Promise<Page> {
  for (let length = windowBytes; ; length *= 16) {
    const bytes = await window.read(at, length);
    try {
      return pageOf(bytes, where);
    } catch (error) {
      if (!(error instanceof ThriftError)) throw error;
      if (bytes.length < length || length >= longestHeader) {
        throw new Flaw(`${where}: the page at byte ${at} cannot be read: ${error.message}`);
      }
    }
  }
}

function pageOf(bytes: Buffer, where: string): Page {
  const reader = new ThriftReader(bytes);
  let type: number | undefined;
  let inflated: number | undefined;
  let stored: number | undefined;
  let values = 0;
  const readValues = () =>
    reader.struct({ 1: (type) => (values = count(reader.integer(type), `values of ${where}`)) });
  reader.struct({
    1: (wire) => (type = reader.integer(wire)),
    2: (wire) => (inflated = reader.integer(wire)),
    3: (wire) => (stored = reader.integer(wire)),
    5: readValues,
    8: readValues,
  });
  return {
    type: count(type, `kind of a page of ${where}`),
    inflated: count(inflated, `bytes of a page of ${where}`),
    stored: count(stored, `bytes of a page of ${where}`),
    values,
    header: reader.position,
  };
}

/** Part of a file, read in large steps. */
class Window {
  #bytes: Buffer = Buffer.alloc(0);
  #from = 0;

  constructor(
    private readonly handle: FileHandle,
    private readonly end: number,
  ) {}

  /** The bytes from a position, as many as asked for unless the data ends before. */
  async read(at: number, length: number): Promise<Buffer> {
    const wanted = Math.min(length, this.end - at);
    if (wanted <= 0) return Buffer.alloc(0);
    const known = at - this.#from;
    // Most headers are short: what is left of the window will do for one.
    const enough = Math.min(wanted, length === windowBytes ? shortHeader : length);
    if (known < 0 || known + enough > this.#bytes.length) {
      const bytes = Buffer.alloc(wanted);
      const { bytesRead } = await this.handle.read(bytes, 0, wanted, at);
      this.#bytes = bytes.subarray(0, bytesRead);
      this.#from = at;
    }
    return this.#bytes.subarray(at - this.#from);
  }
}

const shortHeader = 1024;
