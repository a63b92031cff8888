import { spawnSync } from 'node:child_process';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openZip } from '../../src/zip/archive.js';
import { zipStream, type NewMember } from '../../src/zip/writer.js';

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'bucketql-zip-writer-'));
});
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

const bytesOf = (...pieces: readonly (string | Uint8Array)[]) =>
  Readable.from(pieces.map((piece) => Buffer.from(piece)));

async function* membersOf(contents: Readonly<Record<string, string>>): AsyncGenerator<NewMember> {
  for (const [name, content] of Object.entries(contents)) {
    await Promise.resolve();
    yield { name, bytes: bytesOf(content) };
  }
}

let archives = 0;

async function written(members: AsyncIterable<NewMember>): Promise<string> {
  const path = join(dir, `${++archives}.zip`);
  await pipeline(zipStream(members), createWriteStream(path));
  return path;
}

async function contentsOf(path: string): Promise<Record<string, string>> {
  const archive = await openZip(path, 'new.zip', { maxMembers: 100_000 });
  const contents: Record<string, string> = {};
  for (const member of archive.members) {
    const pieces: Buffer[] = [];
    for await (const piece of archive.read(member)) pieces.push(piece);
    contents[member.name] = Buffer.concat(pieces).toString();
  }
  await archive.close();
  return contents;
}

// What python3, unzip or nobody says, for want of a program: the second list is then as empty as the first.
function askedOf(program: string, options: readonly string[]): string | undefined {
  const { error, status, stdout, stderr } = spawnSync(program, options);
  if (error) return undefined;
  if (status !== 0) throw new Error(`${program}: ${stderr.toString()}`);
  return stdout.toString();
}

const rows = Array.from({ length: 50_000 }, (_, i) => `${i},${i * i}\n`).join('');

describe('an archive that is written', () => {
  it('holds its members, by names in UTF-8 and in their order', async () => {
    const contents = { 'a/rows.csv': rows, 'größe 東京.txt': 'ü', empty: '', 'z.bin': '\0\n' };
    const path = await written(membersOf(contents));
    const read = await contentsOf(path);
    expect(read).toEqual(contents);
    expect(Object.keys(read)).toEqual(Object.keys(contents));
  });

  it('may have no members, or many', async () => {
    expect(await contentsOf(await written(membersOf({})))).toEqual({});
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`${i}.csv`, `${i}`]));
    expect(await contentsOf(await written(membersOf(many)))).toEqual(many);
  });

  it('depends on its members alone: not on the time, nor on where it is made', async () => {
    const archive = async () =>
      Buffer.concat(await zipStream(membersOf({ a: rows, b: 'b' })).toArray());
    expect((await archive()).equals(await archive())).toBe(true);
    // 1980-01-01 00:00 (APPNOTE 4.4.6), in the header of the first member.
    expect((await archive()).readUInt32LE(10)).toBe(0x00210000);
  });

  it.each([
    [
      'python3',
      [
        '-c',
        'import sys, zipfile; a = zipfile.ZipFile(sys.argv[1]); print(a.testzip(), a.namelist())',
      ],
      "None ['größe.csv', 'b']",
    ],
    ['unzip', ['-t'], 'No errors detected'],
  ])('is whole for %s, where that is installed', async (program, options, expected) => {
    const path = await written(membersOf({ 'größe.csv': rows, b: 'b' }));
    const said = askedOf(program, [...options, path]);
    expect(said ?? `${program} is not installed: ${expected}`).toContain(expected);
  });

  it('asks for a member when the bytes of the one before were taken', async () => {
    const events: string[] = [];
    async function* members(): AsyncGenerator<NewMember> {
      for (const name of ['a', 'b']) {
        events.push(`asked for ${name}`);
        const bytes = async function* () {
          yield Buffer.from(name);
          await Promise.resolve();
          events.push(`end of ${name}`);
        };
        yield { name, bytes: bytes() };
        await Promise.resolve();
      }
    }
    await zipStream(members()).toArray();
    expect(events).toEqual(['asked for a', 'end of a', 'asked for b', 'end of b']);
  });

  it('takes no more from a member than is read of it', async () => {
    let taken = 0;
    let returned = false;
    async function* endless() {
      try {
        for (;;) {
          await Promise.resolve();
          taken += 65_536;
          // Nothing that could be made smaller.
          yield crypto.getRandomValues(new Uint8Array(65_536));
        }
      } finally {
        returned = true;
      }
    }
    const stream = zipStream(Readable.from([{ name: 'endless', bytes: endless() }]));
    for (let before = -1, turns = 0; turns < 50; turns = before === taken ? turns + 1 : 0) {
      before = taken;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(taken).toBeLessThan(2 ** 21);
    const closed = new Promise((resolve) => stream.once('close', resolve));
    stream.destroy();
    await closed;
    for (let turns = 0; !returned && turns < 1000; turns++) await new Promise(setImmediate);
    // Whoever makes the bytes can clean up.
    expect(returned).toBe(true);
  });

  it.each<[string, AsyncIterable<NewMember>, RegExp]>([
    ['bytes that fail', failing('bytes'), /no more bytes/],
    ['members that fail', failing('members'), /no more members/],
    ['a name that leads out of it', membersOf({ good: 'x', '../bad': 'y' }), /relative path/],
  ])('ends with an error for %s, and has no directory', async (_, members, message) => {
    const read: Buffer[] = [];
    const stream = zipStream(members);
    const reading = pipeline(stream, async (pieces: AsyncIterable<Buffer>) => {
      for await (const piece of pieces) read.push(piece);
    });
    await expect(reading).rejects.toThrow(message);
    expect(Buffer.concat(read).includes('PK\x05\x06')).toBe(false);
    expect(stream.readableEnded).toBe(false);
  });
});

async function* failing(what: 'bytes' | 'members'): AsyncGenerator<NewMember> {
  async function* bytes() {
    yield Buffer.from(rows);
    await Promise.resolve();
    throw new Error('no more bytes');
  }
  yield { name: 'first', bytes: bytesOf(rows) };
  await Promise.resolve();
  if (what === 'members') throw new Error('no more members');
  yield { name: 'second', bytes: bytes() };
}
