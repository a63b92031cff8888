import { Field, ID, InputType, Int } from 'type-graphql';
import { GraphQLDateTime } from '../scalars.js';
import {
  BadRows,
  ColumnType,
  Compression,
  FileType,
  NameMatch,
  SchemaDrift,
  UpdateMode,
} from './enums.js';

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

  @Field(() => NameMatch, { nullable: true, defaultValue: 'STARTS_WITH' })
  fileNameMatch?: string | null;

  @Field(() => Compression, { nullable: true, defaultValue: 'AUTO' })
  compression?: string | null;

  @Field(() => GraphQLDateTime, {
    nullable: true,
    description: 'Only objects changed at or after this moment.',
  })
  modifiedSince?: string | null;
}

@InputType({ description: 'How delimited text is to be read. What is left out is detected.' })
export class DelimitedOptions {
  @Field(() => String, { nullable: true, description: 'Null: detected (TSV: tab).' })
  delimiter?: string | null;

  @Field(() => String, { nullable: true, defaultValue: '"', description: '"" is none.' })
  quote?: string | null;

  @Field(() => String, { nullable: true, description: 'Null: the same as quote.' })
  escape?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: true,
    description: 'False: columns are named column0, column1, …',
  })
  headers?: boolean | null;

  @Field(() => Int, {
    nullable: true,
    defaultValue: 1,
    description: '1-based physical line of the header.',
  })
  headerStartRow?: number | null;

  @Field(() => Int, { nullable: true, description: 'Null: the line after the header.' })
  dataStartRow?: number | null;

  @Field(() => Int, { nullable: true, defaultValue: 0 })
  footerRowsToSkip?: number | null;

  @Field(() => String, {
    nullable: true,
    description: 'Any WHATWG label, and "latin-1". Null: byte order mark, else utf-8.',
  })
  encoding?: string | null;

  @Field(() => [String], { nullable: true, defaultValue: [''] })
  nullValues?: string[] | null;
}

@InputType({ description: 'What the objects hold.' })
export class FormatInput {
  @Field(() => FileType)
  type!: string;

  @Field(() => DelimitedOptions, { nullable: true, description: 'CSV, TSV, TXT.' })
  csv?: DelimitedOptions | null;
}

@InputType({
  description: 'Changes one column; found by source, or by position where sources repeat.',
})
export class ColumnInput {
  @Field(() => String, { nullable: true })
  source?: string | null;

  @Field(() => Int, { nullable: true, description: '0-based.' })
  position?: number | null;

  @Field(() => String, { nullable: true })
  name?: string | null;

  @Field(() => ColumnType, { nullable: true })
  type?: string | null;

  @Field(() => String, { nullable: true })
  description?: string | null;
}

@InputType({ description: 'A column of dates and the Java-style pattern they are written in.' })
export class DateColumnInput {
  @Field(() => String)
  column!: string;

  @Field(() => String, { description: 'Such as dd-MM-yyyy or MMM d, yyyy HH:mm.' })
  format!: string;

  @Field(() => String, { nullable: true, description: 'IANA zone of times without an offset.' })
  timezone?: string | null;
}

@InputType({ description: 'The definition of a dataset.' })
export class DatasetInput {
  @Field(() => String, { description: '^[a-z][a-z0-9_]*$; names the root fields.' })
  name!: string;

  @Field(() => String, { nullable: true })
  title?: string | null;

  @Field(() => String, { nullable: true })
  description?: string | null;

  @Field(() => ID)
  connection!: string;

  @Field(() => SelectionInput)
  selection!: SelectionInput;

  @Field(() => FormatInput)
  format!: FormatInput;

  @Field(() => [ColumnInput], {
    nullable: true,
    description: 'Overrides name or type of single columns.',
  })
  columns?: ColumnInput[] | null;

  @Field(() => [DateColumnInput], { nullable: true })
  dateColumns?: DateColumnInput[] | null;

  @Field(() => String, {
    nullable: true,
    description:
      'dateColumns in one line: "orderDate:dd-MM-yyyy,shipped:MMM d, yyyy HH:mm". A pattern ends where a comma is followed by a column’s name and a colon, or at the end.',
  })
  dateColumnsSpec?: string | null;

  @Field(() => [String], { nullable: true })
  excludeFields?: string[] | null;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: false,
    description: 'Adds _BATCH_FILE_NAME_, the last column: the object’s key.',
  })
  addFileNameColumn?: boolean | null;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: true,
    description: 'False: every column is STRING unless columns or dateColumns say otherwise.',
  })
  inferTypes?: boolean | null;

  @Field(() => [String], { nullable: true, description: 'Columns that together are never null.' })
  primaryKey?: string[] | null;

  @Field(() => UpdateMode, { nullable: true, defaultValue: 'REPLACE' })
  updateMode?: string | null;

  @Field(() => BadRows, { nullable: true, defaultValue: 'REJECT' })
  badRows?: string | null;

  @Field(() => Int, { nullable: true, defaultValue: 1000 })
  maxRejectedRows?: number | null;

  @Field(() => SchemaDrift, { nullable: true, defaultValue: 'WIDEN' })
  schemaDrift?: string | null;
}
