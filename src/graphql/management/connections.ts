import { randomUUID } from 'node:crypto';
import {
  Arg,
  Args,
  ArgsType,
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
} from 'type-graphql';
import type { BucketAccess } from '../../aws/access.js';
import type { ConnectionCheck } from '../../aws/doctor.js';
import { readPolicy, trustPolicy, writePolicy } from '../../aws/policies.js';
import {
  deleteConnection,
  externalIdIsTaken,
  findConnection,
  insertConnection,
  listConnections,
  requireConnection,
  updateConnectionAccess,
  type Connection,
} from '../../catalog/connections.js';
import { listDatasets, type Dataset } from '../../catalog/datasets.js';
import { listWritebacks } from '../../catalog/writebacks.js';
import type { Session } from '../../engine/engine.js';
import { AppError } from '../../errors.js';
import { checkAndStore } from '../../jobs/recheck.js';
import type { Context } from '../context.js';
import { GraphQLDateTime, GraphQLJSON } from '../scalars.js';
import { checkedAccess, ConnectionInput } from './connection-input.js';
import { DatasetType } from './datasets.js';
import { CheckOutcome, ConnectionAuth, ConnectionStatus, RequestChecksums } from './enums.js';
import { checkedPage, PageArgs } from './paging.js';

@ObjectType('Connection', { description: 'Credentials and one bucket.' })
export class ConnectionType {
  @Field(() => ID, { description: 'Made by the service; never changes.' })
  id!: string;

  @Field(() => String, { description: 'Unique.' })
  name!: string;

  @Field(() => ConnectionAuth, { description: 'Where its credentials come from.' })
  auth!: string;

  @Field(() => String, {
    nullable: true,
    description: 'ASSUME_ROLE: the role in the bucket owner’s account.',
  })
  roleArn!: string | null;

  @Field(() => String, { nullable: true, description: 'What the owner’s CloudTrail shows.' })
  roleSessionName!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Made by the service, unique for each connection, never reused.',
  })
  externalId!: string | null;

  @Field(() => String, { nullable: true, description: 'The secret half is write-only.' })
  accessKeyId!: string | null;

  @Field(() => String, { description: 'The only bucket this connection may touch.' })
  bucket!: string;

  @Field(() => String, { description: 'And only below this prefix; "" is the whole bucket.' })
  prefix!: string;

  @Field(() => String, { description: 'Of the bucket.' })
  region!: string;

  @Field(() => String, {
    nullable: true,
    description: 'Of an S3-compatible service; BUCKETQL_ALLOWED_ENDPOINTS must list it.',
  })
  endpoint!: string | null;

  @Field(() => Boolean, {
    description: 'Whether the bucket stands in the path, not in the host name.',
  })
  forcePathStyle!: boolean;

  @Field(() => RequestChecksums, { nullable: true, description: 'Null: by the kind of endpoint.' })
  requestChecksums!: string | null;

  @Field(() => Int, { description: 'Parallel object downloads.' })
  downloadThreads!: number;

  @Field(() => GraphQLJSON, {
    nullable: true,
    description: 'Extra request headers, such as {"x-amz-request-payer": "requester"}.',
  })
  headers!: Readonly<Record<string, string>> | null;

  @Field(() => ConnectionStatus, { description: 'What the last check found.' })
  status!: string;

  @Field(() => String, { nullable: true, description: 'One line a person can act on.' })
  statusReason!: string | null;

  @Field(() => GraphQLDateTime, { nullable: true, description: 'When it was last checked.' })
  verifiedAt!: Date | null;
}

@ArgsType()
export class PolicyArgs {
  @Field(() => String, {
    nullable: true,
    description: 'ARN of the KMS key that the objects are encrypted under, if they are.',
  })
  kmsKey?: string | null;
}

@ObjectType('ConnectionCheck', { description: 'One thing that was tried.' })
export class ConnectionCheckType {
  @Field(() => String, {
    description: 'ASSUME_ROLE, EXTERNAL_ID_REQUIRED, REGION, LIST, READ or WRITE.',
  })
  name!: string;

  @Field(() => CheckOutcome, { description: 'How it went.' })
  outcome!: string;

  @Field(() => String, { nullable: true, description: 'The IAM action that is missing.' })
  action?: string;

  @Field(() => String, { description: 'What was tried, what came back, what to change.' })
  message!: string;
}

@ObjectType('ConnectionReport', { description: 'What a check of a connection found.' })
export class ConnectionReportType {
  @Field(() => ConnectionType, {
    description: 'The connection, with the status that the check gave it.',
  })
  connection!: ConnectionType;

