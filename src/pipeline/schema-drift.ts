import { AppError } from '../errors.js';
import { columnKey, columnsOf, unionOfColumns, type FoundColumn } from './columns.js';
import type { ReadableFile } from './described.js';

/** What is compared of a file. */
interface Columned {
  readonly origin: string;
  readonly columns: readonly FoundColumn[];
}

/** Sees to it that all files have the same columns, for datasets whose columns may not change. */
export class DriftGuard {
  /** What every file must be like. */
  #first: Columned | undefined;
  /** The rows of one file may come in several, each with the columns known by then. */
  readonly #inParts = new Map<string, Columned>();

  /** @param sources The headers of files that were read before; undefined: there are none. */
  constructor(sources: readonly string[] | undefined) {
    if (sources) this.#first = { origin: 'the files read before', columns: columnsOf(sources) };
  }

  /** @throws SCHEMA_DRIFT */
  take(files: readonly ReadableFile[]): void {
    for (const { kind, file, columns } of files) {
      const { origin } = file;
      if (kind === 'rows') {
        const before = this.#inParts.get(origin)?.columns ?? [];
        this.#inParts.set(origin, { origin, columns: unionOfColumns([before, columns]) });
      } else {
        this.#compare({ origin, columns });
      }
    }
  }

  /** Compares what came in parts, when all parts are there. @throws SCHEMA_DRIFT */
  finish(): void {
    for (const whole of this.#inParts.values()) this.#compare(whole);
  }

  #compare(file: Columned): void {
    this.#first ??= file;
    refuseDrift(this.#first, file);
  }
}

function refuseDrift(first: Columned, { origin, columns }: Columned): void {
  const expected = new Set(first.columns.map(columnKey));
  const own = new Set(columns.map(columnKey));
  const strange =
    columns.find((column) => !expected.has(columnKey(column))) ??
    first.columns.find((column) => !own.has(columnKey(column)));
  if (!strange) return;
  throw new AppError(
    'SCHEMA_DRIFT',
    `Column ${JSON.stringify(strange.source)} stands in only one of ${first.origin} and ${origin}, and schemaDrift is FAIL; set it to WIDEN, or narrow the selection`,
    { details: { file: origin, column: strange.source } },
  );
}
