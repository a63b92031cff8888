import { describe, expect, it } from '@jest/globals';
import { flatten, tableLines } from '../../src/demo/table.js';

describe('tableLines', () => {
  it('puts texts on the left, numbers on the right and a dash for null', () => {
    const rows = [
      { state: 'Texas', count: '1495', share: 0.123456 },
      { state: null, count: '7', share: null },
    ];
    expect(tableLines(rows)).toEqual([
      'state  count  share',
      '-----  -----  -----',
      'Texas   1495  0.123',
      '-          7      -',
    ]);
  });

  it('cuts what is too long', () => {
    const [, , line = ''] = tableLines([{ text: 'x'.repeat(100) }]);
    expect(line).toHaveLength(62);
    expect(line.endsWith('…')).toBe(true);
  });

  it('says so when there are no rows', () => {
    expect(tableLines([])).toEqual(['(no rows)']);
  });
});

describe('flatten', () => {
  it('names leaves by their path', () => {
    expect(flatten({ key: { state: 'Texas' }, buckets: [{ start: 's' }], count: '3' })).toEqual({
      'key.state': 'Texas',
      'buckets.0.start': 's',
      count: '3',
    });
  });
});
