import type { JsonPlace } from './place.js';
import { kindOf, type JsonShape, type SeenShape } from './shape.js';
import { printed } from './text.js';
import type { JsonWindow } from './window.js';

/** The values at the top of a file: one, one a line, or one behind the other. */
export class TopValues {
  /** The line has a value already. */
  lineHasValue = false;
  private values = 0;
  private seenShape: JsonShape;
  /** What follows the first value can still change the shape. */
  private open: boolean;
  private firstLine = 0;
  private lastLine = 0;
  /** Of the last value, see {@link kindOf}. */
  private kind = 0;

  constructor(
    seen: SeenShape,
    private readonly place: JsonPlace,
    private readonly window: JsonWindow,
  ) {
    this.seenShape = seen.shape;
    this.open = seen.open;
    place.lines = seen.shape === 'lines';
  }

  /** The shape that the file turned out to have, undefined: it has no value. */
  get shape(): JsonShape | undefined {
    return this.values > 0 ? this.seenShape : undefined;
  }

  /** A value begins with this byte. */
  begin(at: number, byte: number): void {
    if (this.values > 0) this.another(at, byte);
    this.values++;
    this.kind = kindOf(byte);
    this.firstLine ||= this.place.line;
    this.lineHasValue = true;
  }

  /** The value ends. */
  end(): void {
    this.lastLine = this.place.line;
  }

  /** One more value: tells lines from values in a row where the beginning did not. */
  private another(at: number, byte: number): void {
    const { place } = this;
    if (place.lines) {
      if (this.lineHasValue) place.fail(at, 'the line has more behind its value');
      return;
    }
    const kind = kindOf(byte);
    const sameLine = place.line === this.lastLine;
    if (this.seenShape === 'concatenated' && (!sameLine || kind === this.kind)) return;
    if (!this.open || kind === 0 || (sameLine && kind !== this.kind))
      place.fail(
        at,
        `there is more behind the end of the ${this.seenShape === 'array' ? 'list' : 'document'}: ${printed(byte)}`,
      );
    this.open = false;
    place.lines = this.firstLine === this.lastLine && !sameLine;
    this.seenShape = place.lines ? 'lines' : 'concatenated';
    this.lineHasValue = false;
    place.text.begin(this.window.offset + at);
  }
}
