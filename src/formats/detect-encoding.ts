import { isUtf8 } from 'node:buffer';
import { TextDecoder } from 'node:util';
import { AppError } from '../errors.js';

const marks: readonly (readonly [encoding: string, ...bytes: number[]])[] = [
  // UTF-32 first: its little-endian mark begins like that of UTF-16.
  ['utf-32le', 0xff, 0xfe, 0, 0],
  ['utf-32be', 0, 0, 0xfe, 0xff],
  ['utf-16le', 0xff, 0xfe],
  ['utf-16be', 0xfe, 0xff],
  ['utf-8', 0xef, 0xbb, 0xbf],
];

/**
 * The WHATWG name of a text's encoding. As in browsers a byte order mark says more than a label; then comes what the
 * user says, then the pattern of NUL bytes that UTF-16 has in texts of the western scripts, then utf-8.
 * @throws INVALID_OPTIONS for an unknown label, INVALID_ENCODING for UTF-32
 */
export function encodingOf(start: Buffer, label?: string, origin = 'The file'): string {
  const said = label === undefined ? undefined : nameOf(label);
  const marked = marks.find(([, ...bytes]) => bytes.every((byte, at) => start[at] === byte))?.[0];
  if (marked?.startsWith('utf-32')) {
    throw new AppError(
      'INVALID_ENCODING',
      `${origin} is ${marked.toUpperCase()} by its byte order mark, which cannot be read; have it sent in UTF-8`,
      { details: { file: origin, encoding: marked } },
    );
  }
  return marked ?? said ?? utf16ByNuls(start) ?? 'utf-8';
}

function nameOf(label: string): string {
  try {
    return new TextDecoder(/^latin[-_ ]1$/i.test(label) ? 'latin1' : label).encoding;
  } catch (error) {
    throw new AppError(
      'INVALID_OPTIONS',
      `The option encoding is "${label}", which is not known; utf-8, utf-16le, windows-1252, iso-8859-15 and shift_jis are`,
      { details: { option: 'encoding' }, cause: error },
    );
  }
}

const looked = 4096;

// Every other byte of western text in UTF-16 is NUL, and never one of the bytes between.
function utf16ByNuls(start: Buffer): string | undefined {
  const pairs = Math.floor(Math.min(start.length, looked) / 2);
  if (pairs < 2) return undefined;
  let even = 0;
  let odd = 0;
  for (let pair = 0; pair < pairs; pair++) {
    if (start[2 * pair] === 0) even++;
    if (start[2 * pair + 1] === 0) odd++;
  }
  if (even === 0 && odd > pairs * 0.6) return 'utf-16le';
  if (odd === 0 && even > pairs * 0.6) return 'utf-16be';
  return undefined;
}

/**
 * Refuses a sample that is no UTF-8 on the whole: its header is not (the lines up to `headerLines`), or most of its
 * lines beyond ASCII are not. Single damaged rows are left to the load, which sets them aside with their lines.
 * @throws INVALID_ENCODING with the first line at fault, and an encoding to try
 */
export function refuseOtherThanUtf8(
  sample: Buffer,
  file: { readonly origin: string; readonly complete: boolean },
  headerLines: number,
): void {
  const whole = file.complete ? sample : withoutCutCharacter(sample);
  if (isUtf8(whole)) return;
  const wrong: Buffer[] = [];
  let good = 0;
  let first = 0;
  let line = 1;
  for (let at = 0; at < whole.length; line++) {
    const end = whole.indexOf(10, at);
    const next = end === -1 ? whole.length : end + 1;
    const text = whole.subarray(at, next);
    if (!isUtf8(text)) {
      wrong.push(text);
      first ||= line;
    } else if (text.some((byte) => byte >= 0x80)) good++;
    at = next;
  }
  if (first > headerLines && wrong.length <= good) return;
  const encoding = suggestion(Buffer.concat(wrong).subarray(0, 1 << 16));
  throw new AppError(
    'INVALID_ENCODING',
    `${file.origin}, line ${first}: the bytes are not valid UTF-8; set encoding, for example to ${encoding ?? 'shift_jis, gbk or koi8-r'}`,
    {
      details: {
        file: file.origin,
        line: first,
        ...(encoding === undefined ? {} : { suggestion: encoding }),
      },
    },
  );
}

// In western languages letters beyond ASCII stand alone or in twos; longer runs are another script.
function suggestion(bytes: Buffer): string | undefined {
  let run = 0;
  for (const byte of bytes) {
    run = byte < 0x80 ? 0 : run + 1;
    // These are no characters in windows-1252.
    if (run > 3 || [0x81, 0x8d, 0x8f, 0x90, 0x9d].includes(byte)) return undefined;
  }
  return 'windows-1252';
}

/** A sample may end in the middle of a character. */
function withoutCutCharacter(sample: Buffer): Buffer {
  for (let cut = 0; cut < Math.min(4, sample.length); cut++) {
    const byte = sample[sample.length - 1 - cut] ?? 0;
    if (byte < 0x80) return sample;
    if (byte >= 0xc0) return sample.subarray(0, sample.length - 1 - cut);
  }
  return sample;
}
