import { Field, ID, InputType } from 'type-graphql';
import { GraphQLBigInt, GraphQLJSON } from '../scalars.js';
import { Encryption, WritebackCompression, WritebackFormat } from './enums.js';

@InputType({ description: 'Where a query’s result is written, and as what.' })
export class DestinationInput {
  @Field(() => ID, { description: 'What the object is written through.' })
  connection!: string;

  @Field(() => String, {
    nullable: true,
    defaultValue: '',
    description: 'Folder below the connection’s prefix; macros allowed.',
  })
  path?: string | null;

  @Field(() => String, {
    description:
      'Macros: <current_date>, <current_date-1>, <current_date-31>, <dataset>, <run_id>; the date is yyyy-MM-dd.',
  })
  fileName!: string;

  @Field(() => String, { nullable: true, defaultValue: 'UTC', description: 'Of the macros.' })
  timezone?: string | null;

  @Field(() => WritebackFormat, { description: 'What the object holds.' })
  format!: string;

  @Field(() => String, {
    nullable: true,
    defaultValue: ',',
    description: 'Of CSV. TSV has tabs.',
  })
  delimiter?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: true,
    description:
      'Whether the first line or row has the names of the columns; of CSV, TSV and XLSX.',
  })
  header?: boolean | null;

  @Field(() => Boolean, {
    nullable: true,
    description:
      'Keeps spreadsheets from running texts that begin with = + - @ as formulas. CSV and TSV: puts an apostrophe before them, which changes them; for people. XLSX: marks them as texts, which changes nothing. Default: true for XLSX, else false.',
  })
  escapeFormulas?: boolean | null;

  @Field(() => String, {
    nullable: true,
    defaultValue: 'rows',
    description: 'What XML calls the element around all rows.',
  })
  rootElement?: string | null;

  @Field(() => String, {
    nullable: true,
    defaultValue: 'row',
    description: 'What XML calls the element of a row.',
  })
  rowElement?: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'What XLSX calls its sheet. Rows beyond 1,048,576 come into further ones: "name (2)". Default: Sheet1.',
  })
  sheetName?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Default: from format and compression (.csv.gz).',
  })
  extension?: string | null;

  @Field(() => WritebackCompression, {
    nullable: true,
    defaultValue: 'NONE',
    description: 'How its bytes are made smaller. PARQUET and XLSX do it themselves.',
  })
  compression?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: false,
    description: 'False: an existing object is never replaced, also under a race.',
  })
  overwrite?: boolean | null;

  @Field(() => Encryption, {
    nullable: true,
    defaultValue: 'NONE',
    description:
      'How S3 encrypts it. A service that does not confirm it gets nothing (ENCRYPTION_REFUSED). NONE: as the bucket does by itself.',
  })
  encryption?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Of SSE_KMS: id, alias or ARN of the key. Default: the account’s key for S3.',
  })
  kmsKeyId?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Of SSE_C: 32 bytes in base64. Write-only: no answer, log or error shows it.',
  })
  encryptionKey?: string | null;

  @Field(() => GraphQLBigInt, {
    nullable: true,
    description:
      'No object is larger, unless one row is: the result is divided into name-00001, name-00002 …, and a manifest is written last. At least 1048576; not for XLSX.',
  })
  maxFileBytes?: bigint | null;

  @Field(() => [String], {
    nullable: true,
    description:
      'Columns of the result by which it is divided into folders (column=value/), as Hive, Spark and Trino read them; the files do not have these columns. A manifest is written last. At most 10,000 folders.',
  })
  partitionBy?: string[] | null;

  @Field(() => GraphQLJSON, {
    nullable: true,
    description: 'Tags of the object: names and texts, at most ten. Needs s3:PutObjectTagging.',
  })
  tags?: unknown;

  @Field(() => String, {
    nullable: true,
    description: 'S3’s name of it: STANDARD_IA, GLACIER_IR … Default: the bucket’s.',
  })
  storageClass?: string | null;
}
