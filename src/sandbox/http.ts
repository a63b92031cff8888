import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  createBucket,
  deleteBucket,
  getBucketLocation,
  headBucket,
  listBuckets,
} from './buckets.js';
import { copyObject, uploadPartCopy } from './copy.js';
import { payloadOf } from './exchange.js';
import type { Answer, Handler, World } from './exchange.js';
import {
  faultMessages,
  hangUp,
  heardHeaders,
  sendFaulty,
  toldHeaders,
  withhold,
} from './faults.js';
import type { Fault, FaultRequest } from './faults.js';
import { listObjects, listObjectsV2 } from './listing.js';
import {
  abortMultipartUpload,
  completeMultipartUpload,
  createMultipartUpload,
  uploadPart,
} from './multipart.js';
import { deleteObject, deleteObjects, getObject, putObject } from './objects.js';
import { readAll } from './payload.js';
import { operationOf, readAddress } from './route.js';
import type { Address, Operation } from './route.js';
import { isServiceError, ServiceError } from './service-error.js';
import { sha256, verifySignature } from './signature.js';
import type { PayloadClaim, Verified } from './signature.js';
import { getObjectTagging, putObjectTagging } from './tagging.js';
import { answerSts, stsErrorDocument } from './sts.js';
import { listMultipartUploads, listParts } from './upload-listing.js';
import { xmlDocument } from './xml.js';

const handlers: Readonly<Record<Operation, Handler>> = {
  ListBuckets: listBuckets,
  CreateBucket: createBucket,
  HeadBucket: headBucket,
  DeleteBucket: deleteBucket,
  GetBucketLocation: getBucketLocation,
  ListObjects: listObjects,
  ListObjectsV2: listObjectsV2,
  DeleteObjects: deleteObjects,
  GetObject: getObject,
  HeadObject: getObject,
  PutObject: putObject,
  CopyObject: copyObject,
  DeleteObject: deleteObject,
  GetObjectTagging: getObjectTagging,
  PutObjectTagging: putObjectTagging,
  CreateMultipartUpload: createMultipartUpload,
  UploadPart: uploadPart,
  UploadPartCopy: uploadPartCopy,
  CompleteMultipartUpload: completeMultipartUpload,
  AbortMultipartUpload: abortMultipartUpload,
  ListParts: listParts,
  ListMultipartUploads: listMultipartUploads,
};

/** One line of the log of what was asked. */
export interface RequestRecord {
  /** S3's operation, or STS's action; the method and path when it is neither. */
  operation: string;
  method: string;
  bucket?: string;
  key?: string;
  /** 0 until there is an answer, and for good when the connection ended first. */
  status: number;
  /** The ARN of who asked, once its signature was found right. */
  principal?: string;
  sessionName?: string;
}

/** What the listener tells and asks beside answering. */
export interface Observer {
  /** Called when a request arrives; the record fills while it is answered. */
  record(record: RequestRecord): void;
  fault(request: Omit<FaultRequest, 'attempt'>): Fault | undefined;
}

/** Everything known about one request while it is answered. */
interface Visit {
  readonly world: World;
  readonly observer: Observer;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly record: RequestRecord;
  fault: Fault | undefined;
  isSts: boolean;
}

/** Thrown to leave a request without an answer. */
class Hangup extends Error {}

/** Answers S3 and STS requests from the given world. */
export function createListener(world: World, observer: Observer): RequestListener {
  return (request, response) => {
    const visit: Visit = {
      world,
      observer,
      request,
      response,
      requestId: randomBytes(8).toString('hex').toUpperCase(),
      record: { operation: '', method: request.method ?? '', status: 0 },
      fault: undefined,
      isSts: false,
    };
    observer.record(visit.record);
    void serve(visit);
  };
}

async function serve(visit: Visit): Promise<void> {
  const { response } = visit;
  let reply: Answer | undefined;
  try {
    reply = await answer(visit);
    await send(visit, reply);
  } catch (error) {
    if (reply?.body instanceof Readable) reply.body.destroy();
    if (error instanceof Hangup || response.headersSent) {
      hangUp(response);
      return;
    }
    if (!isServiceError(error)) console.error('The sandbox failed on a request:', error);
    await send(visit, errorAnswer(visit, asServiceError(error))).catch(() => undefined);
  }
}

async function answer(visit: Visit): Promise<Answer> {
  const { request, record } = visit;
  record.operation = `${record.method} ${request.url}`;
  const address = readAddress(request.url ?? '/', request.headers.host);
  visit.isSts =
    address.rawPath === '/' &&
    address.bucketName === '' &&
    (record.method === 'POST' || address.query.has('Action'));
  if (visit.isSts) return stsAnswer(visit, address);

  const operation = operationOf(record.method, address, request.headers);
  record.operation = operation;
  if (address.bucketName !== '') record.bucket = address.bucketName;
  if (address.key !== '') record.key = address.key;
  meetFault(visit, address);

  const verified = authenticate(visit, address, 's3');
  const claim: PayloadClaim = verified?.payload ?? { kind: 'unsigned' };
  return handlers[operation]({
    world: visit.world,
    operation,
    bucketName: address.bucketName,
    key: address.key,
    query: address.query,
    headers: heardHeaders(request.headers, visit.fault),
    identity: verified?.credential.identity,
    region: verified?.region ?? visit.world.region,
    payload: payloadOf(request, claim),
    etagOf: ({ etag }) =>
      visit.fault?.kind === 'changedETag'
        ? `"${createHash('md5').update(etag).digest('hex')}"`
        : etag,
  });
}

