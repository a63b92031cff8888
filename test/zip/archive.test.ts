import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { zip } from '../../src/compression/zip.js';
import { openZip, type ZipArchive } from '../../src/zip/archive.js';
import { zipOf, type ZipEntry } from '../support/zip.js';

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'bucketql-zip-'));
});
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

const text = (content: string) => Buffer.from(content);
const rows = text(Array.from({ length: 5000 }, (_, i) => `${i},${i * i}`).join('\n'));

async function opened<T>(
  bytes: Buffer,
  use: (archive: ZipArchive) => Promise<T>,
  maxMembers = 1000,
): Promise<T> {
  const path = join(dir, 'archive');
  writeFileSync(path, bytes);
  const archive = await openZip(path, 'drop.zip', { maxMembers });
  try {
    return await use(archive);
  } finally {
    await archive.close();
  }
}

// Everything in an archive: [name, content].
const contents = (bytes: Buffer, maxMembers?: number) =>
  opened(
    bytes,
    async (archive) => {
      const all: [string, string][] = [];
      for (const member of archive.members) {
        const pieces: Buffer[] = [];
        for await (const piece of await archive.open(member)) pieces.push(piece as Buffer);
        all.push([member.name, Buffer.concat(pieces).toString()]);
      }
      return all;
    },
    maxMembers,
  );

const corrupt = (message: RegExp) => ({
  code: 'CORRUPT_COMPRESSION',
  message: expect.stringMatching(message),
  details: { file: 'drop.zip' },
});

// Writes over a number of the end record.
function withEnd(archive: Buffer, at: number, value: number, bytes: 2 | 4): Buffer {
  const changed = Buffer.from(archive);
  changed.writeUIntLE(value, changed.length - 22 + at, bytes);
  return changed;
}

