import { AppError } from '../errors.js';

/**
 * A strict reading of a Java date pattern (SimpleDateFormat, DateTimeFormatter): a text fits if `regex` matches all of
 * it and `strptime` parses it. English names of months and days in any case; a weekday is not compared with the date.
 * Two-digit years are 1969 to 2068, as in POSIX (Java's own window moves with the day of the reading). Missing months
 * and days are the first. As in Java's lenient reading MM, dd, HH, hh, mm and ss take one digit too, unless digits stand
 * beside them. Zone names are regions, UTC, GMT with hours, and abbreviations that mean one offset only.
 */
export interface DatePattern {
  /** As the user wrote it. */
  readonly pattern: string;
  readonly type: 'DATE' | 'TIME' | 'TIMESTAMP' | 'TIMESTAMP_TZ';
  /** Format for the engine's strptime. */
  readonly strptime: string;
  /** RE2 text that the whole field must match. */
  readonly regex: string;
  /** The texts may have Z for an offset of zero, which strptime does not know. */
  readonly zulu: boolean;
  /** The texts name their zone, perhaps by an abbreviation that the engine takes for another one. */
  readonly namedZone?: boolean;
}

/** What a run of one letter means. */
interface Field {
  readonly part: Part;
  readonly strptime: string;
  readonly regex: string;
  /** Digits of varying number: nothing numeric may follow directly. */
  readonly open?: boolean;
  readonly numeric?: boolean;
  readonly zulu?: boolean;
  /** Two digits, where one does when nothing numeric stands beside it. */
  readonly lenient?: boolean;
}

type Part =
  | 'year'
  | 'month'
  | 'day'
  | 'weekday'
  | 'hour of 24'
  | 'hour of 12'
  | 'minute'
  | 'second'
  | 'fraction'
  | 'half of the day'
  | 'zone';

const months =
  'January|February|March|April|May|June|July|August|September|October|November|December';
const days = 'Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday';

function names(full: string): string {
  return `(?i:${full})`;
}

function shortNames(full: string): string {
  const short = full.split('|').map((name) => name.slice(0, 3));
  return names(short.join('|'));
}

function number(part: Part, letter: string, one: string, two: string): Record<string, Field> {
  return {
    [letter]: { part, strptime: one, regex: '[0-9]{1,2}', numeric: true, open: true },
    [letter + letter]: { part, strptime: two, regex: '[0-9]{2}', numeric: true, lenient: true },
  };
}

function year(letter: string): Record<string, Field> {
  const four: Field = { part: 'year', strptime: '%Y', regex: '[0-9]{4}', numeric: true };
  const two: Field = { part: 'year', strptime: '%y', regex: '[0-9]{2}', numeric: true };
  return { [letter]: four, [letter.repeat(2)]: two, [letter.repeat(4)]: four };
}

function monthNames(letter: string): Record<string, Field> {
  return {
    [letter.repeat(3)]: { part: 'month', strptime: '%b', regex: shortNames(months) },
    [letter.repeat(4)]: { part: 'month', strptime: '%B', regex: names(months) },
  };
}

function zone(regex: string, zulu = false): Field {
  return { part: 'zone', strptime: '%z', regex: zulu ? `(Z|${regex})` : regex, zulu };
}

// What each of them means is the same all year and everywhere; IST and BST are not here for that reason.
const zoneNames = [
  'Z|UTC|UT|GMT([+-][0-9]{1,2}(:00)?)?',
  '[ECMP][SD]T|AK[SD]T|HST|WES?T|CES?T|EES?T|MSK|JST|KST',
  '[A-Za-z_]+/[A-Za-z0-9_/+-]+',
].join('|');

const weekday: Field = { part: 'weekday', strptime: '%a', regex: shortNames(days) };
const hours = '[+-][0-9]{2}';

const fields: Readonly<Record<string, Field>> = {
  ...year('y'),
  ...year('u'),
  ...number('month', 'M', '%-m', '%m'),
  ...monthNames('M'),
  ...number('month', 'L', '%-m', '%m'),
  ...monthNames('L'),
  ...number('day', 'd', '%-d', '%d'),
  ...number('hour of 24', 'H', '%-H', '%H'),
  ...number('hour of 12', 'h', '%-I', '%I'),
  ...number('minute', 'm', '%-M', '%M'),
  ...number('second', 's', '%-S', '%S'),
  E: weekday,
  EE: weekday,
  EEE: weekday,
  EEEE: { part: 'weekday', strptime: '%A', regex: names(days) },
  a: { part: 'half of the day', strptime: '%p', regex: '(?i:AM|PM)' },
  z: { part: 'zone', strptime: '%Z', regex: `(${zoneNames})` },
  Z: zone(`${hours}[0-9]{2}`),
  ZZ: zone(`${hours}[0-9]{2}`),
  ZZZ: zone(`${hours}[0-9]{2}`),
  ZZZZZ: zone(`${hours}:[0-9]{2}`, true),
  X: zone(`${hours}([0-9]{2})?`, true),
  XX: zone(`${hours}[0-9]{2}`, true),
  XXX: zone(`${hours}:[0-9]{2}`, true),
  x: zone(`${hours}([0-9]{2})?`),
  xx: zone(`${hours}[0-9]{2}`),
  xxx: zone(`${hours}:[0-9]{2}`),
};

