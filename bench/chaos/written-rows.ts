import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';

/** The rows that writebacks under test write, each as `id,value,text`, which needs no quotes anywhere. */
export function rowsOf(count: number): string[] {
  return Array.from({ length: count }, (_, id) => {
    // Random enough that no compression makes it small.
    const text = createHash('sha512').update(String(id)).digest('base64');
    return `${id},${(id * 7919) % 1_000_003},${text}`;
  });
}

/** The header of those rows. */
export const header = 'id,value,text';

/** What an object holds, in the words of {@link rowsOf}; throws when it is no whole file of its format. */
export async function readRows(bytes: Buffer, format: string, compression: string) {
  const plain = compression === 'GZIP' ? gunzipSync(bytes) : bytes;
  switch (format) {
    case 'CSV': {
      const [first, ...lines] = wholeLines(plain);
      if (first !== header) throw new Error(`its header is ${first}`);
      return lines;
    }
    case 'NDJSON':
      return wholeLines(plain).map((line) => textOf(JSON.parse(line) as Row));
    case 'PARQUET': {
      const file = plain.buffer.slice(plain.byteOffset, plain.byteOffset + plain.length);
      const rows = await parquetReadObjects({ file: file as ArrayBuffer, compressors });
      return rows.map((row) => textOf(row as Row));
    }
    default:
      throw new Error(`nothing here reads ${format}`);
  }
}

type Row = Readonly<Record<'id' | 'value' | 'text', string | number>>;

const textOf = ({ id, value, text }: Row) => `${id},${value},${text}`;

function wholeLines(text: Buffer): string[] {
  const lines = text.toString().split('\n');
  if (lines.pop() !== '') throw new Error('its last line has no end');
  return lines;
}
