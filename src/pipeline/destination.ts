import { z } from 'zod';
import { parseInput } from '../catalog/definition.js';
import { writableCompression, writableCompressionNames } from '../compression/index.js';
import { delimiterRule, isDelimiter } from '../engine/row-text.js';
import { AppError } from '../errors.js';
import { ianaTimezone } from '../timezone.js';

/** The file formats that a writeback can make. One row each. */
export const writebackFormats = [
  { name: 'CSV', extension: '.csv', contentType: 'text/csv; charset=utf-8', compressible: true },
  {
    name: 'TSV',
    extension: '.tsv',
    contentType: 'text/tab-separated-values; charset=utf-8',
    compressible: true,
  },
  { name: 'NDJSON', extension: '.ndjson', contentType: 'application/x-ndjson', compressible: true },
  {
    name: 'PARQUET',
    extension: '.parquet',
    contentType: 'application/vnd.apache.parquet',
    compressible: false,
  },
] as const;

const destination = z.object({
  connection: z.string(),
  path: z.string().default(''),
  fileName: z.string().min(1),
  timezone: z
    .string()
    .default('UTC')
    .refine((name) => ianaTimezone(name) !== undefined, 'is no IANA time zone'),
  format: z.enum(writebackFormats.map((format) => format.name)),
  delimiter: z.string().refine(isDelimiter, `must be ${delimiterRule}`).default(','),
  header: z.boolean().default(true),
  extension: z.string().exactOptional(),
  compression: z.enum(writableCompressionNames).default('NONE'),
  overwrite: z.boolean().default(false),
});

/** Where and how a query's result is written: a DestinationInput with its defaults. */
export type Destination = z.infer<typeof destination>;

/**
 * Checks a DestinationInput and fills in its defaults.
 * @throws INVALID_INPUT
 */
export function parseDestination(input: unknown): Destination {
  const parsed = parseInput(destination, input, 'destination');
  const format = formatOf(parsed);
  if (parsed.compression !== 'NONE' && !format.compressible) {
    throw new AppError(
      'INVALID_INPUT',
      `${format.name} compresses itself; leave the destination's compression at NONE`,
    );
  }
  return parsed;
}

/** The row of {@link writebackFormats} that a destination asks for. */
export function formatOf({ format }: Pick<Destination, 'format'>) {
  const row = writebackFormats.find(({ name }) => name === format);
  if (!row) throw new AppError('INVALID_INPUT', `Unknown format ${format}`);
  return row;
}

/**
 * The key of the object to write, with its macros filled in.
 * @throws INVALID_INPUT when it could not be a key
 */
export function objectKey(
  to: Destination,
  facts: {
    readonly prefix: string;
    readonly dataset: string;
    readonly runId: string;
    readonly now: Date;
  },
): string {
  const fill = (text: string) =>
    text.replace(/<([a-z_]+)(-\d+)?>/g, (macro, name: string, days: string | undefined) => {
      if (name === 'current_date') return localDate(facts.now, to.timezone, Number(days ?? 0));
      if (name === 'dataset' && days === undefined) return facts.dataset;
      if (name === 'run_id' && days === undefined) return facts.runId;
      throw new AppError(
        'INVALID_INPUT',
        `Unknown macro ${macro}; there are <current_date>, <current_date-N>, <dataset> and <run_id>`,
      );
    });
  const folder = fill(to.path)
    .replace(/\/{2,}/g, '/')
    .replace(/^\/|\/$/g, '');
  const extension =
    to.extension ?? formatOf(to).extension + (writableCompression(to.compression)?.extension ?? '');
  const suffix = extension === '' || extension.startsWith('.') ? extension : `.${extension}`;
  const name = fill(to.fileName);
  const file = name.toLowerCase().endsWith(suffix.toLowerCase()) ? name : name + suffix;
  const key = facts.prefix + (folder === '' ? file : `${folder}/${file}`);
  const unfit =
    /[\u0000-\u001f\u007f]/.test(key) ||
    key.split('/').some((part) => part === '..' || part === '.');
  if (unfit || Buffer.byteLength(key) > 1024 || file.endsWith('/')) {
    throw new AppError(
      'INVALID_INPUT',
      `${JSON.stringify(key)} cannot be an object's key: at most 1,024 bytes, no control characters, no "." or ".." segments, no "/" at the end`,
      { details: { key } },
    );
  }
  return key;
}

function localDate(now: Date, timezone: string, dayOffset: number): string {
  // en-CA writes dates as yyyy-MM-dd.
  const today = new Intl.DateTimeFormat('en-CA', { timeZone: timezone }).format(now);
  const date = new Date(`${today}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() + dayOffset);
  return date.toISOString().slice(0, 10);
}
