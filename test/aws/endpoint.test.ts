import { describe, expect, it } from '@jest/globals';
import {
  allowedEndpoint,
  configuredEndpoint,
  guardedLookup,
  requireAllowed,
  type Resolver,
} from '../../src/aws/endpoint.js';
import { isAppError } from '../../src/errors.js';

function refusalOf(endpoint: string, allowed: readonly string[] = []): string | undefined {
  try {
    requireAllowed(endpoint, allowed);
    return undefined;
  } catch (error) {
    return isAppError(error) ? `${error.code}: ${error.message}` : String(error);
  }
}

describe('endpoints', () => {
  it.each([
    'http://169.254.169.254',
    'http://[::ffff:169.254.169.254]',
    'http://[fd00:ec2::254]',
    'http://[::1]',
    'http://[::ffff:127.0.0.1]',
    'http://[::ffff:7f00:1]',
    'http://127.0.0.1',
    'http://127.1',
    'http://0x7f.1',
    'http://0177.0.0.1',
    'http://2130706433',
    'http://①②⑦.0.0.1',
    'http://0.0.0.0',
    'http://0',
    'http://[::]',
    'http://localhost',
    'http://LOCALHOST.',
    'http://10.0.0.1',
    'http://minio.example.com',
    'https://minio.example.com:8443',
    'https://minio.example.com.evil.example',
    'https://minio.example.com@evil.example',
    'https://evil.example#minio.example.com',
    'https://evil.example\\@minio.example.com',
    'https://user:pass@minio.example.com',
    'https://minio.example.com?x',
    'https://minio.example.com..',
    'ftp://minio.example.com',
    'file:///etc/passwd',
    'minio.example.com',
    '',
    // AWS's names, but not S3's: what stands behind them is anybody's.
    'https://my-balancer-1.us-east-1.elb.amazonaws.com',
    'https://s3-1.us-east-1.elb.amazonaws.com',
    'https://ec2-1-2-3-4.compute-1.amazonaws.com',
    'https://x.vpce-1-a.s3.us-east-1.vpce.amazonaws.com',
    'https://s3.amazonaws.com.evil.example',
    'https://evils3.amazonaws.com',
    'http://s3.amazonaws.com',
    'https://s3.amazonaws.com:8443',
  ])('are refused when configuration does not list them: %s', (endpoint) => {
    expect(refusalOf(endpoint, ['https://minio.example.com'])).toMatch(/^ENDPOINT_NOT_ALLOWED/);
  });

  it.each([
    ['https://minio.example.com', 'HTTPS://MINIO.Example.com.:443/'],
    ['https://MINIO.example.com:443/', 'https://minio.example.com'],
    ['http://minio.example.com:9000!private', 'http://minio.example.com:9000'],
    ['http://127.0.0.1:9000', 'http://127.0.0.1:9000/'],
    ['http://127.0.0.1:9000', 'http://127.1:9000'],
    ['http://[::1]:9000', 'http://[0:0:0:0:0:0:0:1]:9000'],
    ['http://localhost:9000', 'http://LocalHost.:9000'],
    ['https://minio.example.com', 'https://minio.example.com/storage/s3'],
    ['https://münchen.example', 'https://xn--mnchen-3ya.example'],
  ])('listed as %s may be written %s', (entry, endpoint) => {
    expect(refusalOf(endpoint, ['https://other.example', entry])).toBeUndefined();
  });

  it.each([
    's3.amazonaws.com',
    's3.eu-west-1.amazonaws.com',
    's3-us-west-2.amazonaws.com',
    's3.dualstack.eu-west-1.amazonaws.com',
    's3-fips.us-gov-west-1.amazonaws.com',
    's3-accelerate.amazonaws.com',
    's3.cn-north-1.amazonaws.com.cn',
  ])('of AWS need no entry: %s', (host) => {
    expect(allowedEndpoint(`https://${host}`, []).isAws).toBe(true);
  });

  it('of AWS that only name the region are left to the SDK, so that a corrected region counts', () => {
    expect(allowedEndpoint('https://s3.eu-west-1.amazonaws.com/', []).url).toBeNull();
    const dualstack = 'https://s3.dualstack.eu-west-1.amazonaws.com/';
    expect(allowedEndpoint(dualstack, []).url).toBe(dualstack);
  });

  it('at a metadata service or at no address of a server are refused although they are listed', () => {
    for (const endpoint of ['http://169.254.169.254', 'http://0.0.0.0:9000', 'http://[ff02::1]']) {
      expect(refusalOf(endpoint, [endpoint])).toMatch(/never called/);
    }
  });

  it('keep secrets out of the message', () => {
    const secret = 's3cr3t';
    for (const url of [`http://u:${secret}@h`, `http://h/?k=${secret}`, `ftp://u:${secret}@h`]) {
      expect(refusalOf(url, ['http://h'])).toMatch(/^ENDPOINT_NOT_ALLOWED(?!.*s3cr3t)/);
    }
  });

  it('of configuration are allowed because they stand there', () => {
    expect(configuredEndpoint('http://sts.example:9000', []).reaches).toEqual(['public']);
    expect(configuredEndpoint('http://sts.example:9000!private', [])).toMatchObject({
      url: 'http://sts.example:9000/',
      reaches: ['public', 'private'],
    });
    expect(() => configuredEndpoint('http://169.254.169.254', [])).toThrow(/never called/);
  });
});

