import { registerEnumType } from 'type-graphql';
import { requestChecksumModes } from '../../aws/access.js';
import {
  badRowsModes,
  nameMatches,
  schemaDriftModes,
  updateModes,
} from '../../catalog/definition.js';
import { columnTypes } from '../../columns.js';
import { compressionNames, writableCompressionNames } from '../../compression/index.js';
import { fileTypes } from '../../formats/index.js';
import { encryptionNames } from '../../pipeline/destination.js';
import { writebackFormats } from '../../pipeline/writeback-formats.js';

// Enums are made of the registries, so that a new format or compression appears in the API by itself.
// The compiler asks for what each of their values means.
function enumOf<V extends string>(
  name: string,
  values: readonly V[],
  description: string,
  meanings: Readonly<Record<V, string>>,
): Record<string, string> {
  const members = Object.fromEntries(values.map((value) => [value, value]));
  registerEnumType(members, {
    name,
    description,
    valuesConfig: Object.fromEntries(
      values.map((value) => [value, { description: meanings[value] }]),
    ),
  });
  return members;
}

export const ConnectionAuth = enumOf(
  'ConnectionAuth',
  ['ASSUME_ROLE', 'ACCESS_KEY', 'AMBIENT'],
  'How a connection gets its credentials.',
  {
    ASSUME_ROLE: 'A role in the bucket owner’s account, assumed with an external id.',
    ACCESS_KEY: 'An access key of the bucket owner.',
    AMBIENT: 'The service process’s own default AWS credential chain.',
  },
);
export const RequestChecksums = enumOf(
  'RequestChecksums',
  requestChecksumModes,
  'Which uploads carry a checksum.',
  {
    WHEN_SUPPORTED: 'Every one that can; the default at AWS.',
    WHEN_REQUIRED:
      'Only where S3 demands it; the default at other endpoints, of which some refuse the rest.',
  },
);
export const ConnectionStatus = enumOf(
  'ConnectionStatus',
  ['UNVERIFIED', 'VALID', 'INVALID'],
  'What the last check of a connection found.',
  {
    UNVERIFIED: 'It was not checked since it was made or changed.',
    VALID: 'All that was tried worked.',
    INVALID: 'Something did not; statusReason says what.',
  },
);
export const CheckOutcome = enumOf(
  'CheckOutcome',
  ['PASSED', 'FAILED', 'WARNING', 'SKIPPED'],
  'The outcome of one check.',
  {
    PASSED: 'It works.',
    FAILED: 'It does not work; message says what to change.',
    WARNING: 'It works, and yet something should change.',
    SKIPPED: 'It was not tried, because it was not asked for or another check failed.',
  },
);
export const FileType = enumOf(
  'FileType',
  fileTypes.map(({ type }) => type),
  'The formats that imports read.',
  {
    CSV: 'Delimited text; the delimiter is detected.',
    TSV: 'Delimited text with tabs.',
    TXT: 'Delimited text; the delimiter is detected.',
    JSON: 'JSON: a list, a record a line, or a list within a document.',
    XML: 'XML, whose records an XPath picks.',
    XLS: 'Workbooks of Excel 97 to 2003.',
    XLSX: 'Workbooks of Excel since 2007.',
    PARQUET: 'Apache Parquet; it brings its own types.',
  },
);
export const NameMatch = enumOf('NameMatch', nameMatches, 'How a file name is matched.', {
  STARTS_WITH: 'It begins with fileName.',
  CONTAINS: 'It contains fileName.',
  EXACT: 'It is fileName.',
  GLOB: 'fileName is a pattern: * is any text, ? one character, [abc] one of these.',
});
export const Compression = enumOf(
  'Compression',
  ['AUTO', ...compressionNames],
  'How selected objects are compressed.',
  {
    AUTO: 'By the first bytes of each object.',
    NONE: 'Not at all.',
    GZIP: 'gzip, of one member or several.',
    ZIP: 'ZIP archives; selection.subfileName picks members.',
    ZSTD: 'Zstandard.',
  },
);
export const ColumnType = enumOf('ColumnType', columnTypes, 'The type of a column.', {
  BOOLEAN: 'true or false.',
  INTEGER: 'A whole number of 32 bits; Int in GraphQL.',
  BIGINT: 'A whole number of 64 bits; BigInt, a string, in GraphQL.',
  DECIMAL: 'An exact number of up to 38 digits; Decimal, a string, in GraphQL.',
  DOUBLE: 'A floating-point number of 64 bits; Float in GraphQL.',
  STRING: 'Text, unchanged.',
  DATE: 'A calendar date; Date in GraphQL.',
  TIME: 'A time of day; Time in GraphQL.',
  TIMESTAMP: 'A date and time of no particular zone; LocalDateTime in GraphQL.',
  TIMESTAMP_TZ: 'A moment; DateTime, in UTC, in GraphQL.',
  JSON: 'Lists and objects, as JSON.',
});
export const UpdateMode = enumOf(
  'UpdateMode',
  updateModes,
  'What an import does to the rows that are there.',
  {
    REPLACE: 'The table is rebuilt from all selected objects when one of them changed.',
    APPEND: 'Rows of objects not seen before are added; nothing is ever removed.',
    INCREMENTAL:
      'Rows of new objects are added, of changed ones (by ETag) replaced, of deleted ones removed.',
    UPSERT: 'Like APPEND, and rows with the same primaryKey are replaced.',
  },
);
export const BadRows = enumOf('BadRows', badRowsModes, 'What becomes of a row that does not fit.', {
  REJECT: 'The row is set aside (see rejectedRows), up to maxRejectedRows.',
  FAIL: 'The import fails at the first one.',
});
export const SchemaDrift = enumOf(
  'SchemaDrift',
  schemaDriftModes,
  'What becomes of files whose columns differ.',
  {
    WIDEN: 'The table has the columns of all files, with types that hold all values.',
    FAIL: 'The import fails and names file and column.',
  },
);
export const RunStatus = enumOf(
  'RunStatus',
  ['QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED'],
  'Where a run is.',
  {
    QUEUED: 'It waits for a place, or for its next attempt.',
    RUNNING: 'It is at work.',
    SUCCEEDED: 'It ended, and all is done.',
    FAILED: 'It ended with an error, and changed nothing.',
    CANCELLED: 'It was stopped, and changed nothing.',
  },
);
export const WritebackFormat = enumOf(
  'WritebackFormat',
  writebackFormats.map(({ name }) => name),
  'The formats that writebacks make.',
  {
    CSV: 'Delimited text.',
    TSV: 'Delimited text with tabs.',
    JSON: 'JSON, a list of objects.',
    NDJSON: 'JSON, one object a line.',
    XML: 'XML, an element for each row.',
    XLSX: 'A workbook for spreadsheets, compressed inside.',
    PARQUET: 'Apache Parquet, compressed inside.',
  },
);
export const WritebackCompression = enumOf(
  'WritebackCompression',
  writableCompressionNames,
  'How a written object is compressed.',
  { NONE: 'Not at all.', GZIP: 'gzip.', ZIP: 'A zip archive of one file.', ZSTD: 'Zstandard.' },
);
export const Encryption = enumOf('Encryption', encryptionNames, 'How S3 encrypts an object.', {
  NONE: 'As the bucket does by itself.',
  SSE_S3: 'With keys of S3.',
  SSE_KMS: 'With a key of AWS KMS.',
  SSE_C: 'With a key that each request brings. S3 does not keep it.',
});
