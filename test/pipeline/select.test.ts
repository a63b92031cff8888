import { describe, expect, it } from '@jest/globals';
import { parseSelection } from '../../src/catalog/definition.js';
import { keyPrefix, selects } from '../../src/pipeline/select.js';

const object = (key: string, lastModified = '2026-01-01T00:00:00Z') => ({
  key,
  size: 1,
  etag: 'e',
  lastModified: new Date(lastModified),
});

describe('selecting objects', () => {
  it.each([
    ['STARTS_WITH', 'ord', ['a/orders.csv', 'ord'], ['a/x-orders.csv', 'ord/x.csv']],
    ['CONTAINS', 'ders', ['a/orders.csv'], ['ders/x.csv']],
    ['EXACT', 'orders.csv', ['a/orders.csv', 'orders.csv'], ['a/orders.csv.gz', 'Orders.csv']],
    [
      'GLOB',
      'orders-20??-*.csv',
      ['orders-2026-01.csv'],
      ['orders-26-01.csv', 'orders-2026-01.csv.gz'],
    ],
    ['GLOB', '[!a]*.{csv}', ['b.{csv}'], ['b.csv', 'a.{csv}']],
    ['GLOB', 'a.c+v(1)^$|\\', ['a.c+v(1)^$|\\'], ['axc+v(1)^$|\\']],
  ])('by %s %s looks at the last segment of the key', (fileNameMatch, fileName, yes, no) => {
    const wanted = selects(parseSelection({ fileName, fileNameMatch }));
    expect(yes.filter((key) => !wanted(object(key)))).toEqual([]);
    expect(no.filter((key) => wanted(object(key)))).toEqual([]);
  });

  it('leaves folder markers out', () => {
    expect(selects(parseSelection({}))(object('a/'))).toBe(false);
  });

  it('takes what changed at or after modifiedSince', () => {
    const wanted = selects(parseSelection({ modifiedSince: '2026-01-01T01:00:00+01:00' }));
    expect(wanted(object('a'))).toBe(true);
    expect(wanted(object('a', '2025-12-31T23:59:59Z'))).toBe(false);
  });

  it('begins below the prefix of the connection', () => {
    expect(keyPrefix('acme/', { prefix: 'in/' })).toBe('acme/in/');
  });
});
