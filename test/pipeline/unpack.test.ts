import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AppError } from '../../src/errors.js';
import { isArchive, isWorkbook, unpack, type UnpackOptions } from '../../src/pipeline/unpack.js';
import { zipOf, type ZipEntry } from '../support/zip.js';

const root = mkdtempSync(join(tmpdir(), 'bucketql-unpack-'));
let dir = '';
let counter = 0;
beforeEach(() => {
  dir = join(root, String(counter++));
  mkdirSync(dir);
});
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

const limits = { maxInflatedBytes: 10_000_000_000, maxInflationRatio: 1100, maxMembers: 1000 };
const named = (...names: string[]): ZipEntry[] =>
  names.map((name) => ({ name, bytes: Buffer.from(`content of ${name}`) }));

function spooled(bytes: Buffer): { path: string; origin: string } {
  const path = join(dir, '000007');
  writeFileSync(path, bytes);
  return { path, origin: 'in/drop.zip' };
}

function optionsOf(more: Partial<UnpackOptions> = {}): UnpackOptions {
  return { dir, fileType: 'CSV', limits, signal: new AbortController().signal, ...more };
}

// [origin, content] of every file, whose size must be what was said.
async function read(bytes: Buffer, more: Partial<UnpackOptions> = {}) {
  const all: [string, string][] = [];
  for await (const file of unpack(spooled(bytes), optionsOf(more))) {
    const content = readFileSync(file.path);
    expect(file.bytes).toBe(content.length);
    expect(file.path.startsWith(`${dir}/000007-`)).toBe(true);
    all.push([file.origin, content.toString()]);
  }
  return all;
}

// The members that were read.
async function members(bytes: Buffer, more: Partial<UnpackOptions> = {}) {
  return (await read(bytes, more)).map(([origin]) => origin.replace('in/drop.zip!', ''));
}

const left = () => readdirSync(dir).filter((name) => name !== '000007');