async function stsAnswer(visit: Visit, address: Address): Promise<Answer> {
  const { request, record } = visit;
  const body = record.method === 'POST' ? await readAll(request, 64 * 1024) : Buffer.alloc(0);
  const parameters =
    record.method === 'POST' ? new URLSearchParams(body.toString('utf8')) : address.query;
  record.operation = parameters.get('Action') ?? 'STS';
  meetFault(visit, address);
  const verified = authenticate(visit, address, 'sts', sha256(body));
  const identity = verified?.credential.identity;
  return {
    status: 200,
    headers: { 'Content-Type': 'text/xml' },
    body: answerSts(visit.world, identity, parameters, visit.requestId),
  };
}

function meetFault(visit: Visit, address: Address): void {
  const { record, request } = visit;
  visit.fault = visit.observer.fault({
    operation: record.operation,
    method: record.method,
    ...(record.bucket !== undefined && { bucket: record.bucket }),
    ...(record.key !== undefined && { key: record.key }),
    query: address.query,
    headers: request.headers,
  });
  if (visit.fault?.kind === 'reset') throw new Hangup();
  if (visit.fault?.kind === 'status') {
    const { status, code, message } = visit.fault;
    throw new ServiceError(status, code, message ?? faultMessages[code] ?? code);
  }
}

function authenticate(
  visit: Visit,
  { rawPath, query }: Address,
  service: 's3' | 'sts',
  bodyHash?: string,
): Verified | undefined {
  const { world, request, record } = visit;
  const verified = verifySignature(
    { method: record.method, rawPath, query, headers: request.headers },
    {
      service,
      now: world.clock(),
      lookup: (accessKeyId) => world.accounts.credential(accessKeyId),
      ...(bodyHash !== undefined && { bodyHash }),
    },
  );
  const identity = verified?.credential.identity;
  if (identity !== undefined) {
    record.principal = identity.arn;
    if (identity.sessionName !== undefined) record.sessionName = identity.sessionName;
  }
  return verified;
}

function errorAnswer(visit: Visit, error: ServiceError): Answer {
  const { requestId, isSts, request } = visit;
  const body = isSts
    ? stsErrorDocument(error, requestId)
    : xmlDocument('Error', {
        Code: error.code,
        Message: error.message,
        ...error.fields,
        Resource: request.url?.split('?')[0],
        RequestId: requestId,
        HostId: 'sandbox',
      });
  return {
    status: error.status,
    headers: { ...error.headers, 'Content-Type': isSts ? 'text/xml' : 'application/xml' },
    body,
  };
}

function asServiceError(error: unknown): ServiceError {
  if (isServiceError(error)) return error;
  return new ServiceError(500, 'InternalError', faultMessages['InternalError']!);
}

async function send(visit: Visit, answer: Answer): Promise<void> {
  const { response, record, world, requestId } = visit;
  if (visit.request.socket.destroyed) {
    if (answer.body instanceof Readable) answer.body.destroy();
    return;
  }
  const head = record.method === 'HEAD';
  const body = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body;
  const length = body instanceof Readable ? answer.length : (body?.length ?? answer.length ?? 0);
  const bodiless = answer.status === 204 || answer.status === 304;

  // After a status fault the answer itself is as it should be.
  const fault = visit.fault;
  const shaped =
    fault?.kind === 'cutBody' || fault?.kind === 'stall' || fault?.kind === 'slow'
      ? fault
      : undefined;
  if (shaped && shaped.kind !== 'slow' && (head || bodiless || !length)) {
    if (body instanceof Readable) body.destroy();
    await withhold(response, shaped.kind);
    return;
  }

  response.statusCode = answer.status;
  record.status = answer.status;
  response.setHeader('Date', world.clock().toUTCString());
  response.setHeader('Server', 'bucketql-sandbox');
  response.setHeader(visit.isSts ? 'x-amzn-RequestId' : 'x-amz-request-id', requestId);
  const told = toldHeaders(answer.headers ?? {}, fault);
  for (const [name, value] of Object.entries(told)) response.setHeader(name, value);
  // An error to HEAD has no body, and says nothing of the length it would have had.
  if (!bodiless && !(head && answer.status >= 300))
    response.setHeader('Content-Length', length ?? 0);

  if (head || bodiless || body === undefined) {
    response.end();
  } else if (shaped) {
    await sendFaulty(response, body, shaped);
  } else if (body instanceof Readable) {
    await pipeline(body, response);
  } else {
    response.end(body);
  }
}
