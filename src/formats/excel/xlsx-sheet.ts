import type { NumberKind } from './dates.js';
import { isoText } from './dates.js';
import { lastColumn, lastRow } from './options.js';
import type { SheetRows } from './rows.js';
import { type DateContext, dateText, isPlain, numberOf, numberText, unescaped } from './values.js';
import type { SharedStrings } from './xlsx-strings.js';
import { PlainCell, type CellType } from './xlsx-cell.js';
import { DateBytes } from './date-bytes.js';
import { Token, type XmlScanner } from './xlsx-xml.js';

/** Elements of a sheet that matter; {@link XmlScanner} numbers them from 1. */
export const sheetElements = ['worksheet', 'sheetData', 'row', 'c', 'v', 'is', 't', 'f', 'rPh'];
const [worksheet, sheetData, row, c, v, is, t, f, rPh] = [1, 2, 3, 4, 5, 6, 7, 8, 9];

/** What a cell's attribute t can say, by its text. */
const cellTypes: ReadonlyMap<string, CellType> = new Map([
  ['n', 'number'],
  ['s', 'shared'],
  ['str', 'text'],
  ['inlineStr', 'text'],
  ['b', 'boolean'],
  ['e', 'error'],
  ['d', 'date'],
]);

/** What cells mean. */
export interface SheetContext extends DateContext {
  readonly strings: SharedStrings;
  readonly styles: readonly NumberKind[];
}

/**
 * Reads the cells of a sheet from the tokens of its XML. Numbers and texts that need no conversion stay bytes all the
 * way. Rows and cells without a reference follow the one before.
 */
export class SheetCells {
  #enough = false;
  #inData = false;
  #row = 0;
  #rowNamed = false;
  #inRow = false;
  #inCell = false;
  #column = -1;
  #type: CellType = 'number';
  #style = 0;
  #formula = false;
  /** Depth of the element of the cell that is read: <v>, or a <t> of <is>; 0: none. */
  #collecting = 0;
  #aloud = false;
  // The value: bytes, or a text where there are entities or several pieces.
  #from: Buffer;
  #start = 0;
  #end = 0;
  #text: string | undefined;
  readonly #plain = new PlainCell();
  readonly #dates = new DateBytes();
  readonly #scanner: XmlScanner;
  readonly #rows: SheetRows;
  readonly #context: SheetContext;

  constructor(scanner: XmlScanner, rows: SheetRows, context: SheetContext) {
    this.#scanner = scanner;
    this.#from = scanner.bytes;
    this.#rows = rows;
    this.#context = context;
  }