describe('the members of an archive', () => {
  it('are written to numbered files in the order of the directory', async () => {
    const archive = zipOf(named('b.csv', 'folder/', 'folder/a.CSV', 'c.csv'));
    expect(await read(archive)).toEqual([
      ['in/drop.zip!b.csv', 'content of b.csv'],
      ['in/drop.zip!folder/a.CSV', 'content of folder/a.CSV'],
      ['in/drop.zip!c.csv', 'content of c.csv'],
    ]);
    expect(left()).toEqual(['000007-000000', '000007-000001', '000007-000002']);
  });

  it.each<[UnpackOptions['fileType'], string[], string[]]>([
    ['CSV', ['a.csv', 'b.tsv', 'c.txt', 'd.json', 'e'], ['a.csv']],
    ['TSV', ['a.csv', 'b.tab', 'c.txt'], ['b.tab']],
    ['CSV', ['b.tsv', 'c.txt', 'd.json', 'e'], ['b.tsv', 'c.txt']],
    ['TXT', ['a.csv', 'd.json'], ['a.csv']],
    ['CSV', ['data', 'part.dat', 'x.csv.bak'], ['data', 'part.dat', 'x.csv.bak']],
    ['JSON', ['a.json', 'b.ndjson', 'c.jsonl', 'd.xml'], ['a.json', 'b.ndjson', 'c.jsonl']],
    ['XML', ['feed', 'LICENSE'], ['feed', 'LICENSE']],
    ['XLSX', ['book.xlsx', 'old.xls', 'a.csv'], ['book.xlsx']],
    ['PARQUET', ['part-0.snappy.parquet', '_SUCCESS'], ['part-0.snappy.parquet']],
    ['CSV', ['a.csv.gz', 'b.csv.zst', 'c.json.gz'], ['a.csv.gz', 'b.csv.zst']],
  ])('are those of the type by default: %s of %j', async (fileType, names, expected) => {
    expect(await members(zipOf(named(...names)), { fileType })).toEqual(expected);
  });

  it('are those with a part of their path in subfileName, of whatever type', async () => {
    const archive = zipOf(named('orders/2024.csv', 'orders/2024.dat', 'customers/2024.csv', '24'));
    expect(await members(archive, { subfileName: '2024' })).toHaveLength(3);
    expect(await members(archive, { subfileName: 'orders/' })).toEqual([
      'orders/2024.csv',
      'orders/2024.dat',
    ]);
    expect(await members(archive, { subfileName: '2024.dat' })).toEqual(['orders/2024.dat']);
  });

  it('are never hidden ones, folders, links or what systems leave behind', async () => {
    const litter = [
      '__MACOSX/._a.csv',
      '__MACOSX/a.csv',
      '._a.csv',
      '.hidden.csv',
      '.git/a.csv',
      'x/.b/a.csv',
      'Thumbs.db',
      'x/desktop.ini',
      'a.csv/',
    ];
    const link = { name: 'latest.csv', bytes: Buffer.from('/etc/passwd'), mode: 0o120777 };
    const archive = zipOf([...named(...litter, 'a.csv'), link]);
    expect(await members(archive)).toEqual(['a.csv']);
    expect(await members(archive, { subfileName: 'a.csv' })).toEqual(['a.csv']);
    await expect(members(zipOf([...named(...litter), link]))).rejects.toMatchObject({
      code: 'MEMBER_NOT_FOUND',
      message: expect.stringContaining('no files in it'),
    });
  });

  it('may be called after any path, which stays a name', async () => {
    const names = ['../../etc/passwd.csv', '/tmp/absolute.csv', 'C:\\data\\a.csv', './b.csv'];
    expect(await members(zipOf(named(...names)))).toEqual([
      '../../etc/passwd.csv',
      '/tmp/absolute.csv',
      'C:/data/a.csv',
      './b.csv',
    ]);
    expect(left()).toHaveLength(4);
    expect(readdirSync(root)).not.toContain('etc');
  });

  it('are inflated when they are compressed once more, going by their first bytes', async () => {
    const csv = Buffer.from('a,b\n1,2\n');
    const archive = zipOf([
      { name: 'a.csv.gz', bytes: gzipSync(csv), store: true },
      { name: 'b.csv', bytes: Buffer.concat([gzipSync(csv), gzipSync(csv)]) },
      { name: 'c.csv.gz', bytes: csv },
    ]);
    expect((await read(archive)).map(([, content]) => content)).toEqual([
      'a,b\n1,2\n',
      'a,b\n1,2\na,b\n1,2\n',
      'a,b\n1,2\n',
    ]);
  });

  it('are named with what there is when none is the right one', async () => {
    const archive = zipOf(named(...Array.from({ length: 30 }, (_, i) => `page${i}.xml`)));
    await expect(members(archive)).rejects.toMatchObject({
      code: 'MEMBER_NOT_FOUND',
      message: expect.stringMatching(
        /no member of type CSV.*"page0\.xml".*"page19\.xml" and 10 more/,
      ),
    });
    await expect(members(archive, { subfileName: 'orders' })).rejects.toMatchObject({
      code: 'MEMBER_NOT_FOUND',
      message: expect.stringMatching(/"orders" in its name/),
    });
    expect(left()).toEqual([]);
  });
});

describe('archives in an archive', () => {
  const inner = zipOf(named('b.csv', 'readme.md', '.hidden.csv'));

  it('are read one level down, where they stand', async () => {
    const archive = zipOf([
      ...named('a.csv'),
      { name: 'x/inner.ZIP', bytes: inner },
      ...named('c.csv'),
    ]);
    expect(await members(archive)).toEqual(['a.csv', 'x/inner.ZIP!b.csv', 'c.csv']);
    // The inner archive itself is gone.
    expect(left()).toHaveLength(3);
  });

  it('have their members chosen with the others', async () => {
    const archive = zipOf([...named('data.dat'), { name: 'inner.zip', bytes: inner }]);
    expect(await members(archive)).toEqual(['inner.zip!b.csv']);
    expect(await members(archive, { subfileName: 'readme' })).toEqual(['inner.zip!readme.md']);
    expect(await members(archive, { subfileName: 'inner' })).toEqual(['inner.zip!b.csv']);
    expect(await members(archive, { subfileName: 'data' })).toEqual(['data.dat']);
  });

  it('that lie deeper are not read, and the error says so', async () => {
    const deep = zipOf([{ name: 'deep.zip', bytes: inner }]);
    const archive = zipOf([{ name: 'mid.zip', bytes: deep }]);
    await expect(members(archive)).rejects.toMatchObject({
      code: 'MEMBER_NOT_FOUND',
      message: expect.stringContaining('mid.zip!deep.zip'),
    });
    expect(left()).toEqual([]);
  });

  it('that are damaged are named', async () => {
    const archive = zipOf([...named('a.csv'), { name: 'i.zip', bytes: inner.subarray(0, 50) }]);
    await expect(members(archive)).rejects.toMatchObject({
      code: 'CORRUPT_COMPRESSION',
      message: expect.stringContaining('in/drop.zip!i.zip'),
    });
    expect(left()).toEqual([]);
  });
});

