import { describe, expect, it } from '@jest/globals';
import { layoutDelimited, type DelimitedOptions } from '../../src/formats/delimited.js';

function layout(text: string, options: DelimitedOptions = {}) {
  const source = { origin: 'a.csv', complete: true, type: 'CSV' } as const;
  return layoutDelimited(Buffer.from(text), source, options);
}

/** Delimiter, text, and the headers that it gives. */
const texts: readonly (readonly [delimiter: string, text: string, headers?: readonly string[]])[] =
  [
    // each delimiter in plain tables
    [',', 'a,b\n1,2\n'],
    ['\t', 'a\tb\n1\t2\n'],
    [';', 'a;b\n1;2\n'],
    ['|', 'a|b\n1|2\n'],
    ['^', 'a^b\n1^2\n'],
    ['~', 'a~b\n1~2\n'],
    [':', 'root:x:0\ndaemon:x:1\nbin:x:2\n'],
    ['\x1f', 'a\x1fb\n1\x1f2\n'],
    ['\x01', 'a\x01b\n1\x012\n'],
    ['¦', 'a¦b\n1¦2\n'],
    ['||', 'a||b||c\n1||x|y||2\n3||z||4\n', ['a', 'b', 'c']],
    ['|~|', 'a|~|b\n1|~|x|y\n3|~|z\n', ['a', 'b']],
    ['~^~', 'a~^~b\n1~^~2\n', ['a', 'b']],
    ['::', 'a::b\n1::12:30\n2::12:31\n', ['a', 'b']],
    ['|', 'a|b|c\n1||2\n3||4\n5|x|6\n', ['a', 'b', 'c']],
    // commas in other tables
    [';', 'a;b;c\n1,5;2,5;x\n3,5;4,5;y\n'],
    [';', 'name;price\nBread, white;1,20\nMilk;0,99\n'],
    [';', 'name;price;sum\n"Bread, white";"1,20";"1.200,50"\nMilk;0,99;1\n'],
    ['\t', 'a, or b\tc\td\n1, 2\t3\t4\n'],
    ['\t', 'id\ttext\n1\tone, two, three\n2\tfour\n3\tfive, six\n'],
    ['|', 'a|b|c\n1|x, y|2\n1|x; y|2\n'],
    [';', 'date;time;value\n2020-01-01;12:30:00;1,5\n2020-01-02;12:31:00;2,5\n'],
    // other marks in comma tables
    [',', 'time,place\n12:30:15,a\n12:30:16,b\n'],
    [',', 'a,b\n"x;y;z",2\n"p;q;r",3\n'],
    [',', 'a:x,b\n1,2\n'],
    [',', 'id,tags\n1,a|b|c\n2,d|e\n3,f\n'],
    [',', 'url,n\nhttp://a.b/c?d=1;e=2,1\nhttps://x.y,2\n'],
    [',', 'id,json\n1,"{""a"": 1, ""b"": 2}"\n2,"{""a"": 3}"\n'],
    [',', 'id,note\n1,"line; one\nline; two\nline; three"\n2,x\n'],
    [',', 'a b,c d\n1 2,3 4\n5 6,7 8\n'],
    [';', '"a;x","b";"c"\n1;2\n'],
    // one column
    [',', 'only\n1\n2\n'],
    [',', 'only\n12:30\n'],
    [',', 't\n2024-01-02T03:04:05\n2024-01-02 23:59:59\n', ['t']],
    [',', 'url\nhttp://a.b/c;d\nhttp://a.b/e;f\n', ['url']],
    [',', 'name\n'],
    ['\t', 'comment\nHello, world\nbye\nyes, no, perhaps, well\nfine\n', ['comment']],
    [',', 'name\nJohn Smith\nJane Doe\n', ['name']],
    [',', 'full name\nJohn Smith\nJane Doe\n', ['full name']],
    // spaces
    [' ', 'x y z\n1 2 3\n4.5 6 7\n', ['x', 'y', 'z']],
    [' ', '1 2\n3 4\n5 6\n'],
    // ragged rows
    [',', 'a,b,c\n1,2,3\n1,2\n1,2,3,4\n1,2,3\n'],
    [';', 'a;b;c\n1;2\n3;4\n5;6;7\n'],
    // one row
    [',', '1,2,3'],
    [';', '1,5;2,5'],
    // title and comment lines in front of the header
    [',', 'Sales report\n\nid,name,sum\n1,x,2\n2,y,3\n', ['Sales report']],
    [';', '# made by hand\nid;name;sum\n1;x;2,5\n2;y;3,5\n', ['# made by hand']],
    // row numbers without a name
    ['\t', 'x\ty\n1\t10\t20\n2\t11\t21\n', ['x', 'y']],
  ];

describe('detectDelimiter', () => {
  it.each(texts)('finds %j in %j', (delimiter, text, ...[headers]) => {
    const found = layout(text);
    expect(found?.dialect.delimiter).toBe(delimiter);
    expect(found?.detected.delimiter).toBe(delimiter);
    if (headers) expect(found?.headers).toEqual(headers);
  });

  it('finds decimal commas without a header', () => {
    expect(layout('1,5;2,5\n3,5;4,5\n', { headers: false })?.headers).toHaveLength(2);
  });

  it('starts where the header does', () => {
    const text = 'Sales, all; by | day\n\na;b\n1,5;2,5\n';
    expect(layout(text, { headerStartRow: 3 })?.dialect.delimiter).toBe(';');
  });

  it('takes quotes for what the user says they are', () => {
    expect(layout("a,b\n'x;y;z',2\n'p;q;r',3\n", { quote: "'" })?.dialect.delimiter).toBe(',');
    expect(layout('a;b\n«x;y»;2\n«p;q»;3\n', { quote: '«', escape: '' })?.headers).toEqual([
      'a',
      'b',
    ]);
    expect(layout('a;b\n"x;1\ny;2"\n', { quote: '' })?.dialect.delimiter).toBe(';');
  });

  it.each([
    ['sep=;\na;b,c\n1;2\n', ';', ['a', 'b,c']],
    ['"sep=|"\r\na|b\r\n1|2\r\n', '|', ['a', 'b']],
    ['\ufeffSEP=\t\na\tb\n1\t2\n', '\t', ['a', 'b']],
    ['sep=,\na,b;c\n1,2\n', ',', ['a', 'b;c']],
  ])('takes the delimiter from a first line as in %j', (text, delimiter, headers) => {
    const found = layout(text);
    expect(found).toMatchObject({ dialect: { delimiter }, headers, skipLines: 2 });
    expect(found?.detected).toMatchObject({ delimiter, headerStartRow: 2 });
    expect(layout(text, { headers: false })).toMatchObject({ skipLines: 1 });
  });

  it('says when rows are wider than the header, and what to do', () => {
    const preamble = layout('Report\nof 2020\nid,name\n1,x\n2,y\n3,z\n4,w\n');
    expect(preamble?.warnings).toEqual([
      expect.stringMatching(
        /line 1: the header has 1 field, but most rows have 2.*headerStartRow.*to 3$/,
      ),
    ]);
    const unnamed = layout('x,y\n1,10,20\n2,11,21\n');
    expect(unnamed?.warnings).toEqual([
      expect.stringMatching(/has 2 fields, but most rows have 3.*dataStartRow to 2/),
    ]);
    expect(layout('a,b\n1,2\n1,2,3\n1,2\n')?.warnings).toEqual([]);
    expect(layout('comment\nHello, world\nbye\n')?.warnings).toEqual([
      expect.stringContaining('each line is one value'),
    ]);
  });
});
