import { describe, expect, it } from '@jest/globals';
import { parsedUrl } from '../src/url.js';

describe('texts as URLs', () => {
  it('reads a name with other letters, the first time and after many', () => {
    let read = 0;
    for (let at = 0; at < 50_000; at++) {
      if (parsedUrl('https://münchen.example')?.hostname === 'xn--mnchen-3ya.example') read++;
    }
    expect(read).toBe(50_000);
  });

  it.each(['', 'minio.example.com', 'http://', 'http://[::1', 'http://a b'])(
    'takes %j for none',
    (text) => expect(parsedUrl(text)).toBeUndefined(),
  );
});
