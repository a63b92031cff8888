import { Field, InputType, Int } from 'type-graphql';
import { FileType } from './enums.js';

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

  @Field(() => Int, {
    nullable: true,
    defaultValue: 0,
    description: 'Lines at the end that are no rows.',
  })
  footerRowsToSkip?: number | null;

  @Field(() => String, {
    nullable: true,
    description: 'Any WHATWG label, and "latin-1". Null: byte order mark, else utf-8.',
  })
  encoding?: string | null;

  @Field(() => [String], {
    nullable: true,
    defaultValue: [''],
    description: 'Texts that are null.',
  })
  nullValues?: string[] | null;
}

@InputType({ description: 'How JSON is to be read, of any size in bounded memory.' })
export class JsonOptions {
  @Field(() => Boolean, {
    nullable: true,
    description: 'Null: detected; true: one record a line.',
  })
  lines?: boolean | null;

  @Field(() => String, {
    nullable: true,
    description: 'Path of the record list, such as data.items.',
  })
  dataTag?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Path of a list of column names, when records are lists.',
  })
  headerTag?: string | null;

  @Field(() => [String], {
    nullable: true,
    defaultValue: [],
    description: 'Nested lists to spread into one row for each element.',
  })
  flatten?: string[] | null;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: false,
    description: 'Takes input whose backslashes are not escaped.',
  })
  escapeBackslash?: boolean | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Accepted for compatibility; every file is read in bounded memory.',
  })
  large?: boolean | null;
}

@InputType({ description: 'How XML is to be read.' })
export class XmlOptions {
  @Field(() => String, {
    description:
      'Picks the records, such as /orders/order. Child and descendant steps stream, with conditions on attributes and positions, and at the last step on all that the record holds; other XPath needs the document in memory.',
  })
  xpath!: string;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: true,
    description: 'Attributes become columns, "@id".',
  })
  attributes?: boolean | null;

  @Field(() => [String], {
    nullable: true,
    defaultValue: [],
    description: 'Repeated elements to spread into one row for each.',
  })
  flatten?: string[] | null;
}

@InputType({ description: 'How a workbook is to be read.' })
export class ExcelOptions {
  @Field(() => String, { nullable: true, description: 'Null: the first.' })
  sheet?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: true,
    description: 'False: columns are named column0, column1, …',
  })
  headers?: boolean | null;

  @Field(() => Int, {
    nullable: true,
    defaultValue: 1,
    description: '1-based sheet row of the header.',
  })
  headerStartRow?: number | null;

  @Field(() => Int, { nullable: true, description: 'Null: the row after the header.' })
  dataStartRow?: number | null;

  @Field(() => Int, {
    nullable: true,
    defaultValue: 0,
    description: 'Rows at the end of the sheet that are no rows.',
  })
  footerRowsToSkip?: number | null;
}

@InputType({ description: 'What the objects hold. Only the options of the type are used.' })
export class FormatInput {
  @Field(() => FileType, { description: 'Which format.' })
  type!: string;

  @Field(() => DelimitedOptions, { nullable: true, description: 'CSV, TSV, TXT.' })
  csv?: DelimitedOptions | null;

  @Field(() => JsonOptions, { nullable: true, description: 'JSON.' })
  json?: JsonOptions | null;

  @Field(() => XmlOptions, { nullable: true, description: 'XML.' })
  xml?: XmlOptions | null;

  @Field(() => ExcelOptions, { nullable: true, description: 'XLS, XLSX.' })
  excel?: ExcelOptions | null;
}
