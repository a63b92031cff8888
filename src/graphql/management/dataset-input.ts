import { Field, ID, InputType, Int } from 'type-graphql';
import { GraphQLDateTime } from '../scalars.js';
import { BadRows, ColumnType, Compression, NameMatch, SchemaDrift, UpdateMode } from './enums.js';
import { FormatInput } from './format-input.js';
import { RelationInput } from './relation-input.js';

@InputType({ description: 'Which objects a dataset reads.' })
export class SelectionInput {
  @Field(() => String, {
    nullable: true,
    defaultValue: '',
    description: 'Below the connection’s prefix.',
  })
  prefix?: string | null;

  @Field(() => String, { nullable: true, description: 'Matched against the key’s last segment.' })
  fileName?: string | null;

  @Field(() => NameMatch, {
    nullable: true,
    defaultValue: 'STARTS_WITH',
    description: 'How fileName is matched.',
  })
  fileNameMatch?: string | null;

  @Field(() => Compression, {
    nullable: true,
    defaultValue: 'AUTO',
    description: 'How the objects are compressed.',
  })
  compression?: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Part of the name of an archive’s member; all members that match are read. Null: all of the format’s type.',
  })
  subfileName?: string | null;

  @Field(() => GraphQLDateTime, {
    nullable: true,
    description: 'Only objects changed at or after this moment.',
  })
  modifiedSince?: string | null;
}

@InputType({
  description: 'Changes one column; found by source, or by position where sources repeat.',
})
export class ColumnInput {
  @Field(() => String, { nullable: true, description: 'Its header as it stands in the file.' })
  source?: string | null;

  @Field(() => Int, { nullable: true, description: '0-based.' })
  position?: number | null;

  @Field(() => String, {
    nullable: true,
    description: 'The name it gets. Null: made of the header.',
  })
  name?: string | null;

  @Field(() => ColumnType, { nullable: true, description: 'The type it gets. Null: inferred.' })
  type?: string | null;

  @Field(() => String, { nullable: true, description: 'What it holds; stands in the schema.' })
  description?: string | null;
}

@InputType({ description: 'A column of dates and the Java-style pattern they are written in.' })
export class DateColumnInput {
  @Field(() => String, { description: 'Its header or its name.' })
  column!: string;

  @Field(() => String, { description: 'Such as dd-MM-yyyy or MMM d, yyyy HH:mm.' })
  format!: string;

  @Field(() => String, { nullable: true, description: 'IANA zone of times without an offset.' })
  timezone?: string | null;
}

@InputType({
  description: 'When something is done by itself, and how often a failed run of it is tried again.',
})
export class ScheduleInput {
  @Field(() => String, {
    description:
      'Five fields: minute, hour, day of the month, month, day of the week, such as "30 2 * * MON-FRI".',
  })
  cron!: string;

  @Field(() => String, {
    nullable: true,
    defaultValue: 'UTC',
    description: 'An IANA time zone, such as Europe/Zurich.',
  })
  timezone?: string | null;

  @Field(() => Int, {
    nullable: true,
    defaultValue: 3,
    description: 'Further attempts after an error that may pass, 0 to 20.',
  })
  retries?: number | null;
}

@InputType({
  description:
    'Which generated fields a dataset has beside rows and pages. Fewer make a smaller schema; the table is the same.',
})
export class ExposeInput {
  @Field(() => Boolean, {
    nullable: true,
    defaultValue: true,
    description: 'Aggregates over all rows that a filter keeps.',
  })
  aggregates?: boolean | null;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: true,
    description: 'Groups by columns and time buckets, and their writeback.',
  })
  groups?: boolean | null;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: true,
    description:
      'Its relations, as fields and in filters. Relations of others that lead here stay.',
  })
  relations?: boolean | null;
}

@InputType({ description: 'The definition of a dataset.' })
export class DatasetInput {
  @Field(() => String, { description: '^[a-z][a-z0-9_]*$; names the root fields.' })
  name!: string;

  @Field(() => String, {
    nullable: true,
    description: 'What people call it; stands in the schema.',
  })
  title?: string | null;

  @Field(() => String, { nullable: true, description: 'What its rows are; stands in the schema.' })
  description?: string | null;

  @Field(() => ID, { description: 'What the objects are read through.' })
  connection!: string;

  @Field(() => SelectionInput, { description: 'Which objects.' })
  selection!: SelectionInput;

  @Field(() => FormatInput, { description: 'What they hold.' })
  format!: FormatInput;

  @Field(() => [ColumnInput], {
    nullable: true,
    description: 'Overrides name or type of single columns.',
  })
  columns?: ColumnInput[] | null;

  @Field(() => [DateColumnInput], {
    nullable: true,
    description: 'Columns of dates that are not written as ISO 8601 has them.',
  })
  dateColumns?: DateColumnInput[] | null;

  @Field(() => String, {
    nullable: true,
    description:
      'dateColumns in one line: "orderDate:dd-MM-yyyy,shipped:MMM d, yyyy HH:mm". A pattern ends where a comma is followed by a column’s name and a colon, or at the end.',
  })
  dateColumnsSpec?: string | null;

  @Field(() => [String], {
    nullable: true,
    description: 'Columns that are left out of the table, by header or by name.',
  })
  excludeFields?: string[] | null;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: false,
    description:
      'Adds _BATCH_FILE_NAME_, the last column: the object’s key, archive.zip!member inside archives.',
  })
  addFileNameColumn?: boolean | null;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: true,
    description: 'False: every column is STRING unless columns or dateColumns say otherwise.',
  })
  inferTypes?: boolean | null;

  @Field(() => [String], {
    nullable: true,
    description:
      'Columns by which rows are sorted when they are loaded: reads that filter by the first of them skip most of the table. (Default: by object key, then by place in the file)',
  })
  sortBy?: string[] | null;

  @Field(() => [String], { nullable: true, description: 'Columns that together are never null.' })
  primaryKey?: string[] | null;

  @Field(() => UpdateMode, {
    nullable: true,
    defaultValue: 'REPLACE',
    description: 'What an import does to the rows that are there.',
  })
  updateMode?: string | null;

  @Field(() => BadRows, {
    nullable: true,
    defaultValue: 'REJECT',
    description: 'What becomes of a row that does not fit.',
  })
  badRows?: string | null;

  @Field(() => Int, {
    nullable: true,
    defaultValue: 1000,
    description: 'How many rows an import may set aside before it fails.',
  })
  maxRejectedRows?: number | null;

  @Field(() => SchemaDrift, {
    nullable: true,
    defaultValue: 'WIDEN',
    description: 'What becomes of files whose columns differ.',
  })
  schemaDrift?: string | null;

  @Field(() => ScheduleInput, {
    nullable: true,
    description: 'Imports without being asked. Null: only when asked.',
  })
  schedule?: ScheduleInput | null;

  @Field(() => [RelationInput], {
    nullable: true,
    description: 'What rows of this dataset lead to in others.',
  })
  relations?: RelationInput[] | null;

  @Field(() => ExposeInput, {
    nullable: true,
    description: 'Which generated fields there are. (Default: all)',
  })
  expose?: ExposeInput | null;
}
