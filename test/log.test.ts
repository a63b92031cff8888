import { describe, expect, it } from '@jest/globals';
import { AppError } from '../src/errors.js';
import { openLog, without } from '../src/log.js';

describe('the log', () => {
  const opened = () => {
    const lines: string[] = [];
    const log = openLog('trace', { write: (line) => void lines.push(line) });
    const last = () => JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>;
    return { log, last, lines };
  };

  it('writes a line of JSON with members and message', () => {
    const { log, last } = opened();
    log.info({ count: 2n, at: new Date(0), list: ['a', null] }, 'done %s', 'x');
    expect(last()).toEqual({
      level: 30,
      time: expect.any(String),
      count: 2,
      at: '1970-01-01T00:00:00.000Z',
      list: ['a', null],
      msg: 'done x',
    });
  });

  it('writes of an error what is made to be read, and none of its other members', () => {
    const { log, last, lines } = opened();
    const cause = Object.assign(new Error('Bad signature'), {
      name: 'SignatureDoesNotMatch',
      Code: 'SignatureDoesNotMatch',
      StringToSign: 'AWS4-HMAC-SHA256…',
      $metadata: { httpStatusCode: 403 },
      $response: { headers: { authorization: 'AWS4…' } },
    });
    log.error({ err: new AppError('S3_ERROR', 'No', { details: { key: 'a' }, cause }) }, 'failed');
    expect(last()).toEqual({
      level: 50,
      time: expect.any(String),
      err: {
        name: 'AppError',
        message: 'No',
        code: 'S3_ERROR',
        details: { key: 'a' },
        stack: expect.stringContaining('log.test'),
        cause: {
          name: 'SignatureDoesNotMatch',
          message: 'Bad signature',
          stack: expect.any(String),
        },
      },
      msg: 'failed',
    });
    log.error(cause);
    expect(last().err).toMatchObject({ message: 'Bad signature' });
    expect(lines.join('')).not.toMatch(/AWS4/);
  });

  it('writes nothing that stands under the name of a secret, however deep', () => {
    const { log, lines } = opened();
    log.info({
      secretAccessKey: 'S1',
      headers: { Authorization: 'S2', 'X-Amz-Security-Token': 'S3' },
      a: [{ b: { c: { d: { sessionToken: 'S4' } } } }],
      err: { details: { encryptionKey: 'S5' } },
      bytes: Buffer.from('S6'),
    });
    expect(lines.join('')).not.toMatch(/S\d/);
    expect(lines.join('')).not.toContain('83,54');
  });

  it('survives a cycle', () => {
    const { log, lines } = opened();
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    log.info(cycle, 'round');
    expect(lines.join('')).toContain('round');
  });

  it('shows a hidden text nowhere, in none of its writings', () => {
    const { log, last, lines } = opened();
    const secret = 'a"secret/of=ours';
    log.hide(secret);
    log.warn({ key: secret, quoted: JSON.stringify({ secret }) }, `no ${secret}`);
    log.warn(new Error(`Bearer ${Buffer.from(secret).toString('base64')}`));
    log.warn(`0x${Buffer.from(secret).toString('hex')} ${encodeURIComponent(secret)}`);
    expect(last().msg).toBe('0x[redacted] [redacted]');
    expect(lines.join('')).not.toMatch(/secret.of/);
    expect(log.scrub({ message: `a ${secret}`, at: 3 })).toEqual({
      message: 'a [redacted]',
      at: 3,
    });
  });

  it('does not hide texts so short that they are no secrets', () => {
    expect(without('the key is key', ['key', ''])).toBe('the key is key');
    expect(without('the key is longenough', ['longenough'])).toBe('the key is [redacted]');
  });
});
