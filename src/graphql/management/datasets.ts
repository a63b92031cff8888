import { randomUUID } from 'node:crypto';
import {
  Arg,
  Args,
  Ctx,
  Field,
  FieldResolver,
  ID,
  Int,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
  Subscription,
} from 'type-graphql';
import {
  deleteDataset,
  findDataset,
  insertDataset,
  listDatasets,
  requireDataset,
  updateDefinition,
  type Dataset,
} from '../../catalog/datasets.js';
import type { DatasetDefinition } from '../../catalog/definition.js';
import { listRejectedRows } from '../../catalog/manifest.js';
import type { Subject } from '../../catalog/runs.js';
import { listWritebacks } from '../../catalog/writebacks.js';
import type { Column } from '../../columns.js';
import type { Session } from '../../engine/engine.js';
import type { RejectedRow } from '../../engine/load.js';
import { AppError } from '../../errors.js';
import type { Context } from '../context.js';
import { GraphQLBigInt, GraphQLDateTime, GraphQLJSON } from '../scalars.js';
import { followDatasets } from '../subscriptions-sources.js';
import { ConnectionType, shown } from './connections.js';
import { checkedDefinition, requireFree } from './dataset-checks.js';
import { DatasetInput } from './dataset-input.js';
import { ColumnType as ColumnTypeEnum } from './enums.js';
import { checkedPage, PageArgs, RunPageArgs } from './paging.js';
import { ImportRunType, importRunView, runsOf } from './runs.js';

@ObjectType('Column', { description: 'A column of a dataset’s table.' })
export class ColumnType {
  @Field(() => String, { description: 'A GraphQL name, unique in the table.' })
  name!: string;

  @Field(() => String, { description: 'The header as it stands in the file ("" if it has none).' })
  source!: string;

  @Field(() => ColumnTypeEnum, { description: 'What its values are.' })
  type!: string;

  @Field(() => Boolean, { description: 'False: every row has a value.' })
  nullable!: boolean;

  @Field(() => String, {
    nullable: true,
    description: 'From the definition, or else the pattern of its dates.',
  })
  description?: string;
}

@ObjectType('RejectedRow', {
  description: 'A row of the current generation’s files that was set aside.',
})
export class RejectedRowType {
  @Field(() => String, { description: 'Key of the object.' })
  file!: string;

  @Field(() => GraphQLBigInt, {
    nullable: true,
    description: '1-based physical line where the row begins.',
  })
  line!: number | null;

  @Field(() => String, {
    nullable: true,
    description: 'The column that is at fault; null: the row as a whole.',
  })
  column!: string | null;

  @Field(() => String, { nullable: true, description: 'The text that the column could not take.' })
  value!: string | null;

  @Field(() => String, { description: 'Why the row was set aside.' })
  reason!: string;

  @Field(() => String, { nullable: true, description: 'The row as it stands in the file.' })
  raw!: string | null;
}

@ObjectType('Dataset', {
  description: 'A name, a definition and the table that imports make of it.',
})
export class DatasetType {
  @Field(() => ID, { description: 'Made by the service; never changes, though the name may.' })
  id!: string;

  @Field(() => String, { description: 'Unique; names the root fields.' })
  name!: string;

  @Field(() => GraphQLJSON, { description: 'The DatasetInput as stored, defaults filled in.' })
  definition!: DatasetDefinition;
}

@Resolver(() => DatasetType)
export class DatasetResolver {
  @Query(() => [DatasetType], { description: 'Datasets by name.' })
  async datasets(@Args(() => PageArgs) page: PageArgs, @Ctx() { services }: Context) {
    return services.engine.read((session) => listDatasets(session, checkedPage(page)));
  }

  @Query(() => DatasetType, { nullable: true, description: 'One dataset; null if there is none.' })
  async dataset(
    @Arg('name', () => String, { description: 'Its name.' }) name: string,
    @Ctx() { services }: Context,
  ) {
    return (await services.engine.read((session) => findDataset(session, { name }))) ?? null;
  }

  @Mutation(() => DatasetType, {
    description: 'Defines a dataset. Its fields appear with its first import.',
  })
  async createDataset(
    @Arg('input', () => DatasetInput, { description: 'The definition.' }) input: DatasetInput,
    @Ctx() { services }: Context,
  ): Promise<Dataset> {
    const definition = checkedDefinition(input);
    const dataset = { id: randomUUID(), definition, createdAt: new Date() };
    const { scheduler } = services;
    await services.engine.transaction(async (session) => {
      await requireFree(session, services, definition, undefined);
      await insertDataset(session, dataset);
      await scheduler.define(session, importsOf(dataset), definition.schedule);
    });
    await scheduler.reload();
    services.datasetChanges.publish(dataset.id, dataset.id);
    return { ...dataset, name: definition.name, current: null };
  }

  @Mutation(() => DatasetType, {
    description: 'Replaces a dataset’s definition. Its table stays as it is until the next import.',
  })
  async updateDataset(
    @Arg('name', () => String, { description: 'Which dataset, by the name it has now.' })
    name: string,
    @Arg('input', () => DatasetInput, {
      description: 'The whole definition: what is left out gets its default.',
    })
    input: DatasetInput,
    @Ctx() { services }: Context,
  ): Promise<Dataset> {
    const definition = checkedDefinition(input);
    const updated = await services.engine.transaction(async (session) => {
      const before = await requireDataset(session, name);
      await requireFree(session, services, definition, before.id);
      await updateDefinition(session, before.id, definition);
      await services.scheduler.define(
        session,
        importsOf(before),
        definition.schedule,
        before.definition.schedule,
      );
      return { ...before, name: definition.name, definition };
    });
    await services.scheduler.reload();
    services.snapshots.redefine(updated);
    await services.publishSchema();
    services.datasetChanges.publish(updated.id, updated.id);
    return updated;
  }

