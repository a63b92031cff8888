import { describe, expect, it } from '@jest/globals';
import { LineCutter } from '../../src/pipeline/line-cutter.js';

function cuts(quote: string, ...pieces: string[]): (string | undefined)[] {
  const cutter = new LineCutter(quote);
  return pieces.map((piece) => {
    const at = cutter.cut(Buffer.from(piece));
    return at === undefined ? undefined : piece.slice(at);
  });
}

describe('where a text can be cut', () => {
  it('cuts behind the last line’s end that has a whole line behind it', () => {
    expect(cuts('"', '1\n2\n3\n4')).toEqual(['3\n4']);
    expect(cuts('"', '1\r\n2\r\n3\r\n')).toEqual(['3\r\n']);
    expect(cuts('"', '1\n2')).toEqual([undefined]);
    expect(cuts('"', '1', '')).toEqual([undefined, undefined]);
  });

  it('cuts before the first quote, and never behind it', () => {
    expect(cuts('"', '1\n2\n3\n"4\n5"\n6\n7\n8\n')).toEqual(['3\n"4\n5"\n6\n7\n8\n']);
    expect(cuts('"', '1\n2\n3\n', '"\n\n\n', '6\n7\n8\n')).toEqual(['3\n', undefined, undefined]);
  });

  it('does not mind quotes where there are none', () => {
    expect(cuts('', '1\n"\n3\n4\n')).toEqual(['4\n']);
  });

  it('does not cut where another line’s end would be found in the next part', () => {
    expect(cuts('"', '1\n2\r2\n')).toEqual([undefined]);
  });
});
