import { AppError, type ErrorCode } from '../errors.js';
import type { LocalFile } from '../relation.js';
import type { LoadOptions, RejectedRow } from './load-target.js';

/** The rows that a load sets aside, and the end of its patience. */
export class Rejects {
  readonly #rows: RejectedRow[] = [];
  readonly #badRows: LoadOptions['badRows'];
  readonly #limit: number;

  constructor(options: Pick<LoadOptions, 'badRows' | 'maxRejectedRows'>) {
    this.#badRows = options.badRows;
    this.#limit = options.maxRejectedRows;
  }

  /** How many more may come. */
  get room(): number {
    return Math.max(0, this.#limit - this.#rows.length);
  }

  /** The rows in the order of the files, then of their lines. */
  inOrderOf(files: readonly LocalFile[]): RejectedRow[] {
    const order = new Map(files.map(({ origin }, index) => [origin, index]));
    const place = ({ file }: RejectedRow) => order.get(file) ?? 0;
    return this.#rows.toSorted((a, b) => place(a) - place(b) || (a.line ?? 0) - (b.line ?? 0));
  }

  /** Sets a row aside. @throws its error when the load is to fail, TOO_MANY_REJECTED_ROWS when it is one too many */
  readonly add = (row: RejectedRow, code: ErrorCode): void => {
    if (this.#badRows === 'FAIL') {
      throw new AppError(code, `${describe(row)}; correct the file, or set badRows to REJECT`, {
        details: details(row),
      });
    }
    if (this.room === 0) {
      const first = this.#rows[0] ?? row;
      throw new AppError(
        'TOO_MANY_REJECTED_ROWS',
        `More than ${this.#limit} rows were rejected. The first: ${describe(first)}. Correct the files or the definition, or raise maxRejectedRows`,
        { details: { ...details(first), limit: this.#limit } },
      );
    }
    this.#rows.push(row);
  };
}

function describe({ file, line, column, value, reason }: RejectedRow): string {
  const where = column === null ? '' : `, column ${column}`;
  const found = value === null ? '' : `, found ${JSON.stringify(shorten(value))}`;
  return `${file}, line ${line}${where}: ${reason}${found}`;
}

function details({ file, line, column, value }: RejectedRow) {
  const known: Record<string, unknown> = { file, line };
  if (column !== null) known.column = column;
  if (value !== null) known.value = shorten(value);
  return known;
}

function shorten(value: string): string {
  return value.length > 200 ? `${value.slice(0, 200)}…` : value;
}
