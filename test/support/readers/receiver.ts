import { createHash } from 'node:crypto';
import { GetObjectCommand, S3Client, type GetObjectCommandOutput } from '@aws-sdk/client-s3';
import type { ColumnType } from '../../../src/columns.js';
import type { TestService } from '../service.js';
import { startForeignReaders } from './foreign.js';
import { inflated } from './inflated.js';
import { readParquet } from './parquet.js';
import { shown, type Cell, type ReadColumn, type ReadTable } from './shown.js';
import { readDelimited, readJson, readNdjson } from './text.js';
import { readWorkbook } from './workbook.js';
import { readXml } from './xml.js';

/** The formats that a receiver can read. */
export type Format = 'CSV' | 'TSV' | 'NDJSON' | 'JSON' | 'XML' | 'XLSX' | 'PARQUET';

/** How S3 encrypts an object, as destinations name it. */
export const encryptions = ['NONE', 'SSE_S3', 'SSE_KMS', 'SSE_C'] as const;
export type Encryption = (typeof encryptions)[number];

/** What a run of a writeback answers. */
export interface WritebackAnswer {
  readonly status: string;
  readonly rows: string;
  readonly bytes: string;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly objects: readonly {
    readonly key: string;
    readonly bytes: string;
    readonly rows: string;
    readonly checksum: string;
    readonly etag: string;
  }[];
}

const customerKey = createHash('sha256').update('a key of the receiver').digest('base64');
const kmsKeyId = 'arn:aws:kms:us-east-1:222222222222:key/reports';

/** What a destination says to have an object encrypted. */
export const encryptionInput: Readonly<Record<Encryption, object>> = {
  NONE: {},
  SSE_S3: { encryption: 'SSE_S3' },
  SSE_KMS: { encryption: 'SSE_KMS', kmsKeyId },
  SSE_C: { encryption: 'SSE_C', encryptionKey: customerKey },
};

/** What S3 says of an object written so; it encrypts with a key of its own what asks for nothing. */
export const encryptionReply: Readonly<Record<Encryption, Partial<GetObjectCommandOutput>>> = {
  NONE: { ServerSideEncryption: 'AES256' },
  SSE_S3: { ServerSideEncryption: 'AES256' },
  SSE_KMS: { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: kmsKeyId },
  SSE_C: { SSECustomerAlgorithm: 'AES256' },
};

/** Who gets what writebacks write: asks for it, takes it out of the bucket and reads it with nothing of ours. */
export interface Receiver {
  /** Sends a writeback's mutation, in which DESTINATION stands for the destination, and waits. */
  write(field: string, destination: object): Promise<WritebackAnswer>;
  /** An object as S3 gives it. */
  fetch(key: string, encryption?: Encryption): Promise<GetObjectCommandOutput & { bytes: Buffer }>;
  /** What a file says. @param name of the file, with the suffixes of its format and compression */
  read(
    file: { readonly name: string; readonly bytes: Buffer },
    format: Format,
    compression: string,
    columns: readonly ReadColumn[],
  ): Promise<ReadTable & { readonly types?: readonly ColumnType[] }>;
  /** What a query field of GraphQL shows of these columns. */
  shown(field: string, columns: readonly ReadColumn[]): Promise<Cell[][]>;
  close(): Promise<void>;
}

/** A receiver with the bucket owner's rights. */
export function receiverOf(service: TestService): Receiver {
  const readers = startForeignReaders();
  const owner = new S3Client({
    endpoint: service.sandbox.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: service.sandbox.createUser({ accountId: service.customer, name: 'receiver' }),
  });
  const table = (format: Format, bytes: Buffer, columns: readonly ReadColumn[]) => {
    switch (format) {
      case 'CSV':
        return readDelimited(bytes, columns, ',');
      case 'TSV':
        return readDelimited(bytes, columns, '\t');
      case 'NDJSON':
        return readNdjson(bytes, columns);
      case 'JSON':
        return readJson(bytes, columns);
      case 'XML':
        return readXml(bytes, columns);
      case 'XLSX':
        return readWorkbook(bytes, columns);
      case 'PARQUET':
        return readParquet(readers, bytes);
    }
  };
  return {
    async write(field, destination) {
      const { run } = await service.data<{ run: WritebackAnswer }>(
        `mutation ($destination: DestinationInput!) {
          run: ${field.replace('DESTINATION', 'destination: $destination, wait: true')} {
            status rows bytes error { code message } objects { key bytes rows checksum etag }
          }
        }`,
        { destination },
      );
      return run;
    },
    async fetch(key, encryption = 'NONE') {
      const reply = await owner.send(
        new GetObjectCommand({
          Bucket: service.bucket,
          Key: key,
          ...(encryption === 'SSE_C' && {
            SSECustomerAlgorithm: 'AES256',
            SSECustomerKey: customerKey,
          }),
        }),
      );
      const bytes = Buffer.from((await reply.Body?.transformToByteArray()) ?? []);
      return { ...reply, bytes };
    },
    async read({ name, bytes }, format, compression, columns) {
      const member = name.replace(/\.zip$/, '');
      return table(format, await inflated(readers, bytes, compression, member), columns);
    },
    async shown(field, columns) {
      const { rows } = await service.data<{ rows: Record<string, unknown>[] }>(
        `{ rows: ${field} { ${columns.map(({ name }) => name).join(' ')} } }`,
      );
      return rows.map((row) => columns.map(({ name, type }) => shown(row[name], type)));
    },
    async close() {
      owner.destroy();
      await readers.close();
    },
  };
}
