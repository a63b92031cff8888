import { excerpt } from './text.js';
import type { JsonWindow } from './window.js';

const kept = 4096;

/** The beginning of the line that is read, which is shown when the line is wrong. */
export class LineText {
  private start = 0;
  private head: Buffer = Buffer.alloc(0);

  /** A line begins at this offset in the file. */
  begin(offset: number): void {
    this.start = offset;
    if (this.head.length > 0) this.head = Buffer.alloc(0);
  }

  /** Copies what is in sight of the line, before the window moves on. */
  capture(window: JsonWindow, stop: number = window.end): void {
    if (this.head.length >= kept) return;
    const from = this.start + this.head.length - window.offset;
    const to = Math.min(stop, from + kept - this.head.length);
    if (to > from) this.head = Buffer.concat([this.head, window.bytes.subarray(from, to)]);
  }

  /** The line up to its end. */
  text(window: JsonWindow, stop: number): string {
    this.capture(window, stop);
    return excerpt(this.head, 0, this.head.length);
  }
}