  @Mutation(() => Boolean, {
    description:
      'Cancels a running import first, then drops the table. Refused while writebacks write its rows.',
  })
  async deleteDataset(
    @Arg('name', () => String, { description: 'Which dataset.' }) name: string,
    @Ctx() { services }: Context,
  ): Promise<boolean> {
    const { engine, runner, scheduler, snapshots, publishSchema, datasetChanges } = services;
    const dataset = await engine.read(async (session) => {
      const found = await requireDataset(session, name);
      await requireUnused(session, found);
      return found;
    });
    await runner.cancelDataset(dataset.id);
    await engine.transaction(async (session) => {
      await requireUnused(session, dataset);
      await scheduler.define(session, importsOf(dataset), undefined);
      await deleteDataset(session, dataset.id);
    });
    await scheduler.reload();
    // Its schedule may have asked for a last one meanwhile.
    await runner.cancelDataset(dataset.id);
    snapshots.remove(dataset.id);
    await publishSchema();
    datasetChanges.publish(dataset.id, dataset.id);
    return true;
  }

  @Subscription(() => DatasetType, {
    description:
      'A dataset each time it has a new generation or definition; without a name, any of them. Ends when the named one is deleted.',
    subscribe: ({ args, context }: { args: { name?: string | null }; context: Context }) =>
      followDatasets(context, args.name),
  })
  datasetChanged(
    @Arg('name', () => String, { nullable: true, description: 'Which dataset. Null: all.' })
    _name: string | null,
    @Root() dataset: Dataset,
  ) {
    return dataset;
  }

  @FieldResolver(() => String, { nullable: true, description: 'From the definition.' })
  title(@Root() { definition }: Dataset) {
    return definition.title ?? null;
  }

  @FieldResolver(() => String, { nullable: true, description: 'From the definition.' })
  description(@Root() { definition }: Dataset) {
    return definition.description ?? null;
  }

  @FieldResolver(() => ConnectionType, { description: 'What its objects are read through.' })
  async connection(@Root() { definition }: Dataset, @Ctx() { loaders }: Context) {
    const connection = await loaders.connection.load(definition.connection);
    if (!connection) throw new AppError('NOT_FOUND', 'The dataset’s connection is gone');
    return shown(connection);
  }

  @FieldResolver(() => [ColumnType], { description: 'Empty until the first import.' })
  columns(@Root() { current }: Dataset): readonly Column[] {
    return current?.columns ?? [];
  }

  @FieldResolver(() => GraphQLBigInt, { description: 'Rows of the table.' })
  rowCount(@Root() { current }: Dataset) {
    return current?.rowCount ?? 0n;
  }

  @FieldResolver(() => Int, { description: 'Objects the rows come from.' })
  fileCount(@Root() { current }: Dataset) {
    return current?.fileCount ?? 0;
  }

  @FieldResolver(() => ID, {
    nullable: true,
    description: 'Changes with every import that changed rows.',
  })
  generation(@Root() { current }: Dataset) {
    return current?.id ?? null;
  }

  @FieldResolver(() => GraphQLDateTime, {
    nullable: true,
    description: 'When the import that made the current generation ended; null before the first.',
  })
  importedAt(@Root() { current }: Dataset) {
    return current?.importedAt ?? null;
  }

  @FieldResolver(() => GraphQLDateTime, {
    nullable: true,
    description: 'When the schedule asks for the next import; null without one.',
  })
  nextRunAt(@Root() dataset: Dataset, @Ctx() { services }: Context) {
    return services.scheduler.nextRunAt(importsOf(dataset));
  }

  @FieldResolver(() => [ImportRunType], { description: 'Newest first.' })
  async imports(
    @Root() dataset: Dataset,
    @Args(() => RunPageArgs) page: RunPageArgs,
    @Ctx() { services }: Context,
  ) {
    return (await runsOf(services, importsOf(dataset), page)).map(importRunView);
  }

  @FieldResolver(() => [RejectedRowType], {
    description: 'Of the current generation, in the order of the load.',
  })
  async rejectedRows(
    @Root() { id }: Dataset,
    @Args(() => PageArgs) page: PageArgs,
    @Ctx() { services }: Context,
  ): Promise<RejectedRow[]> {
    return services.engine.read((session) => listRejectedRows(session, id, checkedPage(page)));
  }
}

const importsOf = ({ id }: Pick<Dataset, 'id'>): Subject => ({ kind: 'IMPORT', id });

/** @throws IN_USE when writebacks write the dataset's rows */
async function requireUnused(session: Session, { id, name }: Dataset): Promise<void> {
  const writebacks = (await listWritebacks(session, { dataset: id })).map((one) => one.name);
  if (writebacks.length === 0) return;
  throw new AppError(
    'IN_USE',
    `Dataset ${name} is written by the writebacks ${writebacks.join(', ')}; delete them or give them another dataset first`,
    { details: { writebacks } },
  );
}
