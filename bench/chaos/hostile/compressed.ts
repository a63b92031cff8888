import { writeFile } from 'node:fs/promises';
import { crc32, gzipSync } from 'node:zlib';
import { imported, refused, type HostileCase } from './hostile-case.js';
import { numbered } from './writing.js';
import { deflatedTimes, member, repeatedMember, zip, type Member } from './zip-tricks.js';

const csv = { type: 'CSV' };
const gigabyte = 2 ** 30;
const megabyte = 2 ** 20;
const rows = 1000;
const table = `id,name\n${[...numbered(rows, (n) => `${n},name ${(n * 7919) % 10007}\n`)].join('')}`;

// Rows of 512 bytes, a megabyte of them; the first row of all is taken for the header.
const rowBytes = 512;
const block = Buffer.from(`7,${'x'.repeat(rowBytes - 3)}\n`.repeat(megabyte / rowBytes));

/** The name of a member that would stand outside of every folder of ours. */
export const absoluteMember = '/tmp/bucketql-hostile.csv';

/** Streams and archives that are broken, lie, or are far larger than they look. */
export const compressed: readonly HostileCase[] = [
  bytes('gzip-truncated', 'a.csv.gz', () => gzipSync(table).subarray(0, -1000)),
  bytes('gzip-truncated-trailer', 'a.csv.gz', () => gzipSync(table).subarray(0, -4)),
  bytes('gzip-wrong-crc', 'a.csv.gz', () => spoilt(gzipSync(table), -8)),
  bytes('zstd-truncated', 'a.csv.zst', () => zstd([raw(table, false), raw(table, true)], -100)),
  bytes('zstd-wrong-checksum', 'a.csv.zst', () => zstd([raw(table, true)], 0, true)),
  bytes('zip-truncated', 'a.zip', () => zip([member('a.csv', table)]).subarray(0, -30)),
  bytes('zip-wrong-crc', 'a.zip', () => zip([{ ...member('a.csv', table), checksum: 1 }])),
  {
    ...bytes('gzip-zeros-1-gb', 'a.csv.gz', () => gzipBomb(Buffer.alloc(megabyte), 1024)),
    outcomes: [refused('OBJECT_TOO_LARGE', 'NOT_DELIMITED_TEXT', 'CELL_TOO_LONG')],
  },
  {
    ...bytes('gzip-rows-1000-to-1', 'a.csv.gz', () => gzipBomb(block, gigabyte / megabyte)),
    outcomes: [refused('OBJECT_TOO_LARGE'), imported(gigabyte / rowBytes - 1)],
    // Good rows within the limits: what any gigabyte of CSV takes to load, which BUCKETQL_MEMORY_LIMIT lessens.
    mostMB: 1300,
  },
  tooLarge('zstd-bomb', 'a.csv.zst', () => zstdBomb(8 * gigabyte)),
  {
    ...bytes('zip-flat-8-gb', 'a.zip', () =>
      zip([repeatedMember('a.csv', [Buffer.alloc(64 * megabyte), 128])]),
    ),
    outcomes: [refused('OBJECT_TOO_LARGE', 'NOT_DELIMITED_TEXT')],
  },
  {
    ...bytes('zip-overlapping', 'a.zip', () => {
      const first = repeatedMember('0.csv', [block, 20]);
      const names = Array.from({ length: 2000 }, (_, n) => `${n}.csv`);
      return zip(names.map((name, n) => (n === 0 ? first : { ...first, name, over: 0 })));
    }),
    outcomes: [refused('CORRUPT_COMPRESSION', 'OBJECT_TOO_LARGE')],
  },
  {
    ...bytes('zip-nested-three-deep', 'a.zip', () => nested(3, 1)),
    outcomes: [refused('MEMBER_NOT_FOUND')],
  },
  {
    ...bytes('zip-42', 'a.zip', () => nested(5, 16)),
    outcomes: [refused('MEMBER_NOT_FOUND', 'OBJECT_TOO_LARGE')],
  },
  tooLarge('zip-nested-bomb', 'a.zip', () =>
    zip([member('b.zip', zip([repeatedMember('a.csv', [Buffer.alloc(megabyte), 4096])]))]),
  ),
  bytes('zip-says-less', 'a.zip', () => zip([{ ...zeros('a.csv'), size: 10 }])),
  bytes('zip-says-more', 'a.zip', () =>
    zip([{ ...member('a.csv', table), size: table.length + 1000 }]),
  ),
  {
    ...bytes('zip-100000-members', 'a.zip', () =>
      zip(Array.from({ length: 100_000 }, (_, n) => member(`${n}.csv`, 'id\n1\n'))),
    ),
    outcomes: [refused('TOO_MANY_MEMBERS')],
  },
  ...['../../../x.csv', absoluteMember, 'C:\\x.csv', '..\\..\\x.csv'].map(
    (name, n): HostileCase => ({
      ...bytes(`zip-member-path-${n}`, 'a.zip', () => zip([member(name, table)])),
      outcomes: [imported(rows), refused('CORRUPT_COMPRESSION')],
    }),
  ),
];

