import { JsonGrammar } from './grammar.js';
import { JsonPlace } from './place.js';
import type { Reading } from './reading.js';
import type { JsonRecords } from './records.js';
import type { JsonShape, SeenShape } from './shape.js';
import { TopValues } from './top.js';

const lineFeed = 0x0a;

/** Reads a file piece by piece. Where lines are records, what is wrong in a line ends only the line. */
export class JsonScanner {
  private readonly place: JsonPlace;
  private readonly top: TopValues;
  private readonly grammar: JsonGrammar;

  constructor(
    private readonly reading: Reading,
    seen: SeenShape,
    private readonly records: JsonRecords,
  ) {
    this.place = new JsonPlace(reading.source, reading.window);
    this.top = new TopValues(seen, this.place, reading.window);
    this.grammar = new JsonGrammar(reading, this.place, this.top, records);
  }

  push(piece: Buffer): void {
    if (this.records.done) return;
    this.reading.window.append(piece);
    this.advance();
  }

  /** @returns the shape that the file turned out to have, undefined: it has no value */
  end(): JsonShape | undefined {
    this.finish();
    return this.top.shape;
  }

  private finish(): void {
    const { records, place, grammar } = this;
    const { window, source } = this.reading;
    if (records.done) return;
    if (source.partial) {
      if (place.lines && grammar.atTop) this.guarded(() => grammar.endLine(window.at));
      return;
    }
    grammar.tokens.strings.last = true;
    window.appendCut();
    this.advance();
    if (records.done) return;
    // A number at the end is ended by what follows it.
    if (!grammar.tokens.cutInString) {
      window.append(Buffer.from('\n'));
      this.advance();
    }
    if (records.done || (grammar.atTop && window.at === window.end)) return;
    this.guarded(() =>
      place.fail(
        window.end,
        'the file ends in the middle of a value: it is not complete, or a bracket or quote is missing',
      ),
    );
    this.skipLine(true);
  }

  private advance(): void {
    const { records, place, grammar } = this;
    const { window, limits } = this.reading;
    while (!records.done) {
      if (place.problem !== null && !this.skipLine(false)) break;
      const limit = place.lines ? window.end : Math.min(window.end, window.invalidAt);
      this.guarded(() => grammar.run(limit));
      if (place.problem !== null || (place.lines && limit < window.end && !records.done)) continue;
      if (limit < window.end && !records.done) place.failEncoding(limit);
      break;
    }
    if (records.done) return;
    if (place.lines) place.text.capture(window);
    const keep = place.problem === null ? records.keepFrom(window.at) : window.end;
    if (window.end - keep > limits.maxDocumentBytes) throw records.tooLarge(place.line);
    window.release(keep);
  }

  /** What is wrong in a line ends only the line. */
  private guarded(read: () => void): void {
    try {
      read();
    } catch (error) {
      if (!this.place.lines || this.place.problem === null) throw error;
      this.grammar.abandon();
    }
  }

  /** Passes over what is left of a line that was wrong. False: its end is not in sight. */
  private skipLine(atEnd: boolean): boolean {
    const { place } = this;
    const { window, sink } = this.reading;
    if (place.problem === null) return true;
    const found = window.bytes.subarray(0, window.end).indexOf(lineFeed, window.at);
    if (found === -1 && !atEnd) {
      window.at = window.end;
      return false;
    }
    const stop = found === -1 ? window.end : found;
    const reason = place.problem;
    place.problem = null;
    this.top.lineHasValue = false;
    window.at = stop;
    if (window.invalidAt < stop) window.findInvalid(stop);
    sink.reject({
      record: place.line,
      column: null,
      value: null,
      reason,
      raw: place.text.text(window, stop),
    });
    return true;
  }
}
