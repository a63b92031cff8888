const magic: readonly (readonly [what: string, ...bytes: number[]])[] = [
  ['gzip', 0x1f, 0x8b],
  ['a zip archive or an XLSX workbook', 0x50, 0x4b, 0x03, 0x04],
  ['an empty zip archive', 0x50, 0x4b, 0x05, 0x06],
  ['zstd', 0x28, 0xb5, 0x2f, 0xfd],
  ['bzip2', 0x42, 0x5a, 0x68],
  ['xz', 0xfd, 0x37, 0x7a, 0x58, 0x5a],
  ['a 7z archive', 0x37, 0x7a, 0xbc, 0xaf],
  ['an XLS workbook or another Office file', 0xd0, 0xcf, 0x11, 0xe0],
  ['a Parquet file', ...Buffer.from('PAR1')],
  ['an ORC file', ...Buffer.from('ORC')],
  ['an Avro file', ...Buffer.from('Obj'), 1],
  ['an Arrow file', ...Buffer.from('ARROW1')],
  ['a SQLite database', ...Buffer.from('SQLite format 3\0')],
  ['a PDF', ...Buffer.from('%PDF-')],
  ['a PNG image', 0x89, 0x50, 0x4e, 0x47],
  ['a GIF image', ...Buffer.from('GIF8')],
  ['a JPEG image', 0xff, 0xd8, 0xff],
  ['an ELF program', 0x7f, 0x45, 0x4c, 0x46],
];

// Short signatures of letters could begin a header, so they count only beside bytes that no text has.
const control = /[\0-\x08\x0e-\x1f]/;

/** What kind of file begins so, for people; undefined when it may be text. */
export function kindOfBytes(bytes: Buffer): string | undefined {
  const found = magic.find(([, ...start]) => start.every((byte, at) => bytes[at] === byte));
  if (!found) return undefined;
  const [what, ...start] = found;
  const letters = start.every((byte) => byte >= 0x20 && byte < 0x7f);
  if (letters && !control.test(bytes.toString('latin1', 0, 4096))) return undefined;
  return what;
}
