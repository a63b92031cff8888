import {
  Arg,
  Ctx,
  Field,
  FieldResolver,
  ID,
  Int,
  InterfaceType,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
  Subscription,
} from 'type-graphql';
import { requireDataset } from '../../catalog/datasets.js';
import type { ImportProgress, Run, RunError, WritebackProgress } from '../../catalog/runs.js';
import { AppError } from '../../errors.js';
import { importWork } from '../../jobs/import-work.js';
import type { Context } from '../context.js';
import { GraphQLBigInt, GraphQLDateTime, GraphQLJSON } from '../scalars.js';
import { followRun } from '../subscriptions-sources.js';
import { DatasetType } from './datasets.js';
import { RunStatus } from './enums.js';

@ObjectType('RunError', { description: 'Why a run failed.' })
export class RunErrorType {
  @Field(() => String, { description: 'Stable; docs/errors.md lists the codes.' })
  code!: string;

  @Field(() => String, { description: 'What was found, what was expected, what to do.' })
  message!: string;

  @Field(() => Boolean, { description: 'Whether the same run may succeed later.' })
  retryable!: boolean;

  @Field(() => GraphQLJSON, {
    nullable: true,
    description: '{file, line, column, value, limit …} as they apply.',
  })
  details!: RunError['details'];
}

@InterfaceType('Run', {
  description: 'One execution of an import or a writeback.',
  resolveType: (run: { kind: Run['kind'] }) =>
    run.kind === 'IMPORT' ? 'ImportRun' : 'WritebackRun',
})
export abstract class RunType {
  @Field(() => ID, { description: 'Made by the service.' })
  id!: string;

  @Field(() => RunStatus, { description: 'Where it is.' })
  status!: string;

  @Field(() => Int, { description: 'Counts from 1.' })
  attempt!: number;

  @Field(() => GraphQLDateTime, { description: 'When it was asked for.' })
  queuedAt!: Date;

  @Field(() => GraphQLDateTime, {
    nullable: true,
    description: 'When its first attempt began; null before.',
  })
  startedAt!: Date | null;

  @Field(() => GraphQLDateTime, { nullable: true, description: 'When it ended; null before.' })
  finishedAt!: Date | null;

  @Field(() => RunErrorType, { nullable: true, description: 'Why its last attempt failed.' })
  error!: RunError | null;
}

@ObjectType('ImportRun', { implements: RunType, description: 'One execution of an import.' })
export class ImportRunType extends RunType {
  @Field(() => Int, { description: 'Objects that the selection matched.' })
  filesTotal!: number;

  @Field(() => Int, { description: 'Objects downloaded.' })
  filesDone!: number;

  @Field(() => GraphQLBigInt, { description: 'Bytes of those objects as stored.' })
  bytesTotal!: bigint;

  @Field(() => GraphQLBigInt, { description: 'Bytes downloaded.' })
  bytesDone!: bigint;

  @Field(() => GraphQLBigInt, { description: 'Rows read into the table.' })
  rowsAdded!: bigint;

  @Field(() => GraphQLBigInt, { description: 'Rows that left the table.' })
  rowsRemoved!: bigint;

  @Field(() => GraphQLBigInt, { description: 'Rows set aside; see Dataset.rejectedRows.' })
  rowsRejected!: bigint;

  @Field(() => [String], { description: 'What was odd but did not stop the import.' })
  warnings!: readonly string[];

  datasetId!: string;
}

@ObjectType('WrittenObject', { description: 'One object that a writeback made.' })
export class WrittenObjectType {
  @Field(() => String, { description: 'Its name in the bucket.' })
  key!: string;

  @Field(() => GraphQLBigInt, { description: 'Bytes as stored.' })
  bytes!: number;

  @Field(() => GraphQLBigInt, { description: 'Rows in it.' })
  rows!: number;

  @Field(() => String, { description: 'What S3 calls this version of its bytes.' })
  etag!: string;

  @Field(() => String, { description: '"sha256:" and hexadecimal digits, of the bytes as stored.' })
  checksum!: string;
}

@ObjectType('WritebackRun', { implements: RunType, description: 'One execution of a writeback.' })
export class WritebackRunType extends RunType {
  @Field(() => GraphQLBigInt, { description: 'Rows written.' })
  rows!: bigint;

  @Field(() => GraphQLBigInt, { description: 'Bytes written, as stored.' })
  bytes!: bigint;

  @Field(() => [WrittenObjectType], { description: 'What it made.' })
  objects!: WritebackProgress['objects'];

  datasetId!: string;
}

