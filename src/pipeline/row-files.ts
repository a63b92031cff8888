import { closeSync, openSync, writeSync } from 'node:fs';
import { rowDialect, type RowColumn, type RowFile } from '../relation.js';

/** Where rows are written, and who is told. */
export interface RowFilesOptions {
  /** Object key, or `archive.zip!member`. */
  readonly origin: string;
  /** Path of the n-th file, counted from 0. */
  readonly path: (n: number) => string;
  /**
   * A file that is that long is handed over and another one begun. (Default: 4 MiB for the first, so that the
   * engine has something to do soon, and 32 MiB for the others)
   */
  readonly fileBytes?: number;
  /** So is one with that many rows. (Default: as many as the engine puts into a row group) */
  readonly fileRows?: number;
  readonly onFile: (file: RowFile) => void;
}

/** Rows in memory, one behind the other. */
export interface RowBlock {
  readonly bytes: Buffer;
  readonly rowEnds: readonly number[];
  /** How many cells the rows have from one on, in ascending order of both. */
  readonly widths: readonly { readonly firstRow: number; readonly width: number }[];
  /** Bytes of the longest of these rows and all before them. */
  readonly longest: number;
}

interface OpenFile {
  readonly path: string;
  readonly descriptor: number;
  readonly width: number;
  rows: number;
  bytes: number;
}

const delimiter = rowDialect.delimiter.charCodeAt(0);
const LF = 10;
const firstFileBytes = 4 << 20;
const mostFileBytes = 32 << 20;
// The engine compresses a whole row group and stores it for good. Parts of some it stores as they come, and joins them
// later: that takes as long again.
const rowGroup = 122_880;

/** Writes blocks of rows to files in which all rows have equally many cells. */
export class RowFiles {
  readonly #options: RowFilesOptions;
  readonly #columns: readonly RowColumn[];
  #file: OpenFile | undefined;
  #files = 0;
  #longest = 0;

  /** @param columns The columns known by now: more may come, and what is known of one may change. */
  constructor(options: RowFilesOptions, columns: readonly RowColumn[]) {
    this.#options = options;
    this.#columns = columns;
  }

  /** Writes rows: as many as fit to the open file's width there, the others to a new one. */
  write(block: RowBlock): void {
    const { length } = block.rowEnds;
    const { fileRows = rowGroup } = this.#options;
    this.#longest = block.longest;
    for (let row = 0; row < length;) {
      const file = (this.#file ??= this.#begin());
      const wider = block.widths.find(({ width }) => width > file.width)?.firstRow ?? length;
      const end = Math.min(Math.max(row, wider), row + fileRows - file.rows);
      append(file, block, row, end);
      row = end;
      if (row < length || file.rows === fileRows || file.bytes >= this.#enough) this.end();
    }
  }

  get #enough(): number {
    return this.#options.fileBytes ?? (this.#files === 1 ? firstFileBytes : mostFileBytes);
  }

  #begin(): OpenFile {
    const path = this.#options.path(this.#files++);
    const width = this.#columns.length;
    return { path, descriptor: openSync(path, 'wx'), width, rows: 0, bytes: 0 };
  }

  /** Hands the open file over. */
  end(): void {
    const file = this.#file;
    if (!file) return;
    this.close();
    this.#options.onFile({
      path: file.path,
      origin: this.#options.origin,
      rows: file.rows,
      bytes: file.bytes,
      maxLineBytes: this.#longest + file.width,
      columns: this.#columns.slice(0, file.width).map((column) => ({ ...column })),
    });
  }

  /** Closes the open file; nobody gets it. */
  close(): void {
    if (this.#file) closeSync(this.#file.descriptor);
    this.#file = undefined;
  }
}

// Rows from one on up to another, each filled up to the file's width with nulls.
function append(file: OpenFile, { bytes, rowEnds, widths }: RowBlock, from: number, to: number) {
  widths.forEach((region, index) => {
    const first = Math.max(from, region.firstRow);
    const last = Math.min(to, widths[index + 1]?.firstRow ?? rowEnds.length);
    if (first >= last) return;
    const start = first === 0 ? 0 : (rowEnds[first - 1] ?? 0);
    const end = rowEnds[last - 1] ?? 0;
    if (region.width === file.width) {
      writeAll(file, bytes.subarray(start, end));
      return;
    }
    const missing = Buffer.alloc(file.width - region.width + 1, delimiter);
    missing[missing.length - 1] = LF;
    const pieces: Buffer[] = [];
    let at = start;
    for (let row = first; row < last; row++) {
      const rowEnd = rowEnds[row] ?? end;
      pieces.push(bytes.subarray(at, rowEnd - 1), missing);
      at = rowEnd;
    }
    writeAll(file, Buffer.concat(pieces));
  });
  file.rows += to - from;
}

function writeAll(file: OpenFile, bytes: Buffer): void {
  for (let at = 0; at < bytes.length;) at += writeSync(file.descriptor, bytes, at);
  file.bytes += bytes.length;
}
