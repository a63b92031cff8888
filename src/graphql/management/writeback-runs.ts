import {
  Arg,
  Ctx,
  Field,
  FieldResolver,
  ID,
  ObjectType,
  Query,
  Resolver,
  Root,
  Subscription,
} from 'type-graphql';
import type { Run, WritebackProgress } from '../../catalog/runs.js';
import type { Context } from '../context.js';
import { GraphQLBigInt } from '../scalars.js';
import { followRun } from '../subscriptions-sources.js';
import { DatasetType } from './datasets.js';
import { datasetOf, RunType, type Following } from './runs.js';
import { WritebackType } from './writebacks.js';

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
  writebackId!: string | null;
}

/** A stored writeback run as the API shows it. */
export function writebackRunView(run: Run): WritebackRunType {
  const { rows, bytes, objects } = run.progress as WritebackProgress;
  return { ...run, rows: BigInt(rows), bytes: BigInt(bytes), objects };
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

  @FieldResolver(() => WritebackType, {
    nullable: true,
    description: 'Whose run it is; null for what was written once.',
  })
  async writeback(@Root() { writebackId }: WritebackRunType, @Ctx() { loaders }: Context) {
    return writebackId === null ? null : ((await loaders.writeback.load(writebackId)) ?? null);
  }

  @FieldResolver(() => DatasetType, { description: 'Whose rows it writes.' })
  async dataset(@Root() run: WritebackRunType, @Ctx() context: Context) {
    return datasetOf(run, context);
  }
}