  @Field(() => [ConnectionCheckType], { description: 'In the order in which they were tried.' })
  checks!: ConnectionCheck[];
}

@Resolver(() => ConnectionType)
export class ConnectionResolver {
  @Query(() => [ConnectionType], { description: 'Connections by name.' })
  async connections(@Args(() => PageArgs) page: PageArgs, @Ctx() { services }: Context) {
    const { engine, secrets } = services;
    const found = await engine.read((session) =>
      listConnections(session, secrets, checkedPage(page)),
    );
    return found.map(shown);
  }

  @Query(() => ConnectionType, {
    nullable: true,
    description: 'One connection; null if there is none.',
  })
  async connection(
    @Arg('id', () => ID, { description: 'Its id.' }) id: string,
    @Ctx() { services }: Context,
  ) {
    const { engine, secrets } = services;
    const found = await engine.read((session) => findConnection(session, secrets, { id }));
    return found ? shown(found) : null;
  }

  @Mutation(() => ConnectionType, {
    description:
      'Makes a connection with an external id of its own. Paste its trustPolicy into the role, then testConnection.',
  })
  async createConnection(
    @Arg('input', () => ConnectionInput, { description: 'What it is to be.' })
    given: ConnectionInput,
    @Ctx() { services, principal }: Context,
  ): Promise<ConnectionType> {
    const { engine, secrets } = services;
    const access = checkedAccess(given, services.buckets.settings.allowedEndpoints, principal);
    const connection = await engine.transaction(async (session) => {
      if (await findConnection(session, secrets, { name: access.name })) {
        throw nameTaken(access.name);
      }
      const made: Connection = {
        id: randomUUID(),
        access: { ...access, externalId: await externalIdFor(session, access, undefined) },
        status: 'UNVERIFIED',
        statusReason: access.externalId === null ? null : takeOverRisk,
        verifiedAt: null,
        version: 1,
        createdAt: new Date(),
      };
      await insertConnection(session, made, secrets);
      return made;
    });
    return shown(connection);
  }

  @Mutation(() => ConnectionType, {
    description:
      'Replaces how a connection reaches its bucket. Its external id stays while the role is in the same account; the secret of the same key id stays when it is left out.',
  })
  async updateConnection(
    @Arg('id', () => ID, { description: 'Which connection.' }) id: string,
    @Arg('input', () => ConnectionInput, {
      description: 'All that it is to be: what is left out gets its default.',
    })
    given: ConnectionInput,
    @Ctx() { services, principal }: Context,
  ): Promise<ConnectionType> {
    const { engine, secrets } = services;
    const updated = await engine.transaction(async (session) => {
      const before = await requireConnection(session, secrets, id);
      // A secret belongs to its key id; another key id brings its own.
      const sameKey = (given.accessKeyId ?? null) === before.access.accessKeyId;
      const kept =
        sameKey && given.secretAccessKey == null
          ? {
              ...given,
              secretAccessKey: before.access.secretAccessKey,
              sessionToken: before.access.sessionToken,
            }
          : given;
      const access = checkedAccess(kept, services.buckets.settings.allowedEndpoints, principal);
      const other = await findConnection(session, secrets, { name: access.name });
      if (other && other.id !== id) throw nameTaken(access.name);
      const externalId = await externalIdFor(session, access, before.access);
      await updateConnectionAccess(session, id, { ...access, externalId }, secrets);
      return (await findConnection(session, secrets, { id })) ?? before;
    });
    // The descriptions of its datasets' types say where their rows come from.
    await services.publishSchema();
    return shown(updated);
  }

  @Mutation(() => ConnectionReportType, {
    description: 'Tries what imports (and, if asked, writebacks) will do and says what is missing.',
  })
  async testConnection(
    @Arg('id', () => ID, { description: 'Which connection.' }) id: string,
    @Arg('write', () => Boolean, {
      nullable: true,
      defaultValue: false,
      description: 'Whether to try writing too.',
    })
    write: boolean,
    @Ctx() { services }: Context,
  ): Promise<ConnectionReportType> {
    const { engine, secrets, buckets } = services;
    const connection = await engine.read((session) => requireConnection(session, secrets, id));
    const report = await checkAndStore({ engine, buckets }, connection, { write });
    return { connection: shown(report.connection), checks: report.checks };
  }