function bytes(name: string, file: string, made: () => Buffer): HostileCase {
  return {
    name,
    file,
    make: (path) => writeFile(path, made()),
    format: csv,
    outcomes: [refused('CORRUPT_COMPRESSION')],
  };
}

function tooLarge(name: string, file: string, made: () => Buffer): HostileCase {
  return { ...bytes(name, file, made), outcomes: [refused('OBJECT_TOO_LARGE')] };
}

function spoilt(whole: Buffer, at: number): Buffer {
  const offset = at < 0 ? whole.length + at : at;
  whole[offset] = whole[offset]! ^ 0xff;
  return whole;
}

function zeros(name: string): Member {
  return repeatedMember(name, [Buffer.alloc(megabyte), 1024]);
}

function gzipBomb(content: Buffer, times: number): Buffer {
  let checksum = 0;
  for (let time = 0; time < times; time++) checksum = crc32(content, checksum);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(checksum, 0);
  trailer.writeUInt32LE((content.length * times) % 2 ** 32, 4);
  const header = Buffer.from('1f8b08000000000000ff', 'hex');
  return Buffer.concat([header, deflatedTimes([content, times]), trailer]);
}

/** Archives in archives, `width` at each level, and a gigabyte of zeros at the bottom. */
function nested(depth: number, width: number): Buffer {
  let inner = zip([zeros('a.csv')]);
  for (let level = 1; level < depth; level++) {
    const one = member('0.zip', inner);
    inner = zip(Array.from({ length: width }, (_, n) => ({ ...one, name: `${n}.zip` })));
  }
  return inner;
}

// Zstandard (RFC 8878): blocks that are stored, and blocks of one byte again and again.

function zstd(blocks: readonly Buffer[], end = 0, withChecksum = false): Buffer {
  // No content size, a window of 128 KiB.
  const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, withChecksum ? 4 : 0, 7 << 3]);
  const whole = Buffer.concat([header, ...blocks, Buffer.alloc(withChecksum ? 4 : 0)]);
  return end === 0 ? whole : whole.subarray(0, end);
}

function raw(text: string, last: boolean): Buffer {
  return Buffer.concat([blockHeader(text.length, 0, last), Buffer.from(text)]);
}

function zstdBomb(size: number): Buffer {
  const most = 128 * 1024;
  const one = Buffer.concat([blockHeader(most, 1, false), Buffer.from([0x30])]);
  const all = Array.from({ length: size / most }, () => one);
  return zstd([raw('id\n', false), ...all, raw('\n', true)]);
}

function blockHeader(size: number, type: number, last: boolean): Buffer {
  const header = Buffer.alloc(3);
  header.writeUIntLE((size << 3) | (type << 1) | (last ? 1 : 0), 0, 3);
  return header;
}
