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
import { requireDataset, type Dataset } from '../../catalog/datasets.js';
import {
  listRuns,
  type ImportProgress,
  type Run,
  type RunError,
  type Subject,
} from '../../catalog/runs.js';
import { AppError } from '../../errors.js';
import { importWork } from '../../jobs/import-work.js';
import type { Work } from '../../jobs/work.js';
import type { Context, Services } from '../context.js';
import { GraphQLBigInt, GraphQLDateTime, GraphQLJSON } from '../scalars.js';
import { followRun } from '../subscriptions-sources.js';
import { DatasetType } from './datasets.js';
import { RunStatus } from './enums.js';
import { checkedPage, type Page } from './paging.js';

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

/** The argument of mutations that run something. */
export const WaitArg = () =>
  Arg('wait', () => Boolean, {
    nullable: true,
    defaultValue: false,
    description: 'Whether to answer only when the run has ended.',
  });

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

/** What a subscription to one run is given. */
export interface Following {
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
    @WaitArg() wait: boolean,
    @Ctx() { services }: Context,
  ) {
    const { engine, imports } = services;
    const dataset = await engine.read((session) => requireDataset(session, name));
    return importRunView(await begun(services, importWork(imports, dataset.id), wait));
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

/** Asks for a run. @param wait Whether to wait for its end, as long as an answer may take */
export async function begun(
  { runner, waitSeconds }: Pick<Services, 'runner' | 'waitSeconds'>,
  work: Work,
  wait: boolean,
): Promise<Run> {
  const queued = await runner.enqueue(work);
  return (wait ? await runner.wait(queued.id, waitSeconds) : undefined) ?? queued;
}

/** A page of a subject's runs, newest first, with the progress that they have now. */
export async function runsOf(
  { engine, runner }: Pick<Services, 'engine' | 'runner'>,
  subject: Subject,
  page: Page,
): Promise<Run[]> {
  const runs = await engine.read((session) => listRuns(session, subject, checkedPage(page)));
  return runs.map((run) => runner.current(run));
}

/** The dataset of a run, or of what else has one. @throws NOT_FOUND when it is `gone` */
export async function datasetOf(
  { datasetId }: { readonly datasetId: string },
  { loaders }: Context,
  gone = 'The dataset of this run was deleted',
): Promise<Dataset> {
  const dataset = await loaders.dataset.load(datasetId);
  if (!dataset) throw new AppError('NOT_FOUND', gone);
  return dataset;
}
