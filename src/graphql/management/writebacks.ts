import { randomUUID } from 'node:crypto';
import {
  Arg,
  Args,
  Ctx,
  Field,
  FieldResolver,
  ID,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
} from 'type-graphql';
import { requireDataset, type Dataset } from '../../catalog/datasets.js';
import type { Subject } from '../../catalog/runs.js';
import {
  deleteWriteback,
  findWriteback,
  insertWriteback,
  listWritebacks,
  requireWriteback,
  updateWriteback,
  type Writeback,
} from '../../catalog/writebacks.js';
import { keptWritebackWork } from '../../jobs/writeback-work.js';
import type { Context } from '../context.js';
import { GraphQLDateTime, GraphQLJSON } from '../scalars.js';
import { DatasetType } from './datasets.js';
import { checkedPage, PageArgs, RunPageArgs } from './paging.js';
import { begun, datasetOf, runsOf, WaitArg } from './runs.js';
import { checkedWriteback, requireWritable, WritebackInput } from './writeback-input.js';
import { WritebackRunType, writebackRunView } from './writeback-runs.js';

@ObjectType('Writeback', {
  description: 'A query of a dataset whose result goes to S3 again and again.',
})
export class WritebackType {
  @Field(() => ID, { description: 'Made by the service; never changes, though the name may.' })
  id!: string;

  @Field(() => String, { description: 'Unique.' })
  name!: string;
}

@Resolver(() => WritebackType)
export class WritebackResolver {
  @Query(() => [WritebackType], { description: 'Writebacks by name.' })
  async writebacks(@Args(() => PageArgs) page: PageArgs, @Ctx() { services }: Context) {
    return services.engine.read((session) => listWritebacks(session, checkedPage(page)));
  }

  @Query(() => WritebackType, {
    nullable: true,
    description: 'One writeback; null if there is none.',
  })
  async writeback(
    @Arg('name', () => String, { description: 'Its name.' }) name: string,
    @Ctx() { services }: Context,
  ) {
    return (await services.engine.read((session) => findWriteback(session, { name }))) ?? null;
  }

  @Mutation(() => WritebackType, {
    description: 'Keeps a writeback. It runs when its schedule says, or with runWriteback.',
  })
  async createWriteback(
    @Arg('input', () => WritebackInput, { description: 'The definition.' }) input: WritebackInput,
    @Ctx() { services }: Context,
  ): Promise<Writeback> {
    const { engine, secrets, scheduler } = services;
    const definition = checkedWriteback(input, services);
    const created = await engine.transaction(async (session) => {
      const dataset = await requireDataset(session, input.dataset);
      await requireWritable(session, services, definition, dataset);
      const facts = { datasetId: dataset.id, delivered: null, createdAt: new Date() };
      const made = { id: randomUUID(), definition, ...facts };
      await scheduler.define(session, subjectOf(made), definition.schedule);
      return insertWriteback(session, made, secrets);
    });
    await scheduler.reload();
    return created;
  }

  @Mutation(() => WritebackType, {
    description:
      'Replaces a writeback’s definition. What it delivered counts as delivered still, unless it has another dataset now; the encryption key stays when it is left out.',
  })
  async updateWriteback(
    @Arg('name', () => String, { description: 'Which writeback, by the name it has now.' })
    name: string,
    @Arg('input', () => WritebackInput, {
      description: 'The whole definition: what is left out gets its default.',
    })
    input: WritebackInput,
    @Ctx() { services }: Context,
  ): Promise<Writeback> {
    const { engine, secrets, scheduler, runner } = services;
    const { before, updated } = await engine.transaction(async (session) => {
      const before = await requireWriteback(session, name);
      const definition = checkedWriteback(input, services, before);
      const dataset = await requireDataset(session, input.dataset);
      await requireWritable(session, services, definition, dataset, before);
      const { schedule } = before.definition;
      await scheduler.define(session, subjectOf(before), definition.schedule, schedule);
      const change = { datasetId: dataset.id, definition };
      return { before, updated: await updateWriteback(session, before, change, secrets) };
    });
    await scheduler.reload();
    // A run belongs to the dataset that it began with.
    if (updated.datasetId !== before.datasetId) await runner.cancelSubject(subjectOf(before));
    return updated;
  }

  @Mutation(() => Boolean, {
    description: 'Cancels a running one first. What it wrote stays in S3; its runs are forgotten.',
  })
  async deleteWriteback(
    @Arg('name', () => String, { description: 'Which writeback.' }) name: string,
    @Ctx() { services }: Context,
  ): Promise<boolean> {
    const { engine, scheduler, runner } = services;
    const writeback = await engine.read((session) => requireWriteback(session, name));
    const subject = subjectOf(writeback);
    await runner.cancelSubject(subject);
    await engine.transaction(async (session) => {
      await scheduler.define(session, subject, undefined);
      await deleteWriteback(session, writeback.id);
    });
    await scheduler.reload();
    // Its schedule may have asked for a last one meanwhile.
    await runner.cancelSubject(subject);
    return true;
  }

  @Mutation(() => WritebackRunType, {
    description:
      'Runs a writeback; where a run of it waits already, that one. `wait` is as with importDataset.',
  })
  async runWriteback(
    @Arg('name', () => String, { description: 'Which writeback.' }) name: string,
    @WaitArg() wait: boolean,
    @Ctx() { services }: Context,
  ) {
    const { engine, writebacks } = services;
    const writeback = await engine.read((session) => requireWriteback(session, name));
    return writebackRunView(await begun(services, keptWritebackWork(writebacks, writeback), wait));
  }

  @FieldResolver(() => DatasetType, { description: 'Whose rows it writes.' })
  async dataset(@Root() writeback: Writeback, @Ctx() context: Context): Promise<Dataset> {
    return datasetOf(writeback, context, gone);
  }

  @FieldResolver(() => GraphQLJSON, {
    description: 'The WritebackInput as stored, defaults filled in; never with its encryption key.',
  })
  async definition(@Root() writeback: Writeback, @Ctx() context: Context) {
    const { name, query, destination, onlyNewData, schedule } = writeback.definition;
    const { name: dataset } = await datasetOf(writeback, context, gone);
    return { name, dataset, query, destination, onlyNewData, ...(schedule && { schedule }) };
  }

  @FieldResolver(() => GraphQLDateTime, {
    nullable: true,
    description: 'When the schedule asks for the next run; null without one.',
  })
  nextRunAt(@Root() writeback: Writeback, @Ctx() { services }: Context) {
    return services.scheduler.nextRunAt(subjectOf(writeback));
  }

  @FieldResolver(() => [WritebackRunType], { description: 'Newest first.' })
  async runs(
    @Root() writeback: Writeback,
    @Args(() => RunPageArgs) page: RunPageArgs,
    @Ctx() { services }: Context,
  ) {
    return (await runsOf(services, subjectOf(writeback), page)).map(writebackRunView);
  }
}

const gone = 'The writeback’s dataset is gone';

const subjectOf = ({ id }: Pick<Writeback, 'id'>): Subject => ({ kind: 'WRITEBACK', id });