describe('zip archives', () => {
  it('are recognised by their beginning', () => {
    expect(zip.begins(zipOf([{ name: 'a', bytes: text('x') }]))).toBe(true);
    expect(zip.begins(zipOf([]))).toBe(true);
    expect(zip.begins(text('PK'))).toBe(false);
    expect(zip.begins(text('PKZIP is old'))).toBe(false);
  });

  it('give their members in the order of the directory, stored or deflated, with comments', async () => {
    const entries: ZipEntry[] = [
      { name: 'b.csv', bytes: rows },
      { name: 'folder/', bytes: text(''), store: true },
      { name: 'folder/a.csv', bytes: rows, store: true, comment: 'of a member' },
      { name: 'empty', bytes: text('') },
    ];
    expect(await contents(zipOf(entries, 'of the archive'))).toEqual([
      ['b.csv', rows.toString()],
      ['folder/', ''],
      ['folder/a.csv', rows.toString()],
      ['empty', ''],
    ]);
    expect(await contents(zipOf([]))).toEqual([]);
  });

  it('are read as real tools write them: with data descriptors, zip64 and no sizes in front', async () => {
    // Made by Info-ZIP from a pipe (`printf 'a,b\n1,2\n' | zip -fz - -`): version 4.5, bit 3, zip64 fields.
    const content = text('a,b\n1,2\n');
    expect(await contents(streamedZip64('-', content))).toEqual([['-', content.toString()]]);
  });

  it('know names in UTF-8, in code page 437 and in the field of Info-ZIP, with slashes', async () => {
    const raw = Buffer.from([0x8e, 0x5c, 0x94, 0x2e, 0x63]);
    const field = Buffer.concat([Buffer.alloc(9), text('größe.csv')]);
    field.writeUInt16LE(0x7075, 0);
    field.writeUInt16LE(field.length - 4, 2);
    field[4] = 1;
    field.writeUInt32LE(crc32(raw), 5);
    const read = await contents(
      zipOf([
        { name: 'größe.csv', bytes: text('1') },
        { name: raw, bytes: text('2'), flags: 0 },
        { name: raw, bytes: text('3'), flags: 0, extra: field },
        { name: Buffer.from([0xff, 0x61]), bytes: text('4'), flags: 0x800 },
      ]),
    );
    expect(read.map(([name]) => name)).toEqual(['größe.csv', 'Ä/ö.c', 'größe.csv', '\ufffda']);
  });

  it('may have bytes in front, whether the directory counts them or not, and bytes behind', async () => {
    const plain = zipOf([{ name: 'a', bytes: rows }]);
    const program = Buffer.alloc(1000, 'x');
    const shifted = Buffer.concat([program, plain]);
    const directory = shifted.readUInt32LE(shifted.length - 6) + program.length;
    shifted.writeUInt32LE(directory, shifted.length - 6);
    shifted.writeUInt32LE(program.length, directory + 42);
    expect(await contents(shifted)).toEqual([['a', rows.toString()]]);
    expect(await contents(Buffer.concat([plain, text('newline\n')]))).toHaveLength(1);
    expect(await contents(Buffer.concat([program, plain]))).toEqual([['a', rows.toString()]]);
  });

  it('may have the signature of an end in their comment', async () => {
    const fake = Buffer.alloc(22, 0xee);
    fake.writeUInt32LE(0x06054b50, 0);
    fake.writeUInt16LE(0, 20);
    const latin = zipOf([{ name: 'a', bytes: text('x') }]);
    latin.writeUInt16LE(fake.length, latin.length - 2);
    expect(await contents(Buffer.concat([latin, fake]))).toEqual([['a', 'x']]);
  });

  it('are refused when they are cut, wherever', async () => {
    const whole = zipOf([
      { name: 'a.csv', bytes: rows },
      { name: 'b.csv', bytes: rows },
    ]);
    for (let tenth = 0; tenth < 10; tenth++) {
      const cut = whole.subarray(0, Math.floor((whole.length * tenth) / 10));
      await expect(contents(cut)).rejects.toMatchObject(corrupt(/no end record/));
    }
    await expect(contents(whole.subarray(0, -1))).rejects.toMatchObject(corrupt(/no end record/));
    await expect(contents(whole.subarray(100))).rejects.toMatchObject(corrupt(/./));
  });

  it('are refused when a byte of a member is another', async () => {
    const whole = zipOf([{ name: 'a.csv', bytes: rows }]);
    for (const at of [500, 5000, 12_000]) {
      const changed = Buffer.from(whole);
      changed[at]! ^= 0x55;
      await expect(contents(changed)).rejects.toMatchObject(corrupt(/member a\.csv/));
    }
    const stored = zipOf([{ name: 'a.csv', bytes: rows, store: true }]);
    stored[5000]! ^= 1;
    await expect(contents(stored)).rejects.toMatchObject(corrupt(/checksum/));
    await expect(contents(zipOf([{ name: 'a.csv', bytes: rows, crc: 1 }]))).rejects.toMatchObject(
      corrupt(/a\.csv does not match its checksum/),
    );
  });

  const deflated = deflateRawSync(rows);
  it.each<[string, Partial<ZipEntry>, RegExp]>([
    ['less than it has', { size: 10 }, /larger than the 10 bytes/],
    ['more than it has', { size: rows.length + 1 }, /has \d+ of the \d+ bytes/],
    ['no bytes', { size: 0 }, /larger than the 0 bytes/],
    ['stored bytes of another size', { store: true, size: 10 }, /larger than the 10 bytes/],
    ['a shorter stream', { compressedSize: deflated.length - 4 }, /damaged \(unexpected end/],
    ['an empty stream', { compressedSize: 0 }, /damaged \(unexpected end/],
    [
      'a longer stream',
      { compressed: Buffer.concat([deflated, text('hidden')]) },
      /damaged \(something follows/,
    ],
    ['a stream over the directory', { compressedSize: 10_000_000 }, /overlaps/],
  ])('are refused when the directory says of a member: %s', async (_, lie, message) => {
    await expect(contents(zipOf([{ name: 'a', bytes: rows, ...lie }]))).rejects.toMatchObject(
      corrupt(message),
    );
  });

  it('are refused when members share bytes', async () => {
    const same = [
      { name: 'a', bytes: rows },
      { name: 'b', bytes: rows, sameDataAs: 0 },
    ];
    await expect(contents(zipOf(same))).rejects.toMatchObject(corrupt(/overlaps/));
    // The first quotes the header of the second in its own stream.
    const second = zipOf([{ name: 'b', bytes: rows }]);
    const header = second.subarray(0, 31);
    const block = Buffer.alloc(5);
    block.writeUInt16LE(header.length, 1);
    block.writeUInt16LE(header.length ^ 0xffff, 3);
    const quoting = zipOf([
      {
        name: 'a',
        bytes: Buffer.concat([header, rows]),
        compressed: Buffer.concat([block, header, deflated]),
      },
    ]);
    const directory = quoting.readUInt32LE(quoting.length - 6);
    const entry = Buffer.from(second.subarray(second.readUInt32LE(second.length - 6), -22));
    entry.writeUInt32LE(31 + block.length, 42);
    const end = Buffer.from(quoting.subarray(-22));
    end.writeUInt16LE(2, 10);
    end.writeUInt32LE(quoting.length - 22 - directory + entry.length, 12);
    const both = Buffer.concat([quoting.subarray(0, -22), entry, end]);
    await expect(contents(both)).rejects.toMatchObject(corrupt(/member a overlaps/));
    // Behind a header that is longer than the directory knows.
    const long = zipOf([{ name: 'a', localName: 'a'.repeat(400), bytes: text('x'.repeat(9)) }]);
    long.writeUInt16LE(60_000, 28);
    await expect(contents(long)).rejects.toMatchObject(corrupt(/member a overlaps/));
  });

  it.each<[string, number]>([
    ['deflate64', 9],
    ['bzip2', 12],
    ['LZMA', 14],
    ['zstd', 93],
    ['implode', 6],
    ['77', 77],
  ])('name the method that is not read: %s', async (name, method) => {
    await expect(contents(zipOf([{ name: 'a.csv', bytes: rows, method }]))).rejects.toMatchObject(
      corrupt(new RegExp(`member a\\.csv.*method ${method}.*${name === '77' ? '' : name}`)),
    );
  });

  it('that are encrypted are called so, but their other members can be read', async () => {
    const mixed = zipOf([
      { name: 'open.csv', bytes: text('1') },
      { name: 'secret.csv', bytes: rows, flags: 0x801 },
      { name: 'aes.csv', bytes: rows, method: 99 },
    ]);
    await opened(mixed, async (archive) => {
      const [first, secret, aes] = archive.members;
      expect((await (await archive.open(first!)).toArray()).toString()).toBe('1');
      for (const member of [secret!, aes!]) {
        await expect(archive.open(member)).rejects.toMatchObject({
          code: 'ENCRYPTED_FILE',
          message: expect.stringContaining(member.name),
        });
      }
    });
    const masked = zipOf([{ name: 'a', bytes: rows, flags: 0x2041 }]);
    await expect(contents(masked)).rejects.toMatchObject({ code: 'ENCRYPTED_FILE' });
  });

  it('that are parts of a split one are called so', async () => {
    const whole = zipOf([{ name: 'a', bytes: rows }]);
    await expect(contents(withEnd(whole, 4, 2, 2))).rejects.toMatchObject(corrupt(/one part/));
  });

  it('are refused when the end record miscounts the members', async () => {
    const entries = ['a', 'b', 'c'].map((name) => ({ name, bytes: text(name) }));
    for (const count of [0, 2, 4]) {
      await expect(contents(withEnd(zipOf(entries), 10, count, 2))).rejects.toMatchObject(
        corrupt(/lists 3 members where its end record says/),
      );
    }
  });

  it('of too many members are refused, whether they say so or not', async () => {
    const entries = Array.from({ length: 30 }, (_, i) => ({ name: `${i}`, bytes: text('') }));
    const tooMany = {
      code: 'TOO_MANY_MEMBERS',
      message: expect.stringContaining('BUCKETQL_MAX_MEMBERS'),
      details: { file: 'drop.zip', limit: 'BUCKETQL_MAX_MEMBERS' },
    };
    expect(await contents(zipOf(entries), 30)).toHaveLength(30);
    await expect(contents(zipOf(entries), 29)).rejects.toMatchObject(tooMany);
    await expect(contents(withEnd(zipOf(entries), 10, 1, 2), 29)).rejects.toMatchObject(tooMany);
    // Said in the end record alone: the directory is not looked at.
    await expect(contents(withEnd(zipOf([]), 10, 60_000, 2))).rejects.toMatchObject(tooMany);
  });

  it('of more than 65,535 members are read by their zip64 records, or by a count that ran over', async () => {
    const count = 65_600;
    const many = zip64Of(count);
    const read = (bytes: Buffer) =>
      opened(
        bytes,
        async (archive) => ({
          count: archive.members.length,
          last: (await (await archive.open(archive.members.at(-1)!)).toArray()).toString(),
        }),
        100_000,
      );
    const expected = { count, last: String(count - 1) };
    expect(await read(many)).toEqual(expected);
    // Some old writers keep 16 bits of the count.
    const old = Buffer.concat([many.subarray(0, -(56 + 20 + 22)), many.subarray(-22)]);
    const directory = many.readUInt32LE(many.length - 22 - 20 - 56 + 48);
    old.fill(0, old.length - 18, old.length - 14);
    old.writeUInt16LE(count - 65_536, old.length - 12);
    old.writeUInt32LE(old.length - 22 - directory, old.length - 10);
    old.writeUInt32LE(directory, old.length - 6);
    expect(await read(old)).toEqual(expected);
  });

  it('are refused when their zip64 records point anywhere', async () => {
    const many = zip64Of(3);
    for (const [from, value] of [
      [20 + 22 - 8, 5n],
      [20 + 22 - 8, 2n ** 60n],
      [20 + 22 + 56 - 48, 2n ** 60n],
      [20 + 22 + 56 - 40, 2n ** 63n],
    ] as const) {
      const changed = Buffer.from(many);
      changed.writeBigUInt64LE(value, changed.length - from);
      await expect(contents(changed)).rejects.toMatchObject(corrupt(/zip64|directory/));
    }
  });

  it('with names that fill the memory are refused', async () => {
    const long = zipOf([{ name: 'x'.repeat(5000), bytes: text('') }]);
    await expect(contents(long)).rejects.toMatchObject(corrupt(/name of member 1/));
  });

  it('never name what is no archive one', async () => {
    await expect(contents(text('a,b\n1,2\n'))).rejects.toMatchObject(corrupt(/no end record/));
    await expect(contents(text(''))).rejects.toMatchObject(corrupt(/no end record/));
    await expect(contents(readFileSync(__filename))).rejects.toMatchObject(
      corrupt(/no end record/),
    );
  });
});

// Members 0, 1, 2 ... whose content is their number; all counts in zip64 records.
function zip64Of(count: number): Buffer {
  const locals: Buffer[] = [];
  const entries: Buffer[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const name = text(String(i));
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt32LE(crc32(name), 14);
    local.writeUInt32LE(name.length, 18);
    local.writeUInt32LE(name.length, 22);
    local.writeUInt16LE(name.length, 26);
    locals.push(local, name, name);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    local.copy(entry, 6, 4, 28);
    entry.writeUInt32LE(at, 42);
    entries.push(entry, name);
    at += 30 + 2 * name.length;
  }
  const directory = Buffer.concat(entries);
  const end64 = Buffer.alloc(56);
  end64.writeUInt32LE(0x06064b50, 0);
  end64.writeBigUInt64LE(44n, 4);
  end64.writeBigUInt64LE(BigInt(count), 24);
  end64.writeBigUInt64LE(BigInt(count), 32);
  end64.writeBigUInt64LE(BigInt(directory.length), 40);
  end64.writeBigUInt64LE(BigInt(at), 48);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(BigInt(at + directory.length), 8);
  locator.writeUInt32LE(1, 16);
  const end = Buffer.alloc(22, 0xff);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(0, 20);
  return Buffer.concat([...locals, directory, end64, locator, end]);
}

// As written into a pipe: sizes and checksum behind the content, the directory's in a zip64 field.
function streamedZip64(name: string, content: Buffer): Buffer {
  const data = deflateRawSync(content);
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(45, 4);
  local.writeUInt16LE(8, 6);
  local.writeUInt16LE(8, 8);
  local.writeUInt32LE(0xffffffff, 18);
  local.writeUInt32LE(0xffffffff, 22);
  local.writeUInt16LE(name.length, 26);
  local.writeUInt16LE(20, 28);
  const localExtra = Buffer.alloc(20);
  localExtra.writeUInt16LE(1, 0);
  localExtra.writeUInt16LE(16, 2);
  const descriptor = Buffer.alloc(24);
  descriptor.writeUInt32LE(0x08074b50, 0);
  descriptor.writeUInt32LE(crc32(content), 4);
  descriptor.writeBigUInt64LE(BigInt(data.length), 8);
  descriptor.writeBigUInt64LE(BigInt(content.length), 16);
  const entry = Buffer.alloc(46, 0);
  entry.writeUInt32LE(0x02014b50, 0);
  local.copy(entry, 6, 4, 28);
  entry.writeUInt32LE(crc32(content), 16);
  entry.writeUInt16LE(28, 30);
  entry.writeUInt32LE(0xffffffff, 42);
  const extra = Buffer.alloc(28);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(24, 2);
  extra.writeBigUInt64LE(BigInt(content.length), 4);
  extra.writeBigUInt64LE(BigInt(data.length), 12);
  const front = Buffer.concat([local, text(name), localExtra, data, descriptor]);
  const directory = Buffer.concat([entry, text(name), extra]);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(front.length, 16);
  return Buffer.concat([front, directory, end]);
}
