import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GraphQLError } from 'graphql';
import { readConfig } from '../src/config.js';
import type { AppError } from '../src/errors.js';
import { errorFormatter } from '../src/graphql/errors.js';
import { openLog } from '../src/log.js';
import { importCsv, startTestService, type TestService } from './support/service.js';

// Texts that nothing else has a part of, each with the characters that escaping changes.
const planted = {
  secretAccessKey: 'Zq7Xv0pLANTEDsECRET/kEy+9wJkQz3',
  sessionToken: 'Wt4Yb6pLANTEDsESSION/tOkEn+8rHmVx5==',
  encryptionKey: 'Jd2Kg8pLANTEDsSEc/kEy+1nBvCx0Lq7Zw=',
  apiToken: 'Rf3Ts5pLANTEDaPI-tOkEn_6yUiOp',
  adminToken: 'Hg9Lk1pLANTEDaDMIN-tOkEn_4qWeRt',
  masterKey: 'Mn6Bv2pLANTED passphrase-of_this*one',
  previousKey: 'Cx8Za3pLANTED passphrase-before_it*was',
};

const asText = (message: unknown) =>
  String(message).replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** What of a secret can be read in some bytes: any ten characters of it, or all of it in base64, hex or an URL. */
function readable(bytes: Buffer): string[] {
  return Object.entries(planted).flatMap(([name, secret]) => {
    const found: string[] = [];
    for (let at = 0; at + 10 <= secret.length; at++) {
      const part = secret.slice(at, at + 10);
      if (bytes.includes(part)) found.push(`${name}: ${part}`);
    }
    const raw = Buffer.from(secret);
    for (const written of [
      raw.toString('base64').slice(0, -4),
      raw.toString('base64url').slice(0, -4),
      raw.toString('hex'),
      encodeURIComponent(secret),
    ]) {
      if (bytes.includes(written)) found.push(`${name}: ${written}`);
    }
    return found;
  });
}

function filesOf({ dataDir }: TestService): string[] {
  return readdirSync(dataDir, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(dataDir, name)).isFile(),
  );
}

function readableInFiles(service: TestService): string[] {
  return filesOf(service).flatMap((name) => readable(readFileSync(join(service.dataDir, name))));
}