function fieldOf(run: string): Field | undefined {
  if (/^S{1,6}$/.test(run)) {
    const regex = `[0-9]{${run.length}}`;
    return { part: 'fraction', strptime: '%f', regex, numeric: true };
  }
  return Object.hasOwn(fields, run) ? fields[run] : undefined;
}

/**
 * Reads a Java date pattern: y u M L d H h m s S a E z Z X x in their usual numbers, text in quotes, and anything
 * that is no letter. Years have four digits or two, fractions six at most; h needs a. Refused: optional parts in
 * brackets, week years, day of the year, eras, hours k and K.
 * @throws INVALID_DATE_PATTERN, naming what it does not know
 */
export function parseDatePattern(pattern: string): DatePattern {
  const found = new Map<Part, Field>();
  let strptime = '';
  let regex = '';
  let open = false;
  let digits = false; // the last character may be a digit
  const all = [...tokens(pattern)];
  for (const [index, { text, letters }] of all.entries()) {
    if (!letters) {
      digits = /[0-9]$/.test(text);
      strptime += text.replaceAll('%', '%%');
      regex += text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
      if (/^[0-9]/.test(text) && open) throw adjacent(pattern);
      open = false;
      continue;
    }
    const field = fieldOf(text);
    if (!field) throw unknown(pattern, text);
    if (found.has(field.part)) throw invalid(pattern, `it has the ${field.part} twice`);
    if (open && field.numeric) throw adjacent(pattern);
    found.set(field.part, field);
    strptime += field.strptime;
    const alone = !digits && !beginsWithDigit(all[index + 1]);
    regex += field.lenient && alone ? '[0-9]{1,2}' : field.regex;
    open = field.open ?? false;
    digits = field.numeric ?? false;
  }
  const type = typeOf(pattern, new Set(found.keys()));
  const zone = found.get('zone');
  const namedZone = zone?.strptime === '%Z';
  return { pattern, type, strptime, regex, zulu: zone?.zulu ?? false, namedZone };
}

function beginsWithDigit(token: Token | undefined): boolean {
  if (!token) return false;
  return token.letters ? fieldOf(token.text)?.numeric === true : /^[0-9]/.test(token.text);
}

function typeOf(pattern: string, parts: ReadonlySet<Part>): DatePattern['type'] {
  const has = (...some: Part[]) => some.some((part) => parts.has(part));
  const date = has('year', 'month', 'day', 'weekday');
  const time = has('hour of 24', 'hour of 12', 'minute', 'second', 'fraction', 'half of the day');
  if (!date && !time) throw invalid(pattern, 'it has neither a date nor a time');
  if (date && !has('year')) throw invalid(pattern, 'a date needs a year (yyyy)');
  if (has('day') && !has('month')) throw invalid(pattern, 'a day needs a month (MM)');
  if (time && !has('hour of 24', 'hour of 12')) throw invalid(pattern, 'a time needs hours (HH)');
  if (has('hour of 24') && has('hour of 12')) throw invalid(pattern, 'it has hours twice');
  if (has('hour of 12') !== has('half of the day')) {
    throw invalid(
      pattern,
      'hours of 12 (h) and AM or PM (a) need each other; HH is the hour of 24',
    );
  }
  if (has('second') && !has('minute')) throw invalid(pattern, 'seconds need minutes (mm)');
  if (has('fraction') && !has('second')) throw invalid(pattern, 'a fraction needs seconds (ss)');
  if (has('zone') && !(date && time)) throw invalid(pattern, 'a zone needs a date and a time');
  if (has('zone')) return 'TIMESTAMP_TZ';
  if (date) return time ? 'TIMESTAMP' : 'DATE';
  return 'TIME';
}

interface Token {
  readonly text: string;
  /** A run of one letter with a meaning; false: text that stands for itself. */
  readonly letters: boolean;
}

function* tokens(pattern: string): Generator<Token> {
  for (let at = 0; at < pattern.length;) {
    const rest = pattern.slice(at);
    const quoted = /^'(?:[^']|'')*'/.exec(rest)?.[0];
    if (quoted !== undefined) {
      const text = quoted === "''" ? "'" : quoted.slice(1, -1).replaceAll("''", "'");
      yield { text, letters: false };
      at += quoted.length;
      continue;
    }
    const character = rest.charAt(0);
    if (character === "'") throw invalid(pattern, 'a quote is not closed');
    if ('[]{}#'.includes(character)) {
      throw invalid(pattern, `"${character}" is not supported; put text in quotes: '${character}'`);
    }
    const run = /^([A-Za-z])\1*/.exec(rest)?.[0];
    yield { text: run ?? character, letters: run !== undefined };
    at += (run ?? character).length;
  }
}

function unknown(pattern: string, run: string): AppError {
  const letter = run.charAt(0);
  const known = Object.keys(fields).filter((key) => key.startsWith(letter));
  if (letter === 'S') return invalid(pattern, 'a fraction has six digits at most (SSSSSS)');
  return invalid(
    pattern,
    known.length > 0
      ? `"${run}" is not known; "${letter}" can be ${known.join(', ')}`
      : `the letter "${letter}" is not known; put text in quotes: '${run}'`,
  );
}

function adjacent(pattern: string): AppError {
  return invalid(pattern, 'digits follow a number of one or two digits; use two letters, as in dd');
}

function invalid(pattern: string, why: string): AppError {
  return new AppError(
    'INVALID_DATE_PATTERN',
    `The date pattern "${pattern}" cannot be used: ${why}`,
    {
      details: { pattern },
    },
  );
}
