import { AppError, type ErrorCode } from '../../errors.js';
import type { RowSource } from '../rows.js';
import { LineText } from './line.js';
import type { JsonWindow } from './window.js';

/** Where reading is in the file, and what is wrong there. */
export class JsonPlace {
  line = 1;
  /** Each line is a record. */
  lines = false;
  /** What is wrong in this line, where lines are records. */
  problem: string | null = null;
  readonly text = new LineText();
  private lineStart = 0;

  constructor(
    readonly source: RowSource,
    private readonly window: JsonWindow,
  ) {}

  /** A line ends at `at`. */
  nextLine(at: number): void {
    this.line++;
    this.lineStart = this.window.offset + at + 1;
  }

  /** Nothing behind `at` can be read: of the line where lines are records, of the file elsewhere. */
  fail(at: number, what: string, code: ErrorCode = 'MALFORMED_FILE'): never {
    const { window } = this;
    window.at = Math.min(at, window.end);
    const column = window.offset + at - this.lineStart + 1;
    const problem = `${what} (byte ${column} of the line)`;
    if (this.lines) this.problem = problem.charAt(0).toUpperCase() + problem.slice(1);
    throw new AppError(
      code,
      `${this.source.origin} is no valid JSON: line ${this.line}, byte ${column}: ${what}. Correct the file, or set lines if each line is a record`,
      { details: { file: this.source.origin, line: this.line, column } },
    );
  }

  /** There is a byte at `at` that is no UTF-8. */
  failEncoding(at: number): never {
    this.fail(at, 'a byte that is no UTF-8 stands here', 'INVALID_ENCODING');
  }
}
