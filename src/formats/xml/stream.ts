import type { XmlColumns } from './columns.js';
import { PathCensus } from './census.js';
import type { XmlLimits } from './errors.js';
import { FastRecordReader, irregular } from './fast-record.js';
import { GREATER, LESS, SLASH, spaces } from './bytes.js';
import { declarationEnd } from './prolog.js';
import { Token, XmlScanner } from './scanner.js';
import type { ElementShape } from './shapes.js';
import { RecordShapes } from './shapes.js';
import type { XmlElement } from './tree.js';
import { TreeReader } from './tree.js';
import type { XmlWindow } from './window.js';
import type { Candidate, XPathMatcher } from './xpath-matcher.js';

/** Takes the records of a document. */
export interface RecordTaker {
  fast(bytes: Buffer, read: FastRecordReader): void;
  tree(record: XmlElement): void;
  /** No more is wanted. */
  readonly full: boolean;
}

/** How records are to be read. */
export interface StreamOptions {
  readonly withAttributes: boolean;
  /** Null: every record is read as a tree, and only when the document is there as a whole. */
  readonly columns: XmlColumns | null;
  readonly maxDocumentBytes: number;
}

/** After so many irregular records in a row the next ones are not tried the fast way. */
const patience = 8;
const holiday = 64;
/** Nothing of a DOCTYPE is used, and it is looked at from its beginning while it grows, so it may be this long. */
const maxDoctypeBytes = 2 ** 20;

/**
 * Reads a document from its window: follows the elements down to the records, and reads each record as a whole. What is
 * held in memory is the record that is being read.
 */
export class XmlStream {
  readonly census = new PathCensus();
  private readonly scanner: XmlScanner;
  private readonly trees: TreeReader;
  private readonly records: FastRecordReader;
  private readonly shapes: RecordShapes | null;
  /** Names of the open elements. */
  private readonly open: string[] = [];
  private phase: 'beginning' | 'prolog' | 'content' | 'end' = 'beginning';
  private doctypeSeen = false;
  /** A long token outside of records that is passed over in parts. */
  private inside: Token | null = null;
  /** The start tag at the window's start has been found to be that of a record, or of what may be one. */
  private pending: Candidate | null = null;
  /** Reading on makes no sense before the window ends here. */
  private notBefore = 0;
  private misses = 0;
  private likely: ElementShape | null = null;
  private likelyName = '';

  constructor(
    private readonly window: XmlWindow,
    private readonly matcher: XPathMatcher,
    private readonly taker: RecordTaker,
    private readonly limits: XmlLimits,
    private readonly options: StreamOptions,
  ) {
    this.scanner = new XmlScanner(limits);
    this.trees = new TreeReader(this.scanner, limits.complain, limits);
    this.records = new FastRecordReader(limits.maxDepth, limits.maxBytes);
    const mayPick = (name: string) => matcher.nests && matcher.mayPick(name);
    this.shapes =
      options.columns && new RecordShapes(options.columns, options.withAttributes, mayPick);
  }

  /** Reads what is in the window; `final`: there is no more. */
  read(final: boolean): void {
    const { window } = this;
    if (!final && window.end - window.start < this.notBefore) return this.checkHeld();
    this.notBefore = 0;
    while (window.start < window.end && !this.taker.full) if (!this.step(final)) break;
    if (!final && window.start < window.end) this.checkHeld();
  }

  /** The document is over. @throws MALFORMED_FILE where something is missing */
  finish(): void {
    const { window } = this;
    if (this.taker.full) return;
    const missing = (what: string) => window.complain(window.end, what);
    if (this.inside !== null || window.start < window.end) {
      const kind = this.inside ?? (this.pending ? Token.Text : this.scanner.unfinished);
      throw missing(
        `the file ends inside ${kind === Token.Text ? `<${this.innermost()}>` : unfinished[kind]}`,
      );
    }
    if (this.phase === 'content') throw missing(`the file ends before </${this.innermost()}>`);
    if (this.phase !== 'end') throw missing('there is no element in it');
  }

