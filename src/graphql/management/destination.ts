import { Field, ID, InputType } from 'type-graphql';
import { WritebackCompression, WritebackFormat } from './enums.js';

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
    description: 'Whether the first line has the names of the columns; of CSV and TSV.',
  })
  header?: boolean | null;

  @Field(() => String, {
    nullable: true,
    description: 'Default: from format and compression (.csv.gz).',
  })
  extension?: string | null;

  @Field(() => WritebackCompression, {
    nullable: true,
    defaultValue: 'NONE',
    description: 'How its bytes are made smaller.',
  })
  compression?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: false,
    description: 'False: an existing object is never replaced, also under a race.',
  })
  overwrite?: boolean | null;
}
