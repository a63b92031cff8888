/*
 * The stream of an XLS workbook is a list of records: two bytes type, two bytes length, data ([MS-XLS] 2.1.4). The
 * library reads what it can of a broken one without a word, so the list is walked first.
 */

const eof = 0x000a;
const filePass = 0x002f;
const boundSheet = 0x0085;
const beginnings = new Set([0x0009, 0x0209, 0x0409, 0x0809]);

/** Whether the workbook can be read: all its sheets are whole, or it is encrypted. */
export type StreamState = 'whole' | 'encrypted';

/** Walks the records of a workbook and of its sheets. @throws RangeError that says what is broken */
export function checkRecords(stream: Buffer): StreamState {
  const sheets: number[] = [];
  let encrypted = false;
  walk(stream, 0, 'the workbook', (type, at, length) => {
    if (type === filePass) encrypted = true;
    if (type === boundSheet && length >= 6) sheets.push(stream.readUInt32LE(at));
    return !encrypted; // the rest cannot be understood
  });
  if (encrypted) return 'encrypted';
  sheets.forEach((place, position) => walk(stream, place, `sheet ${position + 1}`, () => true));
  return 'whole';
}

/** True for streams of the time before compound files: they begin with the first record. */
export function beginsWithRecord(start: Buffer): boolean {
  return start.length >= 4 && beginnings.has(start.readUInt16LE(0)) && start.readUInt16LE(2) <= 16;
}

/** From a record that begins something to the one that ends it; charts lie in sheets. */
function walk(
  stream: Buffer,
  start: number,
  what: string,
  see: (type: number, at: number, length: number) => boolean,
): void {
  let depth = 0;
  let at = start;
  do {
    if (at + 4 > stream.length) throw new RangeError(`${what} has no end`);
    const type = stream.readUInt16LE(at);
    const length = stream.readUInt16LE(at + 2);
    at += 4;
    if (at + length > stream.length) throw new RangeError(`${what} is cut in a record`);
    if (beginnings.has(type)) depth++;
    else if (depth === 0) throw new RangeError(`${what} does not begin where it should`);
    else if (type === eof) depth--;
    if (!see(type, at, length)) return;
    at += length;
  } while (depth > 0);
}