  private innermost(): string {
    return this.open.at(-1) ?? '';
  }

  private checkHeld(): void {
    const { window } = this;
    if (window.end - window.start > this.options.maxDocumentBytes)
      throw this.limits.documentTooLarge(window.start);
  }

  /** Waits until twice as much is there, so that what is long is not looked at from its beginning with each piece. */
  private wait(): false {
    const { window } = this;
    this.notBefore = 2 * (window.end - window.start);
    return false;
  }

  /** Reads the next token or record; false: more of the file is needed. */
  private step(final: boolean): boolean {
    const { window, scanner } = this;
    const { bytes, start, end } = window;
    if (this.phase === 'beginning') {
      const after = declarationEnd(bytes, start, end, this.limits.complain);
      if (after < 0) return this.wait();
      this.phase = 'prolog';
      window.start = after;
      return true;
    }
    if (this.pending !== null) return this.record(this.pending, final);
    if (this.likely !== null && this.likelyRecords()) return true;
    const token =
      this.inside === null
        ? scanner.next(bytes, start, end, false)
        : scanner.resume(this.inside, bytes, start, end);
    if (token === Token.Unfinished) return this.passOver(final);
    this.inside = null;
    switch (token) {
      case Token.Start:
      case Token.Empty:
        return this.startTag(token, final);
      case Token.End:
        this.endTag();
        break;
      case Token.Text:
        if (this.phase !== 'content' && !(scanner.blank && blankBytes(bytes, start, scanner.after)))
          throw this.limits.complain(start, 'text outside the outermost element');
        break;
      case Token.Cdata:
        if (this.phase !== 'content')
          throw this.limits.complain(start, 'a CDATA section outside the outermost element');
        break;
      case Token.Doctype:
        if (this.phase !== 'prolog' || this.doctypeSeen)
          throw this.limits.complain(
            start,
            'a DOCTYPE that does not stand before the outermost element, once',
          );
        this.doctypeSeen = true;
        break;
      default:
      // Comments and processing instructions are nothing.
    }
    window.start = scanner.after;
    return true;
  }

  /** A token ends behind the window. Outside of records what has been looked at need not be kept. */
  private passOver(final: boolean): boolean {
    const { window, scanner } = this;
    const { start } = window;
    const kind = scanner.unfinished;
    if (kind === Token.Text) {
      if (this.phase !== 'content' && !blankBytes(window.bytes, start, scanner.after))
        throw this.limits.complain(start, 'text outside the outermost element');
      window.start = scanner.after;
    } else if (kind === Token.Comment || kind === Token.Cdata || kind === Token.Instruction) {
      if (kind === Token.Cdata && this.phase !== 'content')
        throw this.limits.complain(start, 'a CDATA section outside the outermost element');
      this.inside = kind;
      window.start = scanner.after;
    } else if (kind === Token.Doctype && window.end - start > maxDoctypeBytes) {
      throw this.limits.complain(
        start,
        `a DOCTYPE of more than ${maxDoctypeBytes} bytes; nothing in it is used, so take it out`,
      );
    }
    return final || window.start >= window.end ? false : this.wait();
  }

  private startTag(token: Token, final: boolean): boolean {
    const { window, scanner, matcher } = this;
    const { bytes, start } = window;
    if (this.phase === 'end') throw this.limits.complain(start, 'a second outermost element');
    this.phase = 'content';
    const name = scanner.name(bytes);
    if (this.open.length + 1 > this.limits.maxDepth) throw this.limits.tooDeep(start);
    const picked = matcher.open(name, () => this.trees.startTag(bytes));
    this.census.enter(name, scanner.attributeCount);
    this.open.push(name);
    if (picked) {
      this.pending = picked;
      this.likely = this.shapes?.record(name) ?? null;
      this.likelyName = name;
      return this.record(picked, final);
    }
    this.likely = null;
    if (token === Token.Empty) this.closed();
    window.start = scanner.after;
    return true;
  }

