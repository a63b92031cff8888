import type { ErrorCode } from '../../../src/errors.js';

/** How an import of a hostile file may end. */
export type Outcome =
  | { readonly kind: 'refused'; readonly codes: readonly ErrorCode[] }
  /** Set aside with file, line and reason, beside so many rows that are kept. */
  | { readonly kind: 'rejected'; readonly rejected: number; readonly kept: number }
  | { readonly kind: 'imported'; readonly rows: number };

/** A file that means harm. */
export interface HostileCase {
  readonly name: string;
  /** Last segment of the object's key. */
  readonly file: string;
  /** Writes the file; `trap` is the origin of a server nobody may ask. */
  readonly make: (path: string, trap: string) => Promise<void>;
  readonly format: { readonly type: string } & Readonly<Record<string, unknown>>;
  /** Most memory in MB that it may take beside what the service had. (Default: 400) */
  readonly mostMB?: number;
  /** Each of them is right. */
  readonly outcomes: readonly Outcome[];
  /** What the error says besides the file's name, such as the line. */
  readonly says?: string;
  /** A query of the dataset `hostile` and what it answers when rows were imported. */
  readonly truth?: { readonly query: string; readonly answer: unknown };
}

/** The import fails with one of these codes. */
export function refused(...codes: readonly ErrorCode[]): Outcome {
  return { kind: 'refused', codes };
}

/** So many rows are imported and none is set aside. */
export function imported(rows: number): Outcome {
  return { kind: 'imported', rows };
}

/** So many rows are set aside, the others are kept. */
export function rejected(count: number, kept: number): Outcome {
  return { kind: 'rejected', rejected: count, kept };
}