describe('planted secrets', () => {
  const lines: string[] = [];
  const answers: string[] = [];
  const log = openLog('trace', { write: (line) => void lines.push(line) });
  let service: TestService;
  let echo: Server;
  let echoing: string;

  beforeAll(async () => {
    // A service that says in its errors everything it was sent, in the message and in members of its own.
    echo = createServer((request, response) => {
      const sent = request.rawHeaders.join(' ');
      response.writeHead(request.url?.startsWith('/denied') ? 403 : 400, {
        'content-type': 'application/xml',
      });
      response.end(
        request.method === 'HEAD'
          ? undefined
          : `<?xml version="1.0"?><Error><Code>InvalidToken</Code><Message>No: ${asText(sent)}</Message><Token-0>${String(request.headers['x-amz-security-token'])}</Token-0><StringToSign>${asText(sent)}</StringToSign></Error>`,
      );
    });
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    echoing = `http://127.0.0.1:${(echo.address() as AddressInfo).port}`;
    service = await startTestService(
      {
        BUCKETQL_API_TOKENS: planted.apiToken,
        BUCKETQL_ADMIN_TOKENS: planted.adminToken,
        BUCKETQL_SECRET_KEY: planted.previousKey,
        BUCKETQL_LOG_LEVEL: 'trace',
      },
      log,
    );
    await service.restart({
      BUCKETQL_ALLOWED_ENDPOINTS: `${service.sandbox.endpoint},${echoing}`,
      BUCKETQL_SECRET_KEY: planted.masterKey,
      BUCKETQL_SECRET_KEY_PREVIOUS: planted.previousKey,
    });
  });
  afterAll(async () => {
    await service.close();
    echo.closeAllConnections();
    await new Promise((resolve) => echo.close(resolve));
  });

  const send = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${service.app.url}${path}`, {
      ...init,
      headers: {
        authorization: `Bearer ${planted.apiToken}`,
        'content-type': 'application/json',
        ...(init.headers as Record<string, string> | undefined),
      },
    });
    const text = await response.text();
    answers.push(JSON.stringify([...response.headers]), text);
    return text;
  };
  const ask = async <T = Record<string, unknown>>(query: string, variables?: unknown) =>
    JSON.parse(await send('', { method: 'POST', body: JSON.stringify({ query, variables }) })) as {
      data?: T;
      errors?: { message: string; extensions: { code: string } }[];
    };
  const { secretAccessKey, sessionToken, encryptionKey } = planted;
  const input = (more: Record<string, unknown> = {}) => ({
    name: 'planted',
    auth: 'ACCESS_KEY',
    accessKeyId: 'AKIAPLANTED',
    secretAccessKey,
    sessionToken,
    bucket: service.bucket,
    region: 'us-east-1',
    endpoint: service.sandbox.endpoint,
    forcePathStyle: true,
    ...more,
  });
  const create = `mutation ($input: ConnectionInput!) { createConnection(input: $input) { id accessKeyId } }`;
  const made = async (more: Record<string, unknown>) => {
    const { data } = await ask<{ createConnection: { id: string } }>(create, {
      input: input(more),
    });
    return data?.createConnection.id ?? '';
  };

  it('are not in what GraphQL says about a request that does not fit', async () => {
    const fault = async (...request: Parameters<typeof ask>) => {
      const { errors = [] } = await ask(...request);
      expect(errors.length).toBeGreaterThan(0);
      return errors.map(({ message }) => message).join('\n');
    };
    await fault(create, { input: input({ name: 5 }) });
    // graphql-js quotes a whole input that has a member too many or too few.
    const quoted = await fault(create, { input: input({ encryptionKey }) });
    expect(quoted).toMatch(/secretAccessKey: .*\[redacted\].*"encryptionKey" is not defined/);
    await fault(create, { input: input({ bucket: undefined }) });
    await fault(create, { input: [input(), input()] });
    await fault(create, { input: JSON.stringify(input()) });
    await fault(create, { input: input({ secretAccessKey: [secretAccessKey] }) });
    await fault(create, { input: input({ sessionToken: { nested: [{ sessionToken }] } }) });
    await fault(create, { input: input({ name: '' }) });
    await fault(create, { input: input({ endpoint: 'http://169.254.169.254' }) });
    const literal = (given: string) =>
      `mutation { createConnection(input: {name: "x", bucket: "abc", region: "r", ${given}}) { id } }`;
    await fault(literal(`secretAccessKey: ["${secretAccessKey}"]`));
    await fault(literal(`secretAccessKey: {a: {b: "${secretAccessKey}"}}`));
    await fault(literal(`sessionToken: """${sessionToken}""", roleArn: 1`));
    await fault(literal(`encryptionKey: "${encryptionKey}"`));
    await fault(
      `mutation { createConnection(input: ${JSON.stringify(JSON.stringify(input()))}) { id } }`,
    );
    // No GraphQL at all.
    await fault(literal(`secretAccessKey "${secretAccessKey}"`));
    await fault(literal(`secretAccessKey: "${secretAccessKey}" "`));
    await fault(
      `mutation ($k: Int) { createConnection(input: {name: "x", bucket: "abc", region: "r", secretAccessKey: $k}) { id } }`,
      { k: secretAccessKey },
    );
    await fault(
      `mutation ($k: Int = "${secretAccessKey}") { createConnection(input: {name: "x", bucket: "abc", region: "r", secretAccessKey: $k}) { id } }`,
    );
    await fault(
      `mutation ($destination: Int = {encryptionKey: "${encryptionKey}"}) { createWriteback(input: {destination: $destination}) { id } }`,
    );
    await fault(create, [input()]);
  });

  it('are not in what the server says about a request that it cannot read', async () => {
    const body = JSON.stringify({ query: create, variables: { input: input() } });
    const post = (sent: string, headers: Record<string, string> = {}) =>
      send('', { method: 'POST', body: sent, headers });
    expect(await post(body.slice(0, -1))).toContain('INVALID_INPUT');
    await post(body.replace('"secretAccessKey":"', '"secretAccessKey":'));
    await post(body, { 'content-type': 'text/plain' });
    await post(body, { authorization: `Bearer ${planted.apiToken.slice(0, -1)}` });
    await post(JSON.stringify({ query: 5, variables: JSON.stringify({ input: input() }) }));
    await post(JSON.stringify([JSON.parse(body)]));
    const search = (variables: string) => new URLSearchParams({ query: create, variables });
    const get = (variables: string) =>
      send(`?${search(variables).toString()}`, { headers: { 'apollo-require-preflight': '1' } });
    await get(JSON.stringify({ input: input({ name: 5 }) }));
    await get(JSON.stringify({ input: input() }).slice(0, -1));
  });

  it('are not in what checks, imports, previews and writebacks say when the service refuses them', async () => {
    const owner = service.sandbox.createUser({ accountId: service.customer, name: 'owner-of-id' });
    const ids = [
      await made({ name: 'unknown key' }),
      await made({ name: 'wrong signature', accessKeyId: owner.accessKeyId, sessionToken: null }),
      await made({ name: 'wrong token', accessKeyId: owner.accessKeyId }),
      await made({ name: 'echo', endpoint: echoing }),
      await made({ name: 'echo denied', endpoint: echoing, bucket: 'denied' }),
    ];
    const format = { type: 'CSV' };
    for (const [index, id] of ids.entries()) {
      const { data } = await ask<{ testConnection: { connection: { status: string } } }>(
        `mutation { testConnection(id: "${id}", write: true) { connection { status statusReason } checks { name outcome message } } }`,
      );
      expect(data?.testConnection.connection.status).toBe('INVALID');
      const read = await ask(
        `query ($s: SelectionInput!) { objects(connection: "${id}", selection: $s) { key } folders(connection: "${id}") }`,
        { s: {} },
      );
      expect(read.errors?.length).toBeGreaterThan(0);
      const dataset = { name: `refused_${index}`, connection: id, selection: {}, format };
      await ask(`mutation ($d: DatasetInput!) { createDataset(input: $d) { id } }`, { d: dataset });
      const run = await ask<{ importDataset: { status: string } }>(
        `mutation { importDataset(name: "refused_${index}", wait: true) { status error { code message details } } }`,
      );
      expect(run.data?.importDataset.status).toBe('FAILED');
    }
    await service.sandbox.putObject(service.bucket, 'in/a.csv', 'id\n1\n');
    const connection = await service.connect('good');
    expect(
      await importCsv(service, { name: 'good', connection, selection: { prefix: 'in/' } }),
    ).toMatchObject({ status: 'SUCCEEDED' });
    for (const id of ids) {
      const { data } = await ask<{ run: { status: string } }>(
        `mutation ($d: DestinationInput!) { run: writebackGood(destination: $d, wait: true) { status error { code message details } } }`,
        { d: { connection: id, path: 'out', fileName: 'x', format: 'CSV' } },
      );
      expect(data?.run.status).toBe('FAILED');
    }
    const update = `mutation ($input: ConnectionInput!) { updateConnection(id: "${ids[0]}", input: $input) { id } }`;
    await ask(update, { input: input({ name: 'unknown key', region: 'NO REGION' }) });
    await ask(update, { input: input({ name: 'echo' }) });
    await ask(
      `{ connections { name accessKeyId status statusReason headers } runs { status error { message details } } }`,
    );
    // Any S3 error that ends in one of our messages was among them.
    expect(answers.join('')).toMatch(/SignatureDoesNotMatch|signature/);
    expect(answers.join('')).toContain('InvalidToken');
    expect(answers.join('')).toContain('[redacted]');
    // While the service runs there is a write-ahead log too.
    expect(filesOf(service)).toContain('bucketql.duckdb.wal');
    expect(readableInFiles(service)).toEqual([]);
  }, 120_000);

  it('are not in an internal error, whose log line has the rest of it', () => {
    const before = lines.length;
    const format = errorFormatter(log, () => [encryptionKey]);
    const cause = Object.assign(new Error(`cannot bind '${secretAccessKey}'`), {
      $response: { headers: { 'x-amz-security-token': sessionToken } },
    });
    const error = new GraphQLError('boom', {
      originalError: new Error(`no room for ${encryptionKey}`, { cause }),
    });
    const answer = format(error.toJSON(), error);
    answers.push(JSON.stringify(answer));
    expect(answer.extensions?.code).toBe('INTERNAL');
    expect(JSON.parse(lines[before] ?? '')).toMatchObject({
      level: 50,
      err: {
        message: 'no room for [redacted]',
        stack: expect.stringContaining('secrets.test'),
        cause: { message: "cannot bind '[redacted]'" },
      },
    });
  });

  it('are not in the one message of a start with the wrong key', async () => {
    const restart = service.restart({ BUCKETQL_SECRET_KEY: 'another passphrase' });
    const error = await restart.then(
      () => undefined,
      (reason: unknown) => reason as AppError,
    );
    expect(error?.message).toMatch(/^\d+ stored secrets need key [0-9a-f]{12} /);
    answers.push(String(error?.stack), JSON.stringify(error?.details));
    expect(() =>
      readConfig({
        BUCKETQL_SECRET_KEY: `${planted.masterKey},`,
        BUCKETQL_SECRET_KEY_PREVIOUS: planted.previousKey.slice(0, 12),
        BUCKETQL_API_TOKENS: planted.apiToken,
      }),
    ).toThrow(/BUCKETQL_SECRET_KEY: must not have a comma.*_PREVIOUS.*at least 16 characters/);
  });

  it('are nowhere: no log line, no answer, no file', () => {
    expect(lines.length).toBeGreaterThan(10);
    expect(answers.length).toBeGreaterThan(50);
    expect(readable(Buffer.from(lines.join('')))).toEqual([]);
    expect(answers.filter((answer) => readable(Buffer.from(answer)).length > 0)).toEqual([]);
    expect(filesOf(service)).toContain('bucketql.duckdb');
    expect(readableInFiles(service)).toEqual([]);
  });
});