  private endTag(): void {
    const { window, scanner } = this;
    const name = scanner.name(window.bytes);
    const expected = this.open.at(-1);
    if (name !== expected)
      throw this.limits.complain(
        window.start,
        expected === undefined
          ? `</${name}> without a start tag`
          : `</${name}> where </${expected}> was expected`,
      );
    this.closed();
  }

  private closed(): void {
    this.open.pop();
    this.census.leave();
    this.matcher.close();
    this.likely = null;
    if (this.open.length === 0) this.phase = 'end';
  }

  /** Reads the record at the window's start, whose start tag has been matched. */
  private record(candidate: Candidate, final: boolean): boolean {
    const { window, matcher, likely } = this;
    const { bytes, start, end } = window;
    const depth = this.open.length;
    let after: number = irregular;
    if (likely !== null && !candidate.conditional && this.misses < patience)
      after = this.records.read(bytes, start, end, likely, depth);
    if (after !== irregular) {
      this.misses = 0;
      this.pending = null;
      this.taker.fast(bytes, this.records);
    } else {
      if (!final && this.options.columns === null) {
        this.notBefore = Infinity;
        return false;
      }
      const read = this.trees.read(bytes, start, end, depth, matcher.nests ? matcher : null);
      if (!read) {
        matcher.rewind(depth);
        return this.wait();
      }
      if (!candidate.conditional && ++this.misses > holiday) this.misses = 0;
      this.pending = null;
      after = read.after;
      this.census.inside(read.root);
      if (candidate.holds(read.root)) this.taker.tree(read.root);
      for (const inner of read.inside)
        if (inner.candidate.holds(inner.element) && !this.taker.full)
          this.taker.tree(inner.element);
    }
    window.start = after;
    this.open.pop();
    this.census.leave();
    matcher.close();
    if (this.open.length === 0) this.phase = 'end';
    // What stands behind it with the same name is a record too, when name and parent alone decide.
    if (!matcher.static || this.open.length === 0) this.likely = null;
    return true;
  }

  /** Reads records that follow the last one, as long as they are like it; false: something else comes. */
  private likelyRecords(): boolean {
    const { window, taker, records } = this;
    const likely = this.likely!;
    const { bytes, end } = window;
    if (this.misses >= patience) return false;
    const depth = this.open.length + 1;
    const { name } = likely;
    let count = 0;
    while (!taker.full) {
      let at = window.start;
      while (at < end && spaces[bytes[at]!] === 1) at++;
      if (at + name.length + 1 >= end || bytes[at] !== LESS) break;
      const next = bytes[at + 1 + name.length]!;
      if (next !== GREATER && next !== SLASH && spaces[next] !== 1) break;
      if (!sameBytes(bytes, at + 1, name)) break;
      const after = records.read(bytes, at, end, likely, depth);
      if (after === irregular) break;
      taker.fast(bytes, records);
      window.start = after;
      count++;
    }
    if (count > 0) this.census.again(this.likelyName, count);
    return count > 0;
  }
}

function sameBytes(bytes: Buffer, at: number, name: Buffer): boolean {
  for (let index = 0; index < name.length; index++)
    if (bytes[at + index] !== name[index]) return false;
  return true;
}

/** White space as such; references to it are text. */
function blankBytes(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (spaces[bytes[at]!] !== 1) return false;
  return true;
}

const unfinished: Readonly<Record<Token, string>> = {
  [Token.Unfinished]: 'a tag',
  [Token.Start]: 'a start tag',
  [Token.Empty]: 'a tag',
  [Token.End]: 'an end tag',
  [Token.Text]: 'text',
  [Token.Cdata]: 'a CDATA section',
  [Token.Comment]: 'a comment',
  [Token.Instruction]: 'a processing instruction',
  [Token.Doctype]: 'a DOCTYPE',
};
