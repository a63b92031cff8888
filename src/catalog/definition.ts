import { z } from 'zod';
import { columnTypes } from '../columns.js';
import { AppError } from '../errors.js';
import { ianaTimezone } from '../timezone.js';
import { compressionNames } from '../compression/index.js';
import { fileTypes, formatOf, type FileType } from '../formats/index.js';

/** How a file name is matched: against the key's last segment. */
export const nameMatches = ['STARTS_WITH', 'CONTAINS', 'EXACT', 'GLOB'] as const;
/** What becomes of the table when an import succeeds. */
export const updateModes = ['REPLACE', 'APPEND', 'INCREMENTAL', 'UPSERT'] as const;
/** One of {@link updateModes}. */
export type UpdateMode = (typeof updateModes)[number];
/** What becomes of a row that does not fit. */
export const badRowsModes = ['REJECT', 'FAIL'] as const;
/** What becomes of files whose columns differ. */
export const schemaDriftModes = ['WIDEN', 'FAIL'] as const;

const name = z
  .string()
  .regex(/^[a-z][a-z0-9_]*$/, 'must match ^[a-z][a-z0-9_]*$')
  .max(63, 'must have at most 63 characters');
const row = z.int().min(1, 'counts from 1');

/** Where the header and the rows of a table stand. */
const tableRows = {
  headers: z.boolean().default(true),
  headerStartRow: row.default(1),
  dataStartRow: row.exactOptional(),
  footerRowsToSkip: z.int().min(0).default(0),
};

const delimited = z.object({
  delimiter: z.string().min(1).exactOptional(),
  quote: z.string().default('"'),
  escape: z.string().exactOptional(),
  ...tableRows,
  encoding: z.string().exactOptional(),
  nullValues: z.array(z.string()).default(['']),
});

const json = z.object({
  lines: z.boolean().exactOptional(),
  dataTag: z.string().exactOptional(),
  headerTag: z.string().exactOptional(),
  flatten: z.array(z.string()).default([]),
  escapeBackslash: z.boolean().default(false),
  large: z.boolean().exactOptional(),
});

const xml = z.object({
  // The children of the root, whatever their names.
  xpath: z.string().min(1).default('/*/*'),
  attributes: z.boolean().default(true),
  flatten: z.array(z.string()).default([]),
});

const excel = z.object({
  sheet: z.string().exactOptional(),
  ...tableRows,
});

const selection = z.object({
  prefix: z.string().default(''),
  fileName: z.string().optional(),
  fileNameMatch: z.enum(nameMatches).default('STARTS_WITH'),
  compression: z.enum(['AUTO', ...compressionNames]).default('AUTO'),
  subfileName: z.string().optional(),
  modifiedSince: z.iso.datetime({ offset: true }).optional(),
});

// Clients may send the options of all types; those of the dataset's own are kept, with their defaults.
const format = z
  .object({
    type: z.enum(fileTypes.map((row) => row.type)),
    csv: delimited.exactOptional(),
    json: json.exactOptional(),
    xml: xml.exactOptional(),
    excel: excel.exactOptional(),
  })
  .transform((given): DatasetFormat => {
    const { type } = given;
    switch (formatOf(type).options) {
      case 'csv':
        return { type, csv: given.csv ?? delimited.parse({}) };
      case 'json':
        return { type, json: given.json ?? json.parse({}) };
      case 'excel':
        return { type, excel: given.excel ?? excel.parse({}) };
      case 'xml':
        return { type, xml: given.xml ?? xml.parse({}) };
      case undefined:
        return { type };
    }
  });

/** What the objects hold, and the options of that type. */
export interface DatasetFormat {
  readonly type: FileType;
  readonly csv?: z.infer<typeof delimited>;
  readonly json?: z.infer<typeof json>;
  readonly xml?: z.infer<typeof xml>;
  readonly excel?: z.infer<typeof excel>;
}

const timezone = z
  .string()
  .refine((name) => ianaTimezone(name) !== undefined, 'is no IANA time zone');

const relation = z
  .object({
    name: z
      .string()
      .regex(
        /^(?!__)(?!_(?:and|or|not)$)[A-Za-z_][A-Za-z0-9_]*$/,
        'must be a GraphQL name that does not begin with __ and is not _and, _or or _not',
      ),
    columns: z.array(z.string()).min(1, 'must name at least one column'),
    dataset: z.string().min(1, 'must name a dataset'),
    references: z.array(z.string()),
    many: z.boolean().default(false),
  })
  .refine(({ columns, references }) => columns.length === references.length, {
    path: ['references'],
    message: 'must be as many as columns',
  });

