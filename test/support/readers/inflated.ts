import { gunzipSync } from 'node:zlib';
import xlsx from 'xlsx';
import type { ForeignReaders } from './foreign.js';

/** What an object's bytes are without their compression; a zip must hold one member of this name. */
export async function inflated(
  readers: ForeignReaders,
  bytes: Buffer,
  compression: string,
  memberName: string,
): Promise<Buffer> {
  switch (compression) {
    case 'NONE':
      return bytes;
    case 'GZIP':
      return gunzipSync(bytes);
    case 'ZSTD':
      return readers.zstd(bytes);
    case 'ZIP':
      return onlyMember(bytes, memberName);
    default:
      throw new Error(`Nothing here reads ${compression}`);
  }
}

interface Container {
  readonly FullPaths: readonly string[];
  readonly FileIndex: readonly { readonly content?: Uint8Array }[];
}

function onlyMember(bytes: Buffer, memberName: string): Buffer {
  const { FullPaths, FileIndex } = (
    xlsx.CFB as { read(bytes: Buffer, options: { type: 'buffer' }): Container }
  ).read(bytes, { type: 'buffer' });
  // The first is the root, and some entries are the reader's own.
  const members = FullPaths.map((path, at) => [path, FileIndex[at]?.content] as const).filter(
    ([path]) => !path.endsWith('/') && !path.includes('Sh33tJ5'),
  );
  const names = members.map(([path]) => path.replace(/^Root Entry\//, ''));
  if (names.join() !== memberName) {
    throw new Error(`The zip holds ${names.join(', ')} and not ${memberName} alone`);
  }
  return Buffer.from(members[0]?.[1] ?? []);
}
