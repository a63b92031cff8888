const escapes = /\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))/g;
const named: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** The text of a string with escapes, without its quotes. A backslash that begins no escape stays. */
export function decodeText(bytes: Buffer, start: number, end: number): string {
  return bytes
    .toString('utf8', start, end)
    .replace(escapes, (_, code: string | undefined, letter: string) =>
      code === undefined ? (named[letter] ?? letter) : String.fromCharCode(parseInt(code, 16)),
    );
}

const stray = /\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt])|\\/g;

/**
 * JSON text that has been checked, without white space between its tokens; everything else stays as it was written.
 * @param repair doubles backslashes that begin no escape
 */
export function minify(bytes: Buffer, start: number, end: number, repair: boolean): string {
  const parts: string[] = [];
  let kept = start;
  let quoted = false;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === 0x22) quoted = !quoted;
    else if (quoted) {
      if (byte === 0x5c && isEscapable(bytes[at + 1]!)) at++;
    } else if (byte <= 0x20) {
      if (kept < at) parts.push(bytes.toString('utf8', kept, at));
      kept = at + 1;
    }
  }
  if (kept < end) parts.push(bytes.toString('utf8', kept, end));
  const text = parts.join('');
  return repair ? text.replace(stray, (found) => (found === '\\' ? '\\\\' : found)) : text;
}

// Only these two matter for where a string ends.
function isEscapable(byte: number): boolean {
  return byte === 0x22 || byte === 0x5c;
}

/** The beginning of a text for people, at most 1,000 characters. */
export function excerpt(bytes: Buffer, start: number, end: number): string {
  return bytes
    .toString('utf8', start, Math.min(end, start + 4096))
    .slice(0, 1000)
    .replace(/[\ud800-\udbff]$/, '')
    .trimEnd();
}

/** A byte for people: the character, or its number. */
export function printed(byte: number): string {
  if (byte > 0x20 && byte < 0x7f) return `"${String.fromCharCode(byte)}"`;
  if (byte === 0x0a) return 'the end of the line';
  return `the byte 0x${byte.toString(16).padStart(2, '0')}`;
}
