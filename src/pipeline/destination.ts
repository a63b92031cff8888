import { z } from 'zod';
import type { Encryption } from '../aws/encryption.js';
import { labelsInput, storageClasses } from '../aws/labels.js';
import { parseInput } from '../catalog/definition.js';
import { writableCompressionNames } from '../compression/index.js';
import { delimiterRule, isDelimiter } from '../engine/row-text.js';
import { elementNameRule, isElementName } from '../engine/xml-rows.js';
import { AppError } from '../errors.js';
import { outputColumns } from '../query/compile.js';
import type { Query } from '../query/query.js';
import { ianaTimezone } from '../timezone.js';
import { formatOf, writebackFormats, type FormatOption } from './writeback-formats.js';

/** How S3 encrypts what is written, as destinations name it. */
export const encryptionNames = ['NONE', 'SSE_S3', 'SSE_KMS', 'SSE_C'] as const;

/** What `maxFileBytes` is at least: with less, most of a file would be what stands around its rows. */
export const leastFileBytes = 2 ** 20;

const elementName = z.string().refine(isElementName, `must be ${elementNameRule}`);

const sheetName = z
  .string()
  .regex(
    /^(?!')(?!history$)[^[\]:*?/\\\p{Cc}\ufffe\uffff]{1,31}(?<!')$/iu,
    'must be 1 to 31 characters without [ ] : * ? / \\, not begin or end with an apostrophe, and not be "History"',
  );

const wholeBytes = z
  .union([z.bigint(), z.int(), z.string().regex(/^\d{1,15}$/)], 'must be a whole number')
  .transform(Number)
  .refine((bytes) => bytes >= leastFileBytes, `must be at least ${leastFileBytes}`)
  .refine(Number.isSafeInteger, 'is more than a file can have');

const fields = z.object({
  connection: z.string(),
  path: z.string().default(''),
  fileName: z.string().min(1, 'must not be empty'),
  timezone: z
    .string()
    .default('UTC')
    .refine((name) => ianaTimezone(name) !== undefined, 'is no IANA time zone'),
  format: z.enum(writebackFormats.map((format) => format.name)),
  delimiter: z.string().refine(isDelimiter, `must be ${delimiterRule}`).default(','),
  header: z.boolean().default(true),
  escapeFormulas: z.boolean().exactOptional(),
  rootElement: elementName.default('rows'),
  rowElement: elementName.default('row'),
  sheetName: sheetName.default('Sheet1'),
  extension: z
    .string()
    .regex(/^[^/]*$/, 'must not have a slash')
    .exactOptional(),
  compression: z.enum(writableCompressionNames).default('NONE'),
  overwrite: z.boolean().default(false),
  encryption: z.enum(encryptionNames).default('NONE'),
  kmsKeyId: z.string().min(1, 'must not be empty').exactOptional(),
  encryptionKey: z.string().refine(isEncryptionKey, 'must be 32 bytes in base64').exactOptional(),
  maxFileBytes: wholeBytes.exactOptional(),
  partitionBy: z
    .array(z.string())
    .refine((names) => new Set(names).size === names.length, 'names a column twice')
    .default([]),
  tags: z.record(z.string(), z.string('must be a text')).exactOptional(),
  storageClass: z
    .enum(storageClasses, `must be one of ${storageClasses.join(', ')}`)
    .exactOptional(),
});

type Given = z.infer<typeof fields>;

// Only these: what every format has cannot be out of place.
const defaults: Readonly<Record<Exclude<FormatOption, 'escapeFormulas'>, string | boolean>> = {
  delimiter: ',',
  header: true,
  rootElement: 'rows',
  rowElement: 'row',
  sheetName: 'Sheet1',
};

const destination = fields.superRefine((given, context) => {
  const refuse = (path: keyof Given, message: string) => {
    context.addIssue({ code: 'custom', path: [path], message });
  };
  const format = formatOf(given);
  for (const option of misplaced(given)) {
    refuse(option, `is nothing that ${format.name} has; leave it out`);
  }
  if (given.compression !== 'NONE' && !format.compressible) {
    refuse('compression', `must be NONE, for ${format.name} compresses itself`);
  }
  if (given.maxFileBytes !== undefined && !format.divisible) {
    refuse('maxFileBytes', `cannot be kept by ${format.name}; limit the query, or use partitionBy`);
  }
  if (given.kmsKeyId !== undefined && given.encryption !== 'SSE_KMS') {
    refuse('kmsKeyId', 'needs encryption SSE_KMS');
  }
  if (given.encryptionKey !== undefined && given.encryption !== 'SSE_C') {
    refuse('encryptionKey', 'needs encryption SSE_C');
  }
  if (given.encryptionKey === undefined && given.encryption === 'SSE_C') {
    refuse('encryptionKey', 'must be given for encryption SSE_C');
  }
});

/** Where and how a query's result is written: a DestinationInput with its defaults. */
export type Destination = Omit<Given, 'escapeFormulas'> & { readonly escapeFormulas: boolean };

/**
 * Checks a DestinationInput and fills in its defaults. What it gives passes again.
 * @throws INVALID_INPUT
 */
export function parseDestination(input: unknown): Destination {
  const given = parseInput(destination, input, 'destination');
  labelsInput(given);
  // A workbook keeps its values as they are; in CSV the apostrophe becomes a part of them.
  return { ...given, escapeFormulas: given.escapeFormulas ?? given.format === 'XLSX' };
}

/**
 * Checks that what a destination divides its files by is in a query's result, and that something is left to write.
 * @throws COLUMN_NOT_FOUND, INVALID_INPUT
 */
export function checkPartitions({ partitionBy }: Destination, query: Query): void {
  const names = outputColumns(query).map(({ name }) => name);
  const missing = partitionBy.find((name) => !names.includes(name));
  if (missing !== undefined) {
    throw new AppError(
      'COLUMN_NOT_FOUND',
      `partitionBy names ${JSON.stringify(missing)}; the columns of the result are ${names.join(', ')}`,
      { details: { column: missing, columns: names } },
    );
  }
  if (partitionBy.length > 0 && partitionBy.length === names.length) {
    throw new AppError(
      'INVALID_INPUT',
      'partitionBy names every column of the result; the files would have none, so leave one out',
    );
  }
}

/** What a destination asks of S3's encryption; undefined for NONE. */
export function encryptionOf(to: Destination): Encryption | undefined {
  switch (to.encryption) {
    case 'NONE':
      return undefined;
    case 'SSE_S3':
      return { kind: 'SSE_S3' };
    case 'SSE_KMS':
      return { kind: 'SSE_KMS', ...(to.kmsKeyId === undefined ? {} : { keyId: to.kmsKeyId }) };
    case 'SSE_C':
      return { kind: 'SSE_C', key: Buffer.from(to.encryptionKey ?? '', 'base64') };
  }
}

/** Options that were changed although the format has none such. */
function misplaced(given: Given): FormatOption[] {
  const { options, name } = formatOf(given);
  const changed = (Object.keys(defaults) as (keyof typeof defaults)[]).filter(
    (option) => given[option] !== defaults[option],
  );
  return [...changed, ...(given.escapeFormulas ? (['escapeFormulas'] as const) : [])].filter(
    // To say of TSV that it has tabs changes nothing.
    (option) =>
      !options.includes(option) &&
      !(name === 'TSV' && option === 'delimiter' && given.delimiter === '\t'),
  );
}

function isEncryptionKey(text: string): boolean {
  const key = Buffer.from(text, 'base64');
  // Node skips what is no base64.
  return key.length === 32 && key.toString('base64') === text;
}