/** A stored import run as the API shows it. */
export function importRunView(run: Run): ImportRunType {
  const progress = run.progress as ImportProgress;
  return {
    ...run,
    ...progress,
    bytesTotal: BigInt(progress.bytesTotal),
    bytesDone: BigInt(progress.bytesDone),
    rowsAdded: BigInt(progress.rowsAdded),
    rowsRemoved: BigInt(progress.rowsRemoved),
    rowsRejected: BigInt(progress.rowsRejected),
  };
}

/** A stored writeback run as the API shows it. */
export function writebackRunView(run: Run): WritebackRunType {
  const { rows, bytes, objects } = run.progress as WritebackProgress;
  return { ...run, rows: BigInt(rows), bytes: BigInt(bytes), objects };
}

interface Following {
  readonly args: { readonly id: string };
  readonly context: Context;
}

@Resolver(() => ImportRunType)
export class ImportRunResolver {
  @Query(() => ImportRunType, {
    nullable: true,
    description: 'One run of an import; null if there is none, or it is forgotten.',
  })
  async importRun(
    @Arg('id', () => ID, { description: 'Its id.' }) id: string,
    @Ctx() { services }: Context,
  ) {
    const run = await services.runner.find(id);
    return run?.kind === 'IMPORT' ? importRunView(run) : null;
  }

  @Mutation(() => ImportRunType, {
    description:
      'Imports a dataset. With `wait` the answer comes when the run has ended, or after BUCKETQL_WAIT_SECONDS with the state it has then.',
  })
  async importDataset(
    @Arg('name', () => String, { description: 'Which dataset.' }) name: string,
    @Arg('wait', () => Boolean, {
      nullable: true,
      defaultValue: false,
      description: 'Whether to answer only when the run has ended.',
    })
    wait: boolean,
    @Ctx() { services }: Context,
  ) {
    const { engine, runner, imports, waitSeconds } = services;
    const dataset = await engine.read((session) => requireDataset(session, name));
    const queued = await runner.enqueue(importWork(imports, dataset.id));
    const run = wait ? await runner.wait(queued.id, waitSeconds) : queued;
    return importRunView(run ?? queued);
  }

  @Mutation(() => Boolean, {
    description: 'Stops a run; false when it had ended already.',
  })
  async cancelRun(
    @Arg('id', () => ID, { description: 'Of an import or a writeback.' }) id: string,
    @Ctx() { services }: Context,
  ): Promise<boolean> {
    if (await services.runner.cancel(id)) return true;
    if (await services.runner.find(id)) return false;
    throw new AppError('NOT_FOUND', `There is no run ${id}`, { details: { id } });
  }

  @Subscription(() => ImportRunType, {
    description:
      'An import as it is now and after each change (at most five a second), at last its final state. Of one that has ended, that alone.',
    subscribe: ({ args, context }: Following) => followRun(context, 'IMPORT', args.id),
  })
  importProgress(
    @Arg('id', () => ID, { description: 'Of the run.' }) _id: string,
    @Root() run: Run,
  ) {
    return importRunView(run);
  }

  @FieldResolver(() => DatasetType, { description: 'Whose import it is.' })
  async dataset(@Root() run: ImportRunType, @Ctx() context: Context) {
    return datasetOf(run, context);
  }
}

@Resolver(() => WritebackRunType)
export class WritebackRunResolver {
  @Query(() => WritebackRunType, {
    nullable: true,
    description: 'One run of a writeback; null if there is none, or it is forgotten.',
  })
  async writebackRun(
    @Arg('id', () => ID, { description: 'Its id.' }) id: string,
    @Ctx() { services }: Context,
  ) {
    const run = await services.runner.find(id);
    return run?.kind === 'WRITEBACK' ? writebackRunView(run) : null;
  }

  @Subscription(() => WritebackRunType, {
    description: 'A writeback as it is now and after each change, as importProgress.',
    subscribe: ({ args, context }: Following) => followRun(context, 'WRITEBACK', args.id),
  })
  writebackProgress(
    @Arg('id', () => ID, { description: 'Of the run.' }) _id: string,
    @Root() run: Run,
  ) {
    return writebackRunView(run);
  }

  @FieldResolver(() => DatasetType, { description: 'Whose rows it writes.' })
  async dataset(@Root() run: WritebackRunType, @Ctx() context: Context) {
    return datasetOf(run, context);
  }
}

async function datasetOf({ datasetId }: { datasetId: string }, { loaders }: Context) {
  const dataset = await loaders.dataset.load(datasetId);
  if (!dataset) throw new AppError('NOT_FOUND', 'The dataset of this run was deleted');
  return dataset;
}