  /** Reads as far as the scanner has whole tokens, or until there are enough rows. */
  drain(): void {
    const scanner = this.#scanner;
    for (;;) {
      if (this.#rowNamed && !this.#inCell && scanner.depth === 3) this.#plainCells();
      const token = scanner.next();
      if (token === Token.text) {
        if (this.#collecting > 0) this.#collect();
      } else if (token === Token.open) {
        if (this.#inCell) this.#openInCell();
        else this.#open();
      } else if (token === Token.close) {
        if (scanner.depth < this.#collecting) this.#collecting = 0;
        else if (this.#inCell) this.#closeInCell();
        else {
          this.#close();
          if (this.#enough) return;
        }
      } else return;
    }
  }

  /** Reads cells as long as they are plain ones. */
  #plainCells(): void {
    const scanner = this.#scanner;
    const cell = this.#plain;
    let at = scanner.position(3);
    if (at === -1 || !this.#inRow) return;
    this.#from = scanner.bytes;
    this.#text = undefined;
    this.#formula = false;
    for (;;) {
      const next = cell.read(this.#from, at, this.#column);
      if (next === 0 || cell.column >= lastColumn) break;
      at = next;
      this.#column = cell.column;
      if (cell.start === cell.end) continue;
      this.#style = cell.style;
      this.#type = cell.type;
      this.#start = cell.start;
      this.#end = cell.end;
      this.#endCell();
    }
    scanner.skipTo(at);
  }

  #open(): void {
    const scanner = this.#scanner;
    const { id, depth } = scanner;
    if (id === c && depth === 4 && this.#inRow) this.#beginCell();
    else if (id === row && depth === 3 && this.#inData) {
      this.#inRow = true;
      this.#rowNamed = false;
      this.#column = -1;
      this.#row++;
      for (let place = 0; place < 4 * scanner.attributes.count; place += 4)
        if (isNamed(scanner, place, 0x72)) this.#nameRow(place);
    } else if (id === sheetData && depth === 2) this.#inData = true;
    else if (depth === 1 && id !== worksheet) scanner.fail('is no worksheet');
  }

  #close(): void {
    const { id, depth } = this.#scanner;
    if (id === row && depth === 2 && this.#inRow) {
      this.#inRow = false;
      if (this.#rowNamed) this.#rows.endRow();
      this.#enough = this.#rows.full;
    } else if (id === sheetData && depth === 1) this.#inData = false;
  }

  #nameRow(place: number): void {
    const scanner = this.#scanner;
    const { places } = scanner.attributes;
    const from = places[place + 2]!;
    const to = places[place + 3]!;
    const number = this.#whole(scanner.bytes, from, to);
    if (number < 1 || number > lastRow)
      scanner.fail(`has a row ${number}; rows are 1 to ${lastRow}`);
    this.#row = number;
    this.#beginRow();
  }

  #beginRow(): void {
    this.#rowNamed = true;
    this.#rows.beginRow(this.#row);
  }

  #beginCell(): void {
    const scanner = this.#scanner;
    const { bytes } = scanner;
    const { count, places } = scanner.attributes;
    this.#inCell = true;
    this.#type = 'number';
    this.#style = 0;
    this.#formula = false;
    this.#start = this.#end = 0;
    this.#text = undefined;
    let column = this.#column + 1;
    for (let place = 0; place < 4 * count; place += 4) {
      const at = places[place]!;
      if (places[place + 1]! - at !== 1) continue;
      const from = places[place + 2]!;
      const to = places[place + 3]!;
      const name = bytes[at]!;
      if (name === 0x72) column = this.#reference(from, to);
      else if (name === 0x73) this.#style = this.#whole(bytes, from, to);
      else if (name === 0x74) this.#type = this.#cellType(from, to);
    }
    if (column >= lastColumn) scanner.fail(`has a cell in row ${this.#row} behind column XFD`);
    this.#column = column;
    if (!this.#rowNamed) this.#beginRow();
  }

  /** The column of a reference like AB12. The row's own number goes before the one that stands here. */
  #reference(from: number, to: number): number {
    const { bytes } = this.#scanner;
    let at = from;
    let column = 0;
    while (at < to) {
      const letter = bytes[at]! & 0xdf;
      if (letter < 0x41 || letter > 0x5a) break;
      column = column * 26 + letter - 0x40;
      at++;
    }
    const digitsAt = at;
    let number = 0;
    while (at < to && bytes[at]! >= 0x30 && bytes[at]! <= 0x39)
      number = number * 10 + bytes[at++]! - 0x30;
    const letters = digitsAt - from;
    if (
      at < to ||
      letters < 1 ||
      letters > 3 ||
      at - digitsAt > 7 ||
      number < 1 ||
      number > lastRow
    )
      this.#scanner.fail(
        `has a cell with the reference ${JSON.stringify(bytes.toString('utf8', from, Math.min(to, from + 40)))}; ` +
          `they go from A1 to XFD${lastRow}`,
      );
    if (!this.#rowNamed) this.#row = number;
    return column - 1;
  }

  #cellType(from: number, to: number): CellType {
    const { bytes } = this.#scanner;
    if (to - from === 1) {
      const letter = bytes[from];
      if (letter === 0x73) return 'shared';
      if (letter === 0x6e) return 'number';
    }
    const written = bytes.toString('latin1', from, Math.min(to, from + 40));
    const type = cellTypes.get(written);
    return type ?? this.#scanner.fail(`has a cell of the unknown type ${JSON.stringify(written)}`);
  }

  #whole(bytes: Buffer, from: number, to: number): number {
    const value = wholeNumber(bytes, from, to);
    if (Number.isNaN(value) && to > from)
      this.#scanner.fail(
        `has ${JSON.stringify(bytes.toString('utf8', from, Math.min(to, from + 40)))} ` +
          `in row ${this.#row} where a number belongs`,
      );
    return to === from ? -1 : value;
  }

  #openInCell(): void {
    const { id, depth } = this.#scanner;
    if (id === v && depth === 5) this.#collecting = this.#rows.skipping ? 0 : depth;
    else if (id === t && depth > 5 && !this.#aloud)
      this.#collecting = this.#rows.skipping ? 0 : depth;
    else if (id === is && depth === 5) this.#type = 'text';
    else if (id === f && depth === 5) this.#formula = true;
    else if (id === rPh) this.#aloud = true;
  }

  #closeInCell(): void {
    const { id, depth } = this.#scanner;
    if (id === c && depth === 3) {
      this.#inCell = false;
      this.#endCell();
    } else if (id === rPh) this.#aloud = false;
  }