describe('the limits of an archive', () => {
  const tooLarge = (setting: string) => ({
    code: 'OBJECT_TOO_LARGE',
    message: expect.stringContaining(setting),
    details: expect.objectContaining({ file: 'in/drop.zip', limit: setting }),
  });
  const zeros = Buffer.alloc(300_000_000);
  const compressed = deflateRawSync(zeros);
  const bomb = zipOf([{ name: 'zeros.csv', bytes: zeros, compressed }]);

  it('stop a bomb before it goes off, also one that lies', async () => {
    const before = process.memoryUsage().rss;
    await expect(
      members(bomb, { limits: { ...limits, maxInflationRatio: 100 } }),
    ).rejects.toMatchObject(tooLarge('BUCKETQL_MAX_INFLATION_RATIO'));
    await expect(
      members(bomb, { limits: { ...limits, maxInflatedBytes: 200_000_000 } }),
    ).rejects.toMatchObject(tooLarge('BUCKETQL_MAX_INFLATED_BYTES'));
    const lying = zipOf([{ name: 'zeros.csv', bytes: zeros, compressed, size: 1000 }]);
    await expect(members(lying)).rejects.toMatchObject({
      code: 'CORRUPT_COMPRESSION',
      message: expect.stringContaining('larger than the 1000 bytes'),
    });
    expect(left()).toEqual([]);
    expect(process.memoryUsage().rss - before).toBeLessThan(200_000_000);
  });

  it('hold for all members together', async () => {
    const third = { bytes: Buffer.alloc(4_000_000) };
    const archive = zipOf(['a.csv', 'b.csv', 'c.csv'].map((name) => ({ name, ...third })));
    const twelve = { ...limits, maxInflatedBytes: 12_000_000 };
    expect(await members(archive, { limits: twelve })).toHaveLength(3);
    await expect(
      members(archive, { limits: { ...limits, maxInflatedBytes: 11_999_999 } }),
    ).rejects.toMatchObject(tooLarge('BUCKETQL_MAX_INFLATED_BYTES'));
    expect(
      await members(archive, { limits: { ...limits, maxInflatedBytes: 5e6 }, subfileName: 'b' }),
    ).toEqual(['b.csv']);
  });

  it('count archives and compressed members within it', async () => {
    const nested = zipOf([{ name: 'in.zip', bytes: bomb }]);
    await expect(members(nested)).rejects.toMatchObject(tooLarge('BUCKETQL_MAX_INFLATION_RATIO'));
    const twice = zipOf([{ name: 'a.csv.gz', bytes: gzipSync(zeros) }]);
    await expect(members(twice)).rejects.toMatchObject(tooLarge('BUCKETQL_MAX_INFLATION_RATIO'));
    // As in 42.zip: sixteen of the same in each.
    const level = (bytes: Buffer) =>
      zipOf(Array.from({ length: 16 }, (_, i) => ({ name: `lib ${i}.zip`, bytes })));
    await expect(members(level(level(bomb)))).rejects.toMatchObject({
      code: expect.stringMatching(/OBJECT_TOO_LARGE|MEMBER_NOT_FOUND/),
    });
    await expect(members(level(bomb))).rejects.toMatchObject({ code: 'OBJECT_TOO_LARGE' });
    expect(left()).toEqual([]);
  });

  it('count the members of archives within it', async () => {
    const inner = zipOf(named('1.csv', '2.csv', '3.csv'));
    const archive = zipOf([
      { name: 'a.zip', bytes: inner },
      { name: 'b.zip', bytes: inner },
    ]);
    expect(await members(archive, { limits: { ...limits, maxMembers: 8 } })).toHaveLength(6);
    await expect(members(archive, { limits: { ...limits, maxMembers: 7 } })).rejects.toMatchObject({
      code: 'TOO_MANY_MEMBERS',
      details: { file: 'in/drop.zip' },
    });
    // Those of the first time.
    expect(left()).toHaveLength(6);
  });
});

