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

  it('takes no time that is longer than timers hold', () => {
    expect(readConfig({ BUCKETQL_QUERY_SECONDS: '2147483' }).querySeconds).toBe(2_147_483);
    expect(() => readConfig({ BUCKETQL_QUERY_SECONDS: '2147484' })).toThrow(
      'BUCKETQL_QUERY_SECONDS',
    );
  });

  it('takes memory as a number with a unit', () => {
    const memoryOf = (text: string) => readConfig({ BUCKETQL_MEMORY_LIMIT: text }).memoryLimit;
    expect(['800MB', '1.5GiB', '2 gb', '1TiB'].map(memoryOf)).toEqual([
      800e6,
      1.5 * 2 ** 30,
      2e9,
      2 ** 40,
    ]);
  });

  it.each(['much', '4', '-4GB', '80%', '4 G', '1MB', 'GB'])('refuses %s as memory', (text) => {
    expect(() => readConfig({ BUCKETQL_MEMORY_LIMIT: text })).toThrow(
      /BUCKETQL_MEMORY_LIMIT: must be/,
    );
  });

  it.each(['0', '-1', '1.5', 'all', '4GB'])('refuses %s as room for spilling', (text) => {
    expect(() => readConfig({ BUCKETQL_MAX_TEMP_BYTES: text })).toThrow(/BUCKETQL_MAX_TEMP_BYTES/);
  });
});
