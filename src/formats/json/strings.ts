import { printed } from './text.js';

/** Told of what is wrong in a token. Positions count in the window. */
export interface TokenFaults {
  /** Nothing behind this can be read. */
  fail(at: number, what: string): never;
  /** The record cannot be taken, but what follows it can be read. */
  poison(reason: string): void;
}

const quote = 0x22;
const backslash = 0x5c;
const letterU = 0x75;
const lineFeed = 0x0a;

/** 1 for each byte that stands for itself in a string. */
export const plainBytes = tableOf((byte) => byte >= 0x20 && byte !== quote && byte !== backslash);
const hex = tableOf((byte) => /[0-9a-fA-F]/.test(String.fromCharCode(byte)));
const escapable = tableOf((byte) => '"\\/bfnrt'.includes(String.fromCharCode(byte)));

/** Reads strings (RFC 8259, section 7) that may be cut anywhere. */
export class JsonStrings {
  /** The string has escapes. */
  escaped = false;
  /** Where reading stopped in a string whose end is not in sight: behind whole characters and escapes. */
  stopped = 0;
  /** Nothing follows what is in sight. */
  last = false;

  /** @param stray backslashes that begin no escape stand for themselves */
  constructor(
    private readonly faults: TokenFaults,
    private readonly stray: boolean,
  ) {}

  /** Where the closing quote stands of a string that has been read up to `from`; -1: not in sight. */
  end(bytes: Buffer, from: number, end: number): number {
    let at = from;
    for (;;) {
      while (at < end && plainBytes[bytes[at]!] === 1) at++;
      if (at >= end) break;
      const byte = bytes[at]!;
      if (byte === quote) return at;
      if (byte !== backslash)
        this.faults.fail(
          at,
          byte === lineFeed
            ? 'a string is not closed before the end of the line'
            : `a string has ${printed(byte)}, a control character that must be escaped`,
        );
      const length = this.escape(bytes, at, end);
      if (length === 0) break;
      at += length;
    }
    this.stopped = at;
    return -1;
  }

  /** The length of the escape at `at`; 0: it is cut. */
  private escape(bytes: Buffer, at: number, end: number): number {
    this.escaped = true;
    if (at + 1 >= end) return 0;
    const letter = bytes[at + 1]!;
    if (escapable[letter] === 1) return 2;
    if (letter !== letterU) return this.wrongEscape(at, 'one of "\\/bfnrtu');
    for (let digit = at + 2; digit < at + 6; digit++) {
      if (digit >= end) return this.last ? this.wrongEscape(at, 'four hexadecimal digits') : 0;
      if (hex[bytes[digit]!] !== 1) return this.wrongEscape(at, 'four hexadecimal digits');
    }
    return this.surrogate(bytes, at, end);
  }

  private surrogate(bytes: Buffer, at: number, end: number): number {
    const code = codeOf(bytes, at);
    if (code < 0xd800 || code > 0xdfff) return 6;
    if (code < 0xdc00) {
      const paired =
        (at + 6 >= end || bytes[at + 6] === backslash) &&
        (at + 7 >= end || bytes[at + 7] === letterU);
      if (paired && at + 12 > end && !this.last) return 0;
      if (paired && at + 12 <= end) {
        const low = codeOf(bytes, at + 6);
        if (low >= 0xdc00 && low <= 0xdfff) return 12;
      }
    }
    this.faults.poison(
      `A string has half a character, ${bytes.toString('latin1', at, at + 6)}: the other surrogate is missing`,
    );
    return 6;
  }

  private wrongEscape(at: number, wanted: string): number {
    if (this.stray) return 1;
    return this.faults.fail(
      at,
      `a backslash must be followed by ${wanted} (escapeBackslash takes files whose backslashes are not escaped)`,
    );
  }
}

/** The code unit of an escape that begins at `at`, -1 if it is none. */
function codeOf(bytes: Buffer, at: number): number {
  const text = bytes.toString('latin1', at, at + 6);
  return /^\\u[0-9a-fA-F]{4}$/.test(text) ? parseInt(text.slice(2), 16) : -1;
}

function tableOf(has: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (has(byte) ? 1 : 0));
}