describe('unpacking that ends early', () => {
  it('leaves nothing of the file at work when it is cancelled', async () => {
    const stop = new AbortController();
    const archive = zipOf([
      ...named('a.csv'),
      { name: 'big.csv', bytes: Buffer.alloc(20_000_000, 'x') },
    ]);
    const files = unpack(spooled(archive), optionsOf({ signal: stop.signal }));
    expect((await files.next()).value).toMatchObject({ origin: 'in/drop.zip!a.csv' });
    const second = files.next();
    stop.abort();
    await expect(second).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(left()).toEqual(['000007-000000']);
  });

  it('writes nothing when it was cancelled before', async () => {
    const files = unpack(
      spooled(zipOf(named('a.csv'))),
      optionsOf({ signal: AbortSignal.abort() }),
    );
    await expect(files.next()).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(left()).toEqual([]);
  });

  it('says which member is damaged, and leaves nothing of it', async () => {
    const archive = zipOf([...named('a.csv'), { name: 'b.csv', bytes: Buffer.alloc(9), crc: 1 }]);
    await expect(members(archive)).rejects.toMatchObject({
      code: 'CORRUPT_COMPRESSION',
      message: expect.stringContaining('member b.csv does not match its checksum'),
    });
    expect(left()).toEqual(['000007-000000']);
    const cut = gzipSync('a,b\n').subarray(0, -3);
    await expect(members(zipOf([{ name: 'c.csv.gz', bytes: cut }]))).rejects.toMatchObject({
      code: 'CORRUPT_COMPRESSION',
      message: expect.stringMatching(/in\/drop\.zip!c\.csv\.gz is a truncated or damaged GZIP/),
    });
    await expect(
      members(zipOf([{ name: 'c.csv', bytes: Buffer.alloc(9), flags: 0x801 }])),
    ).rejects.toMatchObject({ code: 'ENCRYPTED_FILE' });
  });

  it('refuses by its beginning what nobody could read, before the rest is written', async () => {
    const looked: [string, number][] = [];
    const look = (beginning: Buffer, origin: string) => {
      looked.push([origin, beginning.length]);
      if (beginning.includes(0)) throw new AppError('NOT_DELIMITED_TEXT', `${origin} has NULs`);
    };
    const [small, large] = [Buffer.alloc(1000), Buffer.alloc(3_000_000, 'a\n')];
    const bytes = zipOf([
      { name: 'small.csv', bytes: small },
      { name: 'large.csv', bytes: large },
      { name: 'zeros.csv', bytes: Buffer.alloc(3_000_000) },
    ]);
    const files = unpack(spooled(bytes), optionsOf({ look }));
    await files.next();
    const second = await files.next();
    expect(readFileSync(second.value!.path).equals(large)).toBe(true);
    await expect(files.next()).rejects.toMatchObject({ code: 'NOT_DELIMITED_TEXT' });
    expect(looked).toEqual([
      ['in/drop.zip!large.csv', 2 ** 20],
      ['in/drop.zip!zeros.csv', 2 ** 20],
    ]);
    expect(left()).toEqual(['000007-000000', '000007-000001']);
  });

  it('closes the archive when the reader wants no more', async () => {
    const files = unpack(spooled(zipOf(named('a.csv', 'b.csv'))), optionsOf());
    await files.next();
    await files.return();
    expect(left()).toEqual(['000007-000000']);
  });
});

describe('what a file is', () => {
  const workbook = zipOf(named('[Content_Types].xml', '_rels/.rels', 'xl/workbook.xml'));

  it('is an archive when it begins as one', async () => {
    expect(await isArchive(spooled(workbook).path)).toBe(true);
    expect(await isArchive(spooled(zipOf([])).path)).toBe(true);
    expect(await isArchive(spooled(Buffer.from('a,b')).path)).toBe(false);
    expect(await isArchive(spooled(Buffer.from('P')).path)).toBe(false);
    expect(await isArchive(spooled(gzipSync('a')).path)).toBe(false);
  });

  it('is a workbook when it has the parts of one', async () => {
    expect(await isWorkbook(spooled(workbook).path)).toBe(true);
    expect(await isWorkbook(spooled(zipOf(named('a.xlsx', 'xl/b.xlsx'))).path)).toBe(false);
    expect(await isWorkbook(spooled(zipOf(named('[Content_Types].xml', 'word/x'))).path)).toBe(
      false,
    );
    expect(await isWorkbook(spooled(workbook.subarray(0, 60)).path)).toBe(false);
    expect(await isWorkbook(spooled(Buffer.from('a,b')).path)).toBe(false);
  });
});
