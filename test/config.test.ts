import { describe, expect, it } from '@jest/globals';
import { readConfig, settingNames } from '../src/config.js';

describe('the configuration', () => {
  it('has defaults for everything and listens on the loopback address', () => {
    const config = readConfig({});
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 4000,
      apiTokens: [],
      maxLimit: 100_000,
    });
    expect(Object.isFrozen(config)).toBe(true);
    expect(settingNames.length).toBe(Object.keys(config).length);
  });

  it('listens to the outside only with tokens', () => {
    expect(readConfig({ BUCKETQL_API_TOKENS: 'a, b,' })).toMatchObject({
      host: '0.0.0.0',
      apiTokens: ['a', 'b'],
    });
    expect(() => readConfig({ BUCKETQL_HOST: '0.0.0.0' })).toThrow(/BUCKETQL_API_TOKENS/);
  });

  it('takes an empty variable for one that is not set', () => {
    expect(readConfig({ BUCKETQL_PORT: '' }).port).toBe(4000);
  });

  it('names every setting that is wrong', () => {
    expect(() =>
      readConfig({ BUCKETQL_PORT: '99999', BUCKETQL_LOG_LEVEL: 'loud', BUCKETQL_THREADS: '0' }),
    ).toThrow(/BUCKETQL_PORT.*BUCKETQL_THREADS.*BUCKETQL_LOG_LEVEL/);
  });
});