  #collect(): void {
    const scanner = this.#scanner;
    if (scanner.plain && this.#start === this.#end && this.#text === undefined) {
      this.#from = scanner.bytes;
      this.#start = scanner.start;
      this.#end = scanner.end;
      return;
    }
    if (this.#text === undefined) this.#text = this.#from.toString('utf8', this.#start, this.#end);
    this.#text += scanner.text();
    if (this.#text.length > longestText) scanner.fail(`has a cell without end in row ${this.#row}`);
  }

  #endCell(): void {
    const rows = this.#rows;
    if (rows.skipping) return;
    if (this.#text === undefined && this.#start === this.#end) {
      if (this.#formula && this.#type !== 'text') rows.formula();
      return;
    }
    const column = this.#column;
    switch (this.#type) {
      case 'shared':
        return this.#shared(column);
      case 'number':
        return this.#number(column);
      case 'text':
        if (this.#text === undefined) rows.bytes(column, this.#from, this.#start, this.#end);
        else rows.text(column, unescaped(this.#text));
        return;
      case 'boolean': {
        const value = this.#value().trim();
        if (value === '1' || value === 'true') rows.text(column, 'true');
        else if (value === '0' || value === 'false') rows.text(column, 'false');
        else rows.fault(column, value, 'is no boolean');
        return;
      }
      case 'error':
        return rows.fault(column, this.#value().trim(), 'is an error of the spreadsheet');
      case 'date':
        return rows.text(column, isoText(this.#value().trim(), this.#kind()));
    }
  }

  #value(): string {
    return this.#text ?? this.#from.toString('utf8', this.#start, this.#end);
  }

  #kind(): NumberKind {
    return this.#context.styles[this.#style] ?? 'number';
  }

  #shared(column: number): void {
    const { strings } = this.#context;
    const index = this.#text === undefined ? wholeNumber(this.#from, this.#start, this.#end) : NaN;
    if (!(index < strings.count)) {
      const reason = `is no number of a text; the workbook has ${strings.count}`;
      return this.#rows.fault(column, this.#value(), reason);
    }
    const start = index === 0 ? 0 : strings.ends[index - 1]!;
    this.#rows.bytes(column, strings.bytes, start, strings.ends[index]!);
  }

  #number(column: number): void {
    const kind = this.#kind();
    let bytes = this.#from;
    let start = this.#start;
    let end = this.#end;
    if (this.#text !== undefined) {
      bytes = Buffer.from(this.#text);
      start = 0;
      end = bytes.length;
    }
    if (kind === 'number' && isPlain(bytes, start, end)) {
      this.#rows.bytes(column, bytes, start, end);
      return;
    }
    if (kind !== 'number') {
      const dates = this.#dates;
      if (dates.write(bytes, start, end, kind, this.#context.date1904))
        return this.#rows.bytes(column, dates.bytes, dates.start, dates.end);
    }
    const number = numberOf(bytes, start, end);
    if (!Number.isFinite(number)) this.#rows.fault(column, this.#value(), 'is no number');
    else if (kind === 'number') this.#rows.text(column, numberText(number));
    else this.#rows.text(column, dateText(number, kind, this.#context));
  }
}

/** The number that digits write; NaN when there is anything else. */
function wholeNumber(bytes: Buffer, from: number, to: number): number {
  let value = to > from ? 0 : NaN;
  for (let at = from; at < to; at++) {
    const digit = bytes[at]! - 0x30;
    if (!(digit >= 0 && digit <= 9)) return NaN;
    value = value * 10 + digit;
  }
  return value;
}

function isNamed({ bytes, attributes }: XmlScanner, place: number, letter: number): boolean {
  const { places } = attributes;
  return places[place + 1]! - places[place]! === 1 && bytes[places[place]!] === letter;
}

const longestText = 8 * 2 ** 20;
