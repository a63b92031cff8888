import { describe, expect, it } from '@jest/globals';
import {
  layoutDelimited,
  type DelimitedOptions,
  type SampleSource,
} from '../../src/formats/delimited.js';

function layout(
  text: string | Buffer,
  options: DelimitedOptions = {},
  source: Partial<SampleSource> = {},
) {
  return layoutDelimited(
    Buffer.from(text as string),
    { origin: 'drop/a.csv', complete: true, type: 'CSV', ...source },
    options,
  );
}

const code = (name: string) => expect.objectContaining({ code: name });

describe('layoutDelimited', () => {
  it('takes the first line for the header', () => {
    expect(layout('id,"full, name",id,\r\n1,x,2,\r\n')).toEqual({
      dialect: { delimiter: ',', quote: '"', escape: '"' },
      headers: ['id', 'full, name', 'id', ''],
      skipLines: 1,
      encoding: 'utf-8',
      warnings: [],
      detected: { delimiter: ',', encoding: 'utf-8' },
    });
  });

  it.each(['a,b', 'a,"b"', 'x\na,b', '"a\n",b'])(
    'takes %j, which no line end follows, for a header and no row',
    (text) => {
      const lines = text.split('\n').length;
      const options = text.startsWith('x') ? { headerStartRow: 2 } : {};
      expect(layout(text, options)?.skipLines).toBe(lines);
    },
  );

  it('says that an escape without quotes does nothing', () => {
    expect(layout('a\tb\n', { quote: '', escape: '\\' })?.warnings).toEqual([
      'drop/a.csv: the escape counts only inside quotes, and quote is none, so it stays in the text',
    ]);
  });

  it.each([
    [',', 'a,b\n1,2\n'],
    [';', 'a;b;c\n1,5;2,5;x\n3,5;4,5;y\n'],
    ['\t', 'a, or b\tc\td\n1, 2\t3\t4\n'],
    ['|', 'a|b|c\n1|x, y|2\n1|x; y|2\n'],
    ['^', 'a^b\n1^2\n'],
    [',', 'only\n12:30\n'],
    [',', 'time,place\n12:30:15,a\n12:30:16,b\n'],
    [';', '"a;x","b";"c"\n1;2\n'],
    [',', 'a,b\n"x;y;z",2\n"p;q;r",3\n'],
    [',', 'a:x,b\n1,2\n'],
  ])('finds the delimiter %j in %j', (delimiter, text) => {
    expect(layout(text)?.dialect.delimiter).toBe(delimiter);
  });

  it('reads TSV by tabs, and any file by what the user says', () => {
    expect(layout('a,b\tc\n', {}, { type: 'TSV' })?.headers).toEqual(['a,b', 'c']);
    expect(layout('a,b;c\n', { delimiter: ';' })?.headers).toEqual(['a,b', 'c']);
    expect(layout('a||b|c\n', { delimiter: '||' })?.headers).toEqual(['a', 'b|c']);
    expect(layout('a;b\n', { delimiter: ';' })?.detected).toEqual({ encoding: 'utf-8' });
  });

  it('finds header and data by physical lines', () => {
    const text = 'Report "x\n\nid,"two\nlines"\nunits,-\n1,2\n';
    expect(layout(text, { headerStartRow: 3 })).toMatchObject({
      headers: ['id', 'two\nlines'],
      skipLines: 4,
    });
    expect(layout(text, { headerStartRow: 3, dataStartRow: 6 })?.skipLines).toBe(5);
    expect(() => layout(text, { headerStartRow: 3, dataStartRow: 4 })).toThrow(
      code('INVALID_OPTIONS'),
    );
  });

  it('numbers the columns of a file without headers', () => {
    expect(layout('1,2,3\n4,5\n6,7,8\n', { headers: false })).toMatchObject({
      headers: ['column0', 'column1', 'column2'],
      skipLines: 0,
    });
    expect(layout('#\n1,2\n', { headers: false, dataStartRow: 2 })?.skipLines).toBe(1);
  });

  it('finds no columns in an empty file', () => {
    for (const text of ['', '\ufeff', '\n\n']) expect(layout(text)).toBeUndefined();
    expect(layout('a,b\n', { headerStartRow: 3 })).toBeUndefined();
    expect(layout('', { headers: false })).toBeUndefined();
  });

  it('takes a header without rows, and lines that end with CR', () => {
    expect(layout('a,b')?.headers).toEqual(['a', 'b']);
    expect(layout('a,b\r1,2\r')).toMatchObject({ headers: ['a', 'b'], skipLines: 1 });
  });

  it('passes over the byte order mark and reads other encodings', () => {
    expect(layout('\ufeffa,b\n')?.headers).toEqual(['a', 'b']);
    const utf16 = Buffer.from('\ufeffä,b\n1,2\n', 'utf16le');
    expect(layout(utf16)).toMatchObject({ headers: ['ä', 'b'], encoding: 'utf-16le' });
    const latin = Buffer.from('ä,b\n1,2\n', 'latin1');
    expect(layout(latin, { encoding: 'latin-1' })).toMatchObject({
      headers: ['ä', 'b'],
      encoding: 'windows-1252',
    });
    expect(() => layout(latin, { encoding: 'klingon' })).toThrow(code('INVALID_OPTIONS'));
  });

  it('names the line that is not valid UTF-8, and an encoding to try', () => {
    const wrong = (text: string, line: number, suggestion?: string) =>
      expect(() => layout(Buffer.from(text, 'latin1'))).toThrow(
        expect.objectContaining({
          code: 'INVALID_ENCODING',
          details: { file: 'drop/a.csv', line, ...(suggestion ? { suggestion } : {}) },
        }),
      );
    wrong('a,b\n1,2\n3,gr\xfcn\n', 3, 'windows-1252');
    wrong('a,gr\xfcn\n1,2\n', 1, 'windows-1252');
    // Windows-1251 and Shift_JIS
    wrong('a,b\n1,\xef\xf0\xe8\xe2\xe5\xf2\n', 2);
    wrong('a,b\n1,\x93\xfa\x96\x7b\x81\x40\n', 2);
  });

  it('leaves single damaged rows of a UTF-8 file to the load', () => {
    const good = 'é,1\n'.repeat(3);
    const bytes = Buffer.concat([Buffer.from(`a,b\n${good}`), Buffer.from('\xff,2\n', 'latin1')]);
    expect(layout(bytes)?.headers).toEqual(['a', 'b']);
    const header = Buffer.concat([Buffer.from('\xff,b\n', 'latin1'), Buffer.from(good)]);
    expect(() => layout(header)).toThrow(code('INVALID_ENCODING'));
  });

  it.each([
    ['UTF-8 with a mark', Buffer.from('\ufeffä,b\n1,2\n'), 'utf-8'],
    ['UTF-16 with a mark', Buffer.from('\ufeffä,b\n1,2\n', 'utf16le'), 'utf-16le'],
    ['UTF-16 without a mark', Buffer.from('ä,b\n1,2\n', 'utf16le'), 'utf-16le'],
    ['big-endian UTF-16', Buffer.from('\ufeffä,b\n1,2\n', 'utf16le').swap16(), 'utf-16be'],
    ['the same without a mark', Buffer.from('ä,b\n1,2\n', 'utf16le').swap16(), 'utf-16be'],
  ])('finds %s', (_, bytes, encoding) => {
    expect(layout(bytes)).toMatchObject({
      headers: ['ä', 'b'],
      encoding,
      detected: { encoding, delimiter: ',' },
    });
    // As in browsers, the mark says more than the label.
    if (encoding !== 'utf-8') return;
    expect(layout(bytes, { encoding: 'windows-1252' })?.headers).toEqual(['ä', 'b']);
  });

  it.each([
    ['shift_jis', [0x93, 0xfa, 0x96, 0x7b], '日本'],
    ['gbk', [0xd6, 0xd0, 0xb9, 0xfa], '中国'],
    ['big5', [0xa4, 0xa4, 0xb0, 0xea], '中國'],
    ['euc-kr', [0xc7, 0xd1], '한'],
    ['koi8-r', [0xf0, 0xd2], 'Пр'],
    ['iso-8859-15', [0xa4], '€'],
    ['windows-1252', [0x80], '€'],
    ['Latin-1', [0xe9], 'é'],
  ])('reads %s', (encoding, bytes, text) => {
    const file = Buffer.concat([Buffer.from(bytes), Buffer.from(',b\n1,2\n')]);
    expect(layout(file, { encoding })?.headers).toEqual([text, 'b']);
  });

  it('refuses UTF-32 and says what to do', () => {
    for (const mark of [
      [0xff, 0xfe, 0, 0],
      [0, 0, 0xfe, 0xff],
    ]) {
      expect(() => layout(Buffer.from([...mark, 0x61, 0, 0, 0]))).toThrow(
        expect.objectContaining({
          code: 'INVALID_ENCODING',
          message: expect.stringContaining('UTF-8'),
        }),
      );
    }
  });

  it('reads headers in dialects that only csv-parse knows', () => {
    const guillemets = { delimiter: ';', quote: '«', escape: '' };
    expect(layout('«a;«;«two\nlines«\n', guillemets)?.headers).toEqual(['a;', 'two\nlines']);
    const long = layout('#\n«a<=>b«<=>«c\nd«<=>e\n1<=>2<=>3\n', {
      delimiter: '<=>',
      quote: '«',
      headerStartRow: 2,
    });
    expect(long).toMatchObject({ headers: ['a<=>b', 'c\nd', 'e'], skipLines: 3 });
    expect(layout('1<<>>>2\n3<<>>>4\n', { delimiter: '<<>>>', headers: false })?.headers).toEqual([
      'column0',
      'column1',
    ]);
    expect(() => layout('a;«b\n1;2\n', guillemets)).toThrow(
      expect.objectContaining({ code: 'MALFORMED_ROW', details: { file: 'drop/a.csv', line: 1 } }),
    );
  });

  it('keeps an empty header at the end, repeated and quoted ones, behind a mark too', () => {
    expect(layout('\ufeff"a","a",,b,\n')?.headers).toEqual(['a', 'a', '', 'b', '']);
    expect(layout('\ufeff"a\r\nb","c"\r\n1,2\r\n')).toMatchObject({
      headers: ['a\r\nb', 'c'],
      skipLines: 2,
    });
  });

  it('does not mind a sample that ends inside a character', () => {
    const cut = Buffer.from('a,b\n1,€').subarray(0, -1);
    expect(layout(cut, {}, { complete: false })?.headers).toEqual(['a', 'b']);
    expect(() => layout(cut)).toThrow(code('INVALID_ENCODING'));
  });

  it.each([
    ['gzip', Buffer.from([0x1f, 0x8b, 8, 0])],
    ['a workbook', Buffer.from('PK\x03\x04')],
    ['Parquet', Buffer.from('PAR1\x15\x04\x15')],
    ['a PDF', Buffer.from('%PDF-1.7\n%\xe2\xe3\xcf\x01', 'latin1')],
    ['an image', Buffer.from('\x89PNG\r\n', 'latin1')],
    ['HTML', Buffer.from('<!DOCTYPE html><html>')],
    ['XML', Buffer.from('<?xml version="1.0"?>')],
    ['JSON', Buffer.from('[{"a": 1}]')],
    ['NUL bytes', Buffer.from('a,b\n\0\0\0\0\0\0')],
  ])('refuses %s', (_, bytes) => {
    expect(() => layout(bytes)).toThrow(
      expect.objectContaining({ code: 'NOT_DELIMITED_TEXT', details: { file: 'drop/a.csv' } }),
    );
  });

  it('takes headers that begin like another kind of file', () => {
    expect(layout('BZh,PAR1\n1,2\n')?.headers).toEqual(['BZh', 'PAR1']);
    expect(layout('ORCA,b\n')?.headers).toEqual(['ORCA', 'b']);
  });

  it('refuses one huge line and too many columns', () => {
    expect(() => layout('x'.repeat(1000), {}, { complete: false })).toThrow(
      code('NOT_DELIMITED_TEXT'),
    );
    expect(() => layout('a,b,c\n', {}, { maxColumns: 2 })).toThrow(
      expect.objectContaining({
        code: 'TOO_MANY_COLUMNS',
        details: { file: 'drop/a.csv', columns: 3, limit: 2 },
      }),
    );
  });

  it('names the line of a quote in the header that is never closed', () => {
    expect(() => layout('#\na,"b\n1,2\n', { headerStartRow: 2 })).toThrow(
      expect.objectContaining({
        code: 'MALFORMED_ROW',
        details: { file: 'drop/a.csv', line: 2 },
      }),
    );
  });

  it.each([
    [{ delimiter: '' }],
    [{ delimiter: '\n' }],
    [{ delimiter: 'x'.repeat(101) }],
    [{ quote: '""' }],
    [{ delimiter: ',', escape: 'a,' }],
    [{ delimiter: '"' }],
    [{ quote: '\0' }],
    [{ delimiter: '<«>', quote: '«' }],
    [{ escape: '\n' }],
    [{ headerStartRow: 0 }],
    [{ dataStartRow: -1 }],
    [{ footerRowsToSkip: -1 }],
    [{ headerStartRow: 1.5 }],
  ])('refuses the options %j', (options) => {
    expect(() => layout('a,b\n', options)).toThrow(code('INVALID_OPTIONS'));
  });
});
