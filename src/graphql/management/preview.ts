import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Arg, Ctx, Field, Int, ObjectType, Query, Resolver } from 'type-graphql';
import type { Column } from '../../columns.js';
import { AppError } from '../../errors.js';
import { previewObjectsOf, type Preview } from '../../pipeline/preview.js';
import type { Context } from '../context.js';
import { GraphQLBigInt, GraphQLJSON } from '../scalars.js';
import { checkedDefinition } from './dataset-checks.js';
import { DatasetInput } from './dataset-input.js';
import { ColumnType } from './datasets.js';
import { ObjectSummaryType, reading } from './objects.js';

@ObjectType('Preview', { description: 'What an import would find. Nothing is stored.' })
export class PreviewType implements Preview {
  @Field(() => [ObjectSummaryType], { description: 'What the selection matches (first 100).' })
  objects!: Preview['objects'];

  @Field(() => Int, { description: 'Objects that the selection matches.' })
  objectCount!: number;

  @Field(() => GraphQLBigInt, { description: 'Bytes of all of them, as stored.' })
  totalBytes!: bigint;

  @Field(() => [ColumnType], {
    description: 'The columns that the records shown give; an import looks at every value.',
  })
  columns!: readonly Column[];

  @Field(() => [GraphQLJSON], { description: 'First records, one object each.' })
  rows!: readonly unknown[];

  @Field(() => GraphQLJSON, { description: 'Options that were detected: delimiter, encoding …' })
  detected!: Readonly<Record<string, unknown>>;

  @Field(() => [String], { description: 'What was odd.' })
  warnings!: readonly string[];
}

const mostRows = 1000;

@Resolver()
export class PreviewResolver {
  @Query(() => PreviewType, {
    description: 'Reads the beginning of the first objects as an import would.',
  })
  async previewDataset(
    @Arg('input', () => DatasetInput, { description: 'The definition to try.' })
    input: DatasetInput,
    @Arg('rows', () => Int, {
      nullable: true,
      defaultValue: 20,
      description: 'How many records to show, 0 to 1,000.',
    })
    rows: number,
    @Ctx() context: Context,
  ): Promise<Preview> {
    const definition = checkedDefinition(input);
    if (rows < 0 || rows > mostRows) {
      throw new AppError('LIMIT_TOO_LARGE', `rows is ${rows}; a preview shows 0 to ${mostRows}`, {
        details: { limit: mostRows },
      });
    }
    const { connection, bucket } = await reading(definition.connection, context);
    const { engine, imports } = context.services;
    const id = `preview-${randomUUID()}`;
    const spoolDir = join(imports.spoolDir, id);
    await mkdir(spoolDir, { recursive: true });
    try {
      return await previewObjectsOf({
        dataset: {
          id,
          name: definition.name,
          definition,
          createdAt: new Date(),
          current: null,
        },
        bucket,
        connectionPrefix: connection.access.prefix,
        engine,
        dialect: context.tables.dialect,
        spoolDir,
        table: `t_${id.replaceAll('-', '_')}`,
        rows,
        limits: imports.limits,
        signal: context.signal ?? new AbortController().signal,
      });
    } finally {
      await rm(spoolDir, { recursive: true, force: true });
    }
  }
}
