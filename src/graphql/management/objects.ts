import { Arg, Ctx, Field, ID, Int, ObjectType, Query, Resolver } from 'type-graphql';
import type { ObjectSummary } from '../../aws/objects.js';
import { requireConnection } from '../../catalog/connections.js';
import { parseSelection } from '../../catalog/definition.js';
import { keyPrefix, selects } from '../../pipeline/select.js';
import type { Context } from '../context.js';
import { GraphQLBigInt, GraphQLDateTime } from '../scalars.js';
import { SelectionInput } from './dataset-input.js';
import { checkedPage } from './paging.js';

@ObjectType('ObjectSummary', { description: 'An object as a listing shows it.' })
export class ObjectSummaryType {
  @Field(() => String, { description: 'Its name in the bucket.' })
  key!: string;

  @Field(() => GraphQLBigInt, { description: 'Bytes as stored.' })
  size!: number;

  @Field(() => String, { description: 'What S3 calls this version of its bytes.' })
  etag!: string;

  @Field(() => GraphQLDateTime, { description: 'When it was written.' })
  lastModified!: Date;
}

@Resolver()
export class ObjectResolver {
  @Query(() => [String], {
    description: 'Folders directly below a prefix of the connection, as full keys.',
  })
  async folders(
    @Arg('connection', () => ID, { description: 'What to list through.' }) id: string,
    @Arg('prefix', () => String, {
      nullable: true,
      defaultValue: '',
      description: 'Below the connection’s prefix.',
    })
    prefix: string,
    @Ctx() context: Context,
  ): Promise<string[]> {
    const { bucket, connection } = await reading(id, context);
    return bucket.folders(connection.access.prefix + prefix, context.signal);
  }

  @Query(() => [ObjectSummaryType], {
    description: 'Objects that a selection takes, in key order.',
  })
  async objects(
    @Arg('connection', () => ID, { description: 'What to list through.' }) id: string,
    @Arg('selection', () => SelectionInput, { description: 'Which objects.' })
    input: SelectionInput,
    @Arg('limit', () => Int, {
      nullable: true,
      defaultValue: 100,
      description: 'At most this many objects, up to 10,000.',
    })
    limit: number,
    @Ctx() context: Context,
  ): Promise<ObjectSummary[]> {
    checkedPage({ limit, offset: 0 });
    const { bucket, connection } = await reading(id, context);
    const selection = parseSelection(input);
    const wanted = selects(selection);
    const found: ObjectSummary[] = [];
    if (limit === 0) return found;
    const prefix = keyPrefix(connection.access.prefix, selection);
    for await (const object of bucket.list(prefix, { signal: context.signal })) {
      if (wanted(object) && found.push(object) >= limit) break;
    }
    return found;
  }
}

/** A connection by id and its bucket opened for reading. */
export async function reading(id: string, { services }: Context) {
  const { engine, secrets, buckets } = services;
  const connection = await engine.read((session) => requireConnection(session, secrets, id));
  return { connection, bucket: buckets.of(connection, 'read') };
}