/** A ScheduleInput. What its expression says is checked by whoever can read it. */
export const schedule = z.object({
  cron: z.string().min(1, 'must not be empty').max(200, 'must have at most 200 characters'),
  timezone: timezone.default('UTC'),
  retries: z.int().min(0, 'counts from 0').max(20, 'must be at most 20').default(3),
});

const expose = z.object({
  aggregates: z.boolean().default(true),
  groups: z.boolean().default(true),
  relations: z.boolean().default(true),
});

const definition = z
  .object({
    name,
    title: z.string().optional(),
    description: z.string().optional(),
    connection: z.string(),
    selection,
    format,
    columns: z
      .array(
        z
          .object({
            source: z.string().optional(),
            position: z.int().min(0).optional(),
            name: z
              .string()
              .regex(/^(?!__)[A-Za-z_][A-Za-z0-9_]*$/, 'must be a GraphQL name')
              .optional(),
            type: z.enum(columnTypes).optional(),
            description: z.string().optional(),
          })
          .refine(
            (column) => (column.source === undefined) !== (column.position === undefined),
            'needs either source or position',
          ),
      )
      .default([]),
    dateColumns: z
      .array(
        z.object({
          column: z.string(),
          format: z.string().min(1),
          timezone: timezone.optional(),
        }),
      )
      .default([]),
    dateColumnsSpec: z.string().optional(),
    excludeFields: z.array(z.string()).default([]),
    addFileNameColumn: z.boolean().default(false),
    inferTypes: z.boolean().default(true),
    sortBy: z.array(z.string()).default([]),
    primaryKey: z.array(z.string()).default([]),
    updateMode: z.enum(updateModes).default('REPLACE'),
    badRows: z.enum(badRowsModes).default('REJECT'),
    maxRejectedRows: z.int().min(0).default(1000),
    schemaDrift: z.enum(schemaDriftModes).default('WIDEN'),
    schedule: schedule.exactOptional(),
    relations: z
      .array(relation)
      .refine(
        (relations) => new Set(relations.map(({ name }) => name)).size === relations.length,
        'must have different names',
      )
      .exactOptional(),
    expose: expose.prefault({}),
  })
  .refine(({ updateMode, primaryKey }) => updateMode !== 'UPSERT' || primaryKey.length > 0, {
    path: ['primaryKey'],
    message: 'must name the columns by which updateMode UPSERT replaces rows',
  });

/** A DatasetInput as it is stored: defaults filled in, nulls left out. */
export type DatasetDefinition = Omit<z.infer<typeof definition>, 'expose'> & {
  /** Absent in definitions that were stored before there were switches. (Default: everything) */
  readonly expose?: Exposed;
};

/** Which of its generated fields a dataset shows, beside rows and pages. */
export type Exposed = z.infer<typeof expose>;

/** When something is done without being asked, and how often a failed run of it is tried again. */
export type Schedule = z.infer<typeof schedule>;

/** How rows of a dataset find rows of another one. */
export type RelationDefinition = z.infer<typeof relation>;

/** Which objects a dataset reads. */
export type Selection = DatasetDefinition['selection'];

/**
 * Checks a DatasetInput and fills in its defaults.
 * @throws INVALID_INPUT that names each field at fault
 */
export function parseDefinition(input: unknown): DatasetDefinition {
  return parseInput(definition, input, 'dataset');
}

/** Checks a SelectionInput alone. */
export function parseSelection(input: unknown): Selection {
  return parseInput(selection, input, 'selection');
}

/** Runs a schema over input from outside, in which null means "not given". */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown, what: string): T {
  const parsed = schema.safeParse(withoutNulls(input));
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(
    (issue) => `${issue.path.join('.') || what} ${issue.message}`,
  );
  throw new AppError('INVALID_INPUT', `The ${what} is not valid: ${faults.join('; ')}`, {
    details: { faults },
  });
}

function withoutNulls(input: unknown): unknown {
  if (Array.isArray(input)) return input.map(withoutNulls);
  if (typeof input !== 'object' || input === null || input instanceof Date) return input;
  return Object.fromEntries(
    Object.entries(input)
      .filter(([, member]) => member !== null && member !== undefined)
      .map(([key, member]) => [key, withoutNulls(member)]),
  );
}
