import { describe, expect, it } from '@jest/globals';
import { parseDestination } from '../../src/pipeline/destination.js';
import {
  manifestKey,
  memberName,
  objectKey,
  partKey,
  type PartitionValue,
} from '../../src/pipeline/object-names.js';

const to = (more: Record<string, unknown> = {}) =>
  parseDestination({ connection: 'c', path: 'p', fileName: 'x', format: 'CSV', ...more });
const facts = { prefix: 'acme/', dataset: 'orders', runId: 'r-1', now: new Date('2026-03-01') };
const folderOf = (value: string | null, column = 'col') => {
  const destination = to({ path: '' });
  const partition: PartitionValue[] = [{ column, value }];
  return partKey('x.csv', destination, partition, undefined).replace(/\/x\.csv$/, '');
};

describe('the keys of a divided result', () => {
  it('are numbered before the extension, in front of it Hive’s folders', () => {
    const destination = to({ compression: 'GZIP', maxFileBytes: '1048576' });
    const key = objectKey(destination, facts);
    expect(key).toBe('acme/p/x.csv.gz');
    const partition = [
      { column: 'region', value: 'EU' },
      { column: 'year', value: '2026' },
    ];
    expect(partKey(key, destination, [], 1)).toBe('acme/p/x-00001.csv.gz');
    expect(partKey(key, destination, partition, 123_456)).toBe(
      'acme/p/region=EU/year=2026/x-123456.csv.gz',
    );
    expect(partKey(key, destination, partition, undefined)).toBe(
      'acme/p/region=EU/year=2026/x.csv.gz',
    );
  });

  it('come with a manifest that tables over the folder do not see', () => {
    expect(manifestKey('acme/p/x.csv', to())).toBe('acme/p/_x.manifest.json');
    expect(manifestKey('a/b.x.CSV', to())).toBe('a/_b.x.manifest.json');
    expect(manifestKey('x', to({ extension: '' }))).toBe('_x.manifest.json');
  });

  it('must be possible before anything is written', () => {
    const long = 'x'.repeat(1024 - 'acme/.csv'.length);
    expect(objectKey(to({ path: '', fileName: long }), facts)).toHaveLength(1024);
    expect(() => objectKey(to({ path: '', fileName: long, maxFileBytes: 2e6 }), facts)).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT' }),
    );
    expect(() => folderOf('ü'.repeat(512))).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT' }),
    );
  });
});

describe('the folder of a partition', () => {
  it.each([
    [null, 'col=__HIVE_DEFAULT_PARTITION__'],
    ['__HIVE_DEFAULT_PARTITION__', 'col=%5F_HIVE_DEFAULT_PARTITION__'],
    ['', 'col='],
    ['EU', 'col=EU'],
    ['2020-01-31T10:00:00', 'col=2020-01-31T10%3A00%3A00'],
    ['a/b\\c', 'col=a%2Fb%5Cc'],
    ['..', 'col=..'],
    ['../..', 'col=..%2F..'],
    ['a=b', 'col=a%3Db'],
    ['100%', 'col=100%25'],
    ['%41', 'col=%2541'],
    ['a b+c', 'col=a%20b%2Bc'],
    ['\u0000\n\u007f', 'col=%00%0A%7F'],
    ['Zürich 東京 🗼', 'col=Zürich%20東京%20🗼'],
  ])('of %j is %s', (value, folder) => {
    expect(folderOf(value)).toBe(folder);
  });

  it('escapes the column’s name, too', () => {
    expect(folderOf('1', 'a header/x')).toBe('a%20header%2Fx=1');
  });

  it('is another one for another value', () => {
    const values = [
      null,
      '',
      ' ',
      '%',
      '%25',
      '%2525',
      'a',
      'A',
      'é',
      'e\u0301',
      '__HIVE_DEFAULT_PARTITION__',
    ];
    expect(new Set(values.map((value) => folderOf(value))).size).toBe(values.length);
  });

  it('reads as the value by what decodes bytes and by what decodes code points', () => {
    for (const value of ['a/b c', 'ü%41', '東京=1', '🗼:']) {
      const [, text = ''] = folderOf(value).split('=');
      expect(decodeURIComponent(text)).toBe(value);
      const points = text.replace(/%([0-9A-F]{2})/g, (_, hex: string) =>
        String.fromCharCode(parseInt(hex, 16)),
      );
      expect(points).toBe(value);
    }
  });
});

describe('the file in an archive', () => {
  it('is called as the object without the archive’s extension', () => {
    expect(memberName('p/x.csv.zip', to({ compression: 'ZIP' }))).toBe('x.csv');
    expect(memberName('p/x.data', to({ compression: 'ZIP', extension: 'data' }))).toBe('x.data');
    expect(memberName('p/.zip', to({ compression: 'ZIP', extension: 'zip' }))).toBe('.zip');
    expect(memberName('p/...zip', to({ compression: 'ZIP', extension: 'zip' }))).toBe('...zip');
  });

  it.each([
    ['q:report', 'q_report.csv'],
    ['\\x', '_x.csv'],
    ['a\\..\\b', 'a_.._b.csv'],
  ])('has a name that archives take where the object’s is %j', (name, inside) => {
    expect(memberName(`p/${name}.csv.zip`, to({ compression: 'ZIP' }))).toBe(inside);
  });
});