describe('a name', () => {
  const resolveAs = (endpoint: string, entries: string[], resolve: Resolver, all = true) => {
    const lookup = guardedLookup(allowedEndpoint(endpoint, entries), resolve);
    return new Promise((done) => {
      lookup('name.example', { all }, (error, address, family) =>
        done(error ? error.code : all ? address : [address, family]),
      );
    });
  };
  const answers =
    (...addresses: string[]): Resolver =>
    () =>
      Promise.resolve(
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
  const refused = 'ENDPOINT_NOT_ALLOWED';
  const origin = 'http://minio.example';

  it.each([
    ['127.0.0.1', refused, refused, true],
    ['::1', refused, refused, true],
    ['::ffff:127.0.0.1', refused, refused, true],
    ['10.1.2.3', refused, true, refused],
    ['192.168.0.1', refused, true, refused],
    ['100.64.0.1', refused, true, refused],
    ['fd00::1', refused, true, refused],
    ['169.254.1.1', refused, refused, refused],
    ['169.254.169.254', refused, refused, refused],
    ['fd00:ec2::254', refused, refused, refused],
    ['0.0.0.0', refused, refused, refused],
    ['224.0.0.1', refused, refused, refused],
    ['93.184.216.34', true, true, refused],
  ])(
    'that resolves to %s: listed %s, as !private %s, as localhost %s',
    async (address, ...rows) => {
      const expected = rows.map((row) =>
        row === true ? [{ address, family: address.includes(':') ? 6 : 4 }] : row,
      );
      const resolve = answers(address);
      expect([
        await resolveAs(origin, [origin], resolve),
        await resolveAs(origin, [`${origin}!private`], resolve),
        await resolveAs('http://localhost', ['http://localhost'], resolve),
      ]).toEqual(expected);
    },
  );

  it('is refused when one of its addresses is', async () => {
    const mixed = answers('93.184.216.34', '10.0.0.1');
    expect(await resolveAs(origin, [origin], mixed)).toBe(refused);
  });

  it('is answered in either form that sockets ask for', async () => {
    const resolve = answers('93.184.216.34');
    expect(await resolveAs(origin, [origin], resolve, false)).toEqual(['93.184.216.34', 4]);
  });

  it('without an address is not found, and a failure of the resolver stays what it is', async () => {
    expect(await resolveAs(origin, [origin], answers())).toBe('ENOTFOUND');
    const failing = () => Promise.reject(Object.assign(new Error('later'), { code: 'EAI_AGAIN' }));
    expect(await resolveAs(origin, [origin], failing)).toBe('EAI_AGAIN');
  });

  it('is checked each time, so one that changes its mind is refused', async () => {
    const turns = [answers('93.184.216.34'), answers('127.0.0.1')];
    const resolve: Resolver = (name) => (turns.shift() as Resolver)(name);
    expect(await resolveAs(origin, [origin], resolve)).toHaveLength(1);
    expect(await resolveAs(origin, [origin], resolve)).toBe(refused);
  });

  it('of AWS may be private inside a VPC, and nothing else', async () => {
    const at = (address: string) =>
      resolveAs('https://s3.eu-west-1.amazonaws.com', [], answers(address));
    expect(await at('10.0.0.1')).toHaveLength(1);
    expect(await at('127.0.0.1')).toBe(refused);
    expect(await at('169.254.169.254')).toBe(refused);
  });

  it('that is refused does not tell its address', async () => {
    const lookup = guardedLookup(allowedEndpoint(origin, [origin]), answers('10.1.2.3'));
    const error = await new Promise((done) => lookup('minio.example', {}, done));
    expect(JSON.stringify(error)).not.toContain('10.1.2.3');
    expect(String(error)).toMatch(/minio\.example resolves to a private address.*!private/);
    expect(String(error)).not.toContain('10.1.2.3');
  });
});
