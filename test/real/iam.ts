import { createHash, createHmac } from 'node:crypto';

/**
 * One IAM call, signed with Signature Version 4 here and not by the SDK, so that a second hand proves the signatures.
 * Documents are sent as JSON.
 */
export async function callIam(
  to: {
    readonly endpoint: string;
    readonly region: string;
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
  },
  action: string,
  input: Readonly<Record<string, string | object>>,
): Promise<void> {
  const form = new URLSearchParams({ Action: action, Version: '2010-05-08' });
  for (const [name, value] of Object.entries(input)) {
    form.set(name, typeof value === 'string' ? value : JSON.stringify(value));
  }
  const body = form.toString();
  const { host } = new URL(to.endpoint);
  const now = `${new Date().toISOString().replace(/[-:]|\.\d+/g, '')}`;
  const scope = `${now.slice(0, 8)}/${to.region}/iam/aws4_request`;
  const headers = { 'content-type': 'application/x-www-form-urlencoded', host, 'x-amz-date': now };
  const names = Object.keys(headers).join(';');
  const canonical = [
    'POST',
    '/',
    '',
    ...Object.entries(headers).map(([name, value]) => `${name}:${value}`),
    '',
    names,
    sha256(body),
  ].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', now, scope, sha256(canonical)].join('\n');
  const key = scope
    .split('/')
    .reduce((secret: string | Buffer, part) => hmac(secret, part), `AWS4${to.secretAccessKey}`);
  const signature = hmac(key, toSign).toString('hex');
  const response = await fetch(to.endpoint, {
    method: 'POST',
    headers: {
      'content-type': headers['content-type'],
      'x-amz-date': now,
      authorization: `AWS4-HMAC-SHA256 Credential=${to.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
    },
    body,
  });
  if (!response.ok) {
    throw new Error(`${action} answered ${response.status}: ${await response.text()}`);
  }
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string) =>
  createHmac('sha256', key).update(text).digest();
