/*
 * Excel keeps dates as numbers of days; only the number format says that a number is one (ECMA-376 part 1, 18.8.30).
 * The 1900 system has a 29 February 1900, day 60, that never was, so the days before it count from one day later.
 */

/** What a number format makes of a number. */
export type NumberKind = 'number' | 'date' | 'dateTime' | 'time' | 'duration';

const msOfDay = 86_400_000;
/** Days from Excel's epochs to 1970-01-01. */
export const epoch1900 = 25_569;
export const epoch1904 = 24_107;
/** 9999-12-31, the last day that Excel knows. */
export const lastDay = 2_932_896;

const builtIn: readonly (readonly [from: number, to: number, kind: NumberKind])[] = [
  [14, 17, 'date'],
  [18, 21, 'time'],
  [22, 22, 'dateTime'],
  // 27-36 and 50-58 are dates of East Asia; which of them are times depends on the language of who wrote the file
  [27, 31, 'date'],
  [32, 33, 'time'],
  [34, 36, 'date'],
  [45, 45, 'time'],
  [46, 46, 'duration'],
  [47, 47, 'time'],
  [50, 58, 'date'],
];

/** The kind of a format that has a number and no code in the file. */
export function builtInKind(id: number): NumberKind {
  return builtIn.find(([from, to]) => id >= from && id <= to)?.[2] ?? 'number';
}

// In the order in which they win: what is no token of date and time, then the tokens.
const token =
  /"[^"]*"?|\\[^]|[_*][^]|\[(?<elapsed>h+|m+|s+)\]|\[[^\]]*\]?|general|e[+-]|(?<noon>am\/pm|a\/p|上午\/下午)|(?<letter>[ymdhseg])\k<letter>*|b+[12]?|;|[^]/giu;

/** The kind of a format code: by its first section, without literals, colours, languages and conditions. */
export function kindOfFormat(code: string): NumberKind {
  let date = false;
  let time = false;
  let months = 0;
  let previous = '';
  let monthBefore = false;
  for (const match of code.matchAll(token)) {
    if (match[0] === ';') break;
    if (match.groups?.elapsed) return 'duration';
    if (match.groups?.noon) time = true;
    const letter = match.groups?.letter?.toLowerCase();
    if (letter === undefined) {
      if (/^b/iu.test(match[0])) date = true;
      continue;
    }
    // An m behind hours or before seconds is minutes; any other is months.
    if (letter === 's' && monthBefore) months--;
    monthBefore = letter === 'm' && previous !== 'h';
    if (monthBefore) months++;
    if (letter === 'h' || letter === 's') time = true;
    if (letter === 'y' || letter === 'd' || letter === 'e' || letter === 'g') date = true;
    previous = letter;
  }
  if (months > 0) date = true;
  if (date) return time ? 'dateTime' : 'date';
  return time ? 'time' : 'number';
}

/**
 * The ISO 8601 text of a number of days, to the millisecond; undefined when it is none (negative, or behind the year
 * 9999). A time on a day is kept even where the format shows the day only, and the other way round. Durations are
 * H:MM:SS and may be longer than a day.
 */
export function serialText(
  serial: number,
  kind: NumberKind,
  date1904: boolean,
): string | undefined {
  const ms = Math.round(serial * msOfDay);
  if (kind === 'duration') return durationText(ms);
  if (!(ms >= 0)) return undefined;
  const days = Math.floor(ms / msOfDay);
  const rest = ms - days * msOfDay;
  if (kind === 'time' && days === 0) return timeText(rest);
  const day = date1904 ? days - epoch1904 : days < 60 ? days - epoch1900 + 1 : days - epoch1900;
  if (day > lastDay) return undefined;
  const text = dayText(day);
  return kind === 'date' && rest === 0 ? text : `${text}T${timeText(rest)}`;
}

/** The day that Excel shows as 29 February 1900: its text is that of the day before. */
export function isPhantomDay(serial: number, date1904: boolean): boolean {
  return !date1904 && serial >= 60 && serial < 61;
}

// The days of one file are few, and a table is faster than the calendar.
const dayTexts = new Map<number, string>();

function dayText(day: number): string {
  let text = dayTexts.get(day);
  if (text === undefined) {
    if (dayTexts.size >= 16_384) dayTexts.clear();
    text = new Date(day * msOfDay).toISOString().slice(0, 10);
    dayTexts.set(day, text);
  }
  return text;
}

const two = Array.from({ length: 60 }, (_, value) => String(value).padStart(2, '0'));

function timeText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const hours = Math.floor(seconds / 3600);
  return `${two[hours]}:${two[Math.floor(seconds / 60) % 60]}:${two[seconds % 60]}${fraction(ms % 1000)}`;
}

function durationText(ms: number): string | undefined {
  if (!Number.isSafeInteger(ms)) return undefined;
  const size = Math.abs(ms);
  const seconds = Math.floor(size / 1000);
  const hours = Math.floor(seconds / 3600);
  const clock = `${hours}:${two[Math.floor(seconds / 60) % 60]}:${two[seconds % 60]}`;
  return `${ms < 0 ? '-' : ''}${clock}${fraction(size % 1000)}`;
}

function fraction(ms: number): string {
  return ms === 0 ? '' : `.${String(ms).padStart(3, '0')}`;
}

const iso =
  /^(?<day>\d{4}-\d\d-\d\d)?T?(?:(?<clock>\d\d:\d\d)(?<seconds>:\d\d)?(?:\.(?<fraction>\d+))?)?(?<zone>Z)?$/u;

/** A date that stands in the file as ISO 8601, written like those made of numbers. */
export function isoText(text: string, kind: NumberKind): string {
  const parts = iso.exec(text)?.groups;
  if (!parts || (!parts.day && !parts.clock)) return text;
  const behind = parts.fraction?.replace(/0+$/u, '') ?? '';
  const clock = parts.clock && `${parts.clock}${parts.seconds ?? ':00'}${behind && `.${behind}`}`;
  if (!parts.day) return clock ?? text;
  const midnight = clock === undefined || clock === '00:00:00';
  if (midnight && (kind === 'date' || !clock)) return parts.day;
  return `${parts.day}T${clock}${parts.zone ?? ''}`;
}
