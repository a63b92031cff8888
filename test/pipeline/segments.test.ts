import { describe, expect, it } from '@jest/globals';
import {
  mostSegments,
  segmentsOf,
  segmentsToMerge,
  wastedTables,
} from '../../src/pipeline/segments.js';

const place = (table: string | null, first: number, rows: number, loaded = 1) => ({
  table,
  first,
  rows,
  loaded,
});

describe('segments', () => {
  it('are as few as neighbours allow, and whole tables where all rows are read', () => {
    const places = [place('a', 0, 5), place('a', 5, 0), place('a', 5, 5), place('b', 2, 3)];
    const sizes = new Map([
      ['a', 10],
      ['b', 5],
    ]);
    expect(segmentsOf(places, sizes)).toEqual([
      { table: 'a', loaded: 1 },
      { table: 'b', range: { first: 2, rows: 3 }, loaded: 1 },
    ]);
  });

  it('are split where an object is gone, came between, or stands elsewhere now', () => {
    const places = [place('a', 0, 2), place('b', 0, 1), place('a', 4, 6), place(null, 0, 3)];
    expect(segmentsOf(places, new Map([['b', 1]]))).toEqual([
      { table: 'a', range: { first: 0, rows: 2 }, loaded: 1 },
      { table: 'b', loaded: 1 },
      { table: 'a', range: { first: 4, rows: 6 }, loaded: 1 },
    ]);
  });

  it('say which import brought their rows, where it is one', () => {
    const places = [place('a', 0, 2, 0), place('a', 2, 2, 0), place('b', 0, 1, 1)];
    const mixed = [place('c', 0, 1, 1), place('c', 1, 0, 3), place('c', 1, 1, 2)];
    expect(segmentsOf([...places, ...mixed], new Map([['c', 2]]))).toEqual([
      { table: 'a', range: { first: 0, rows: 4 }, loaded: 0 },
      { table: 'b', range: { first: 0, rows: 1 }, loaded: 1 },
      { table: 'c' },
    ]);
  });

  it('are merged when there are too many of them, the small ones and not the large', () => {
    const sizes = [1000, 10, 1, 1, 1, 1, 1, 1];
    expect(sizes).toHaveLength(mostSegments);
    expect(segmentsToMerge(sizes)).toBeUndefined();
    expect(segmentsToMerge([...sizes, 1])).toEqual({ from: 2, to: 8 });
    expect(segmentsToMerge([1, 1, 1, 1, 1, 1, 1, 1, 1000])).toEqual({ from: 0, to: 6 });
  });

  it('copy each row a few times only when one small object comes at a time', () => {
    let sizes = [1_000_000];
    let copied = 0;
    const times = 2_000;
    for (let time = 0; time < times; time++) {
      sizes.push(1);
      const merge = segmentsToMerge(sizes);
      if (!merge) continue;
      const merged = sizes.slice(merge.from, merge.to).reduce((sum, rows) => sum + rows, 0);
      copied += merged;
      sizes = [...sizes.slice(0, merge.from), merged, ...sizes.slice(merge.to)];
    }
    expect(sizes.length).toBeLessThanOrEqual(mostSegments);
    // Far below the million that one copy of the large table would be.
    expect(copied / times).toBeLessThan(200);
  });

  it('show tables of which most is not read any more', () => {
    const sizes = new Map([
      ['a', 100],
      ['b', 100],
    ]);
    const segments = [
      { table: 'a', range: { first: 0, rows: 20 } },
      { table: 'a', range: { first: 50, rows: 20 } },
      { table: 'b' },
    ];
    expect(wastedTables(segments, sizes)).toEqual(new Set(['a']));
  });
});
