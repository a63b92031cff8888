import { read, utils, type CellObject } from 'xlsx';
import { fromText, plainDecimal, type Cell, type ReadColumn, type ReadTable } from './shown.js';

/** A workbook by SheetJS: all sheets behind each other, each with its header. */
export function readWorkbook(bytes: Buffer, columns: readonly ReadColumn[]): ReadTable {
  const book = read(bytes, { type: 'buffer', cellNF: true, cellText: false, dense: false });
  const rows: Cell[][] = [];
  let headers: string[] | undefined;
  for (const name of book.SheetNames) {
    const sheet = book.Sheets[name]!;
    const range = sheet['!ref'] === undefined ? undefined : utils.decode_range(sheet['!ref']);
    const cellAt = (r: number, c: number) =>
      sheet[utils.encode_cell({ r, c })] as CellObject | undefined;
    const found = columns.map((_, at) => String(cellAt(0, at)?.v ?? ''));
    if (headers && found.join() !== headers.join()) throw new Error(`${name} has other headers`);
    headers = found;
    for (let r = 1; r <= (range?.e.r ?? 0); r++) {
      rows.push(columns.map((column, at) => cell(cellAt(r, at), column)));
    }
  }
  return { columns: headers, rows };
}

const firstDay = Date.UTC(1899, 11, 30);

function cell(found: CellObject | undefined, { name, type }: ReadColumn): Cell {
  if (found === undefined || found.t === 'z' || found.v === undefined) return null;
  if (found.f !== undefined) throw new Error(`${name} has a formula: ${found.f}`);
  switch (found.t) {
    case 's':
      if (type === 'BOOLEAN') throw new Error(`${name} has the text ${String(found.v)}`);
      return type === 'DECIMAL' ? plainDecimal(String(found.v)) : fromText(String(found.v), type);
    case 'b':
      if (type !== 'BOOLEAN') throw new Error(`${name} has a truth value`);
      return String(found.v);
    case 'n':
      return numberCell(found.v as number, String(found.z ?? ''), { name, type });
    default:
      throw new Error(`${name} has a cell of type ${found.t}`);
  }
}

function numberCell(value: number, format: string, { name, type }: ReadColumn): Cell {
  const isDate = /[ymdhs]/i.test(format.replace(/\[[^\]]*\]|"[^"]*"/g, ''));
  const timed = ['DATE', 'TIME', 'TIMESTAMP', 'TIMESTAMP_TZ'].includes(type);
  if (timed !== isDate) throw new Error(`${name} has the number ${value} shown as ${format}`);
  if (!timed) {
    if (!['INTEGER', 'BIGINT', 'DECIMAL', 'DOUBLE'].includes(type)) {
      throw new Error(`${name} has the number ${value}`);
    }
    return type === 'DECIMAL' ? plainDecimal(String(value)) : fromText(String(value), type);
  }
  // Serial days are doubles: a millisecond is the least that they hold for sure.
  const text = new Date(firstDay + Math.round(value * 86_400_000)).toISOString();
  const time = text.slice(11, 23).replace(/\.?0+$/, (zeros) => (zeros.startsWith('.') ? '' : ''));
  const clock = time.length < 8 ? text.slice(11, 19) : time;
  if (type === 'DATE') {
    if (clock !== '00:00:00') throw new Error(`${name} has a date with the time ${clock}`);
    return text.slice(0, 10);
  }
  if (type === 'TIME') return clock;
  return `${text.slice(0, 10)}T${clock}${type === 'TIMESTAMP_TZ' ? 'Z' : ''}`;
}