  @Mutation(() => Boolean, {
    description: 'Refused while datasets or writebacks use the connection.',
  })
  async deleteConnection(
    @Arg('id', () => ID, { description: 'Which connection.' }) id: string,
    @Ctx() { services }: Context,
  ): Promise<boolean> {
    const { engine, secrets } = services;
    return engine.transaction(async (session) => {
      await requireConnection(session, secrets, id);
      const datasets = namesOf(await listDatasets(session, { connection: id }));
      const writebacks = namesOf(await listWritebacks(session, { connection: id }));
      const users = [
        ...(datasets.length > 0 ? [`the datasets ${datasets.join(', ')}`] : []),
        ...(writebacks.length > 0 ? [`the writebacks ${writebacks.join(', ')}`] : []),
      ];
      if (users.length > 0) {
        throw new AppError(
          'IN_USE',
          `The connection is used by ${users.join(' and ')}; delete or change them first`,
          { details: { datasets, writebacks } },
        );
      }
      await deleteConnection(session, id);
      return true;
    });
  }

  @FieldResolver(() => GraphQLJSON, {
    nullable: true,
    description: 'ASSUME_ROLE: ready to paste in IAM.',
  })
  async trustPolicy(@Root() { externalId }: ConnectionType, @Ctx() { services }: Context) {
    if (externalId === null) return null;
    const principal = await services.principalArn();
    return principal === null ? null : trustPolicy(principal, externalId);
  }

  @FieldResolver(() => GraphQLJSON, { description: 'Least privilege for imports.' })
  readPolicy(@Root() connection: ConnectionType, @Args(() => PolicyArgs) { kmsKey }: PolicyArgs) {
    return readPolicy(connection, checkedKey(kmsKey));
  }

  @FieldResolver(() => GraphQLJSON, { description: 'Least privilege for writebacks.' })
  writePolicy(@Root() connection: ConnectionType, @Args(() => PolicyArgs) { kmsKey }: PolicyArgs) {
    return writePolicy(connection, checkedKey(kmsKey));
  }

  @FieldResolver(() => [DatasetType], { description: 'Datasets that read through it, by name.' })
  async datasets(
    @Root() connection: ConnectionType,
    @Ctx() { loaders }: Context,
  ): Promise<Dataset[]> {
    return loaders.datasetsOfConnection.load(connection.id);
  }
}

function checkedKey(kmsKey: string | null | undefined): string | undefined {
  if (kmsKey == null) return undefined;
  if (/^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key\/[\w-]+$/.test(kmsKey)) return kmsKey;
  throw new AppError(
    'INVALID_INPUT',
    'kmsKey must be the ARN of a key: arn:aws:kms:eu-central-1:123456789012:key/…',
  );
}

/** What the API shows of a connection, name by name, so that a secret can never slip through. */
export function shown({ access, ...connection }: Connection): ConnectionType {
  const assumesRole = access.auth === 'ASSUME_ROLE';
  return {
    id: connection.id,
    name: access.name,
    auth: access.auth,
    roleArn: access.roleArn,
    roleSessionName: assumesRole ? access.roleSessionName : null,
    externalId: access.externalId,
    accessKeyId: access.accessKeyId,
    bucket: access.bucket,
    prefix: access.prefix,
    region: access.region,
    endpoint: access.endpoint,
    forcePathStyle: access.forcePathStyle,
    requestChecksums: access.requestChecksums,
    downloadThreads: access.downloadThreads,
    headers: Object.keys(access.headers).length > 0 ? access.headers : null,
    status: connection.status,
    statusReason: connection.statusReason,
    verifiedAt: connection.verifiedAt,
  };
}

const takeOverRisk =
  'The external id was taken over, not made here: make sure that nobody else uses it, or anyone who does can reach the role through bucketql; better, let the role trust an id made here';

/** The external id of a connection: its own, one to take over, or a new one. Every id belongs to one connection for ever. */
async function externalIdFor(
  session: Session,
  access: BucketAccess,
  before: BucketAccess | undefined,
): Promise<string | null> {
  if (access.auth !== 'ASSUME_ROLE') return null;
  if (access.externalId !== null && access.externalId !== before?.externalId) {
    if (await externalIdIsTaken(session, access.externalId)) {
      throw new AppError(
        'ALREADY_EXISTS',
        'This external id belongs, or belonged, to another connection; ids are never shared',
      );
    }
    return access.externalId;
  }
  const account = (arn: string | null | undefined) => arn?.split(':')[4];
  const sameAccount = account(access.roleArn) === account(before?.roleArn);
  if (before && before.externalId !== null && sameAccount) return before.externalId;
  // A UUID has 122 random bits: it is unique without asking, and nobody can guess another's.
  return `bucketql-${randomUUID()}`;
}

const namesOf = (users: readonly { readonly name: string }[]) => users.map(({ name }) => name);

const nameTaken = (name: string) =>
  new AppError('ALREADY_EXISTS', `There is a connection named ${name} already`, {
    details: { name },
  });
