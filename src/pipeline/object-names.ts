import { writableCompression } from '../compression/index.js';
import { AppError } from '../errors.js';
import type { Destination } from './destination.js';
import { formatOf } from './writeback-formats.js';

/** What the macros of a destination's names stand for. */
export interface NameFacts {
  /** Of the connection. */
  readonly prefix: string;
  readonly dataset: string;
  readonly runId: string;
  /** When the run began: all its names have the dates of this moment. */
  readonly now: Date;
}

/** A column that a file's rows have in common, and its value as text. */
export interface PartitionValue {
  readonly column: string;
  readonly value: string | null;
}

// Readers of such folders take it for NULL.
const noValue = '__HIVE_DEFAULT_PARTITION__';

const longestKey = 1024;
const partDigits = 5;

/**
 * The key of the object to write, with its macros filled in: of the whole result, or what the keys of its parts are made of.
 * @throws INVALID_INPUT when it could not be a key
 */
export function objectKey(to: Destination, facts: NameFacts): string {
  const folder = filled(to.path, to, facts)
    .replace(/\/{2,}/g, '/')
    .replace(/^\/|\/$/g, '');
  const suffix = suffixOf(to);
  const name = filled(to.fileName, to, facts);
  const file = name.toLowerCase().endsWith(suffix.toLowerCase()) ? name : name + suffix;
  const key = checkedKey(facts.prefix + (folder === '' ? file : `${folder}/${file}`));
  // What is made of it must be possible, too.
  if (isDivided(to)) checkedKey(manifestKey(key, to));
  if (to.maxFileBytes !== undefined) partKey(key, to, [], 1);
  return key;
}

/** Whether a destination makes several files and a manifest of a result, or one file. */
export function isDivided({ maxFileBytes, partitionBy }: Destination): boolean {
  return maxFileBytes !== undefined || partitionBy.length > 0;
}

/**
 * The key of one file of a divided result: Hive's folders of its partition, and its number where files are numbered.
 * @throws INVALID_INPUT when it could not be a key
 */
export function partKey(
  key: string,
  to: Destination,
  partition: readonly PartitionValue[],
  number: number | undefined,
): string {
  const { folder, stem, suffix } = partsOf(key, to);
  const folders = partition.map(
    ({ column, value }) => `${escaped(column)}=${value === null ? noValue : escapedValue(value)}/`,
  );
  const counted =
    number === undefined ? stem : `${stem}-${String(number).padStart(partDigits, '0')}`;
  return checkedKey(`${folder}${folders.join('')}${counted}${suffix}`);
}

/**
 * The key of a divided result's manifest. Hive, Spark, Trino and Athena pass over names that begin with an underscore, so it
 * does not become a part of the table that they make of the folder.
 */
export function manifestKey(key: string, to: Destination): string {
  const { folder, stem } = partsOf(key, to);
  return `${folder}_${stem}.manifest.json`;
}

/**
 * What a compressed file is called inside: its name without the compression's own extension. Archives take `\` for `/`, and
 * what begins like `C:` for a drive, so neither stays.
 */
export function memberName(key: string, to: Destination): string {
  const name = key.slice(key.lastIndexOf('/') + 1);
  const extension = writableCompression(to.compression)?.extension ?? '';
  const inner = withoutSuffix(name, extension);
  const kept = /^\.{0,2}$/.test(inner) ? name : inner;
  return kept.replaceAll('\\', '_').replace(/^([a-z]):/i, '$1_');
}

function partsOf(key: string, to: Destination) {
  const whole = withoutSuffix(key, suffixOf(to));
  const start = whole.lastIndexOf('/') + 1;
  return {
    folder: whole.slice(0, start),
    stem: whole.slice(start),
    suffix: key.slice(whole.length),
  };
}

function withoutSuffix(text: string, suffix: string): string {
  return suffix !== '' && text.toLowerCase().endsWith(suffix.toLowerCase())
    ? text.slice(0, -suffix.length)
    : text;
}

function suffixOf(to: Destination): string {
  const extension =
    to.extension ?? formatOf(to).extension + (writableCompression(to.compression)?.extension ?? '');
  return extension === '' || extension.startsWith('.') ? extension : `.${extension}`;
}

function filled(text: string, { timezone }: Destination, facts: NameFacts): string {
  return text.replace(/<([a-z_]+)(-\d+)?>/g, (macro, name: string, days: string | undefined) => {
    if (name === 'current_date') return localDate(facts.now, timezone, Number(days ?? 0));
    if (name === 'dataset' && days === undefined) return facts.dataset;
    if (name === 'run_id' && days === undefined) return facts.runId;
    throw new AppError(
      'INVALID_INPUT',
      `Unknown macro ${macro}; there are <current_date>, <current_date-N>, <dataset> and <run_id>`,
    );
  });
}

function localDate(now: Date, timezone: string, dayOffset: number): string {
  // en-CA writes dates as yyyy-MM-dd.
  const today = new Intl.DateTimeFormat('en-CA', { timeZone: timezone }).format(now);
  const date = new Date(`${today}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() + dayOffset);
  if (Number.isNaN(date.getTime()) || date.getUTCFullYear() < 1) {
    throw new AppError('INVALID_INPUT', `<current_date${dayOffset}> is before the year 1`);
  }
  return date.toISOString().slice(0, 10);
}

// Everything in ASCII that means something in a path or an address. Readers take %XX for one character, some for one byte of
// UTF-8 and some for a code point, so what is not ASCII stays as it is.
function escaped(text: string): string {
  return text.replace(/[\u0000-\u007f]/g, (one) =>
    /[\w.~-]/.test(one) ? one : `%${one.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

// Readers compare with the name that stands for NULL before they decode.
function escapedValue(value: string): string {
  return value === noValue ? `%5F${noValue.slice(1)}` : escaped(value);
}

function checkedKey(key: string): string {
  const unfit =
    /[\u0000-\u001f\u007f]/.test(key) ||
    key.split('/').some((part) => part === '..' || part === '.');
  if (unfit || Buffer.byteLength(key) > longestKey || key.endsWith('/')) {
    throw new AppError(
      'INVALID_INPUT',
      `${JSON.stringify(key)} cannot be an object's key: at most 1,024 bytes, no control characters, no "." or ".." segments, no "/" at the end`,
      { details: { key } },
    );
  }
  return key;
}
