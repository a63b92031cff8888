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
import { writebackFormats } from '../../pipeline/destination.js';

// Enums are made of the registries, so that a new format or compression appears in the API by itself.
function enumOf(
  name: string,
  values: readonly string[],
  description: string,
  valueDescriptions: Record<string, string> = {},
): Record<string, string> {
  const members = Object.fromEntries(values.map((value) => [value, value]));
  registerEnumType(members, {
    name,
    description,
    valuesConfig: Object.fromEntries(
      Object.entries(valueDescriptions).map(([value, text]) => [value, { description: text }]),
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
);
export const CheckOutcome = enumOf(
  'CheckOutcome',
  ['PASSED', 'FAILED', 'WARNING', 'SKIPPED'],
  'The outcome of one check.',
);
export const FileType = enumOf(
  'FileType',
  fileTypes.map(({ type }) => type),
  'The formats that imports read.',
);
export const NameMatch = enumOf('NameMatch', nameMatches, 'How a file name is matched.');
export const Compression = enumOf(
  'Compression',
  ['AUTO', ...compressionNames],
  'How selected objects are compressed.',
  { AUTO: 'By the first bytes of each object.' },
);
export const ColumnType = enumOf('ColumnType', columnTypes, 'The type of a column.');
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
);
export const WritebackFormat = enumOf(
  'WritebackFormat',
  writebackFormats.map(({ name }) => name),
  'The formats that writebacks make.',
);
export const WritebackCompression = enumOf(
  'WritebackCompression',
  writableCompressionNames,
  'How a written object is compressed.',
);
