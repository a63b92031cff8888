import { Field, InputType } from 'type-graphql';

@InputType({
  description:
    'A field of each row that leads to rows of another dataset: those whose references equal the columns.',
})
export class RelationInput {
  @Field(() => String, { description: 'Names the field; no column may have the same name.' })
  name!: string;

  @Field(() => [String], { description: 'Columns of this dataset.' })
  columns!: string[];

  @Field(() => String, {
    description: 'The other dataset, or this one. It need not be there yet.',
  })
  dataset!: string;

  @Field(() => [String], { description: 'Columns of the other dataset, as many.' })
  references!: string[];

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: false,
    description: 'True: the field is a list of rows. False: one row, or null.',
  })
  many?: boolean | null;
}
