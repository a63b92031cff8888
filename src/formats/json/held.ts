import type { Field } from './fields.js';
import type { Reading } from './reading.js';

/** Records that wait, as they stand in the file: for the names of their columns, or for the end of their line. */
export class HeldRecords {
  /** Number of the first of them. */
  private first = 0;
  private bytes: Buffer = Buffer.alloc(0);
  private length = 0;

  constructor(private readonly reading: Reading) {}

  get empty(): boolean {
    return this.length === 0;
  }

  /** Adds the record with this number. False: there are too many bytes already. */
  add(record: Buffer, number: number): boolean {
    if (this.length === 0) this.first = number;
    const length = this.length + record.length + 1;
    if (length > this.reading.limits.maxDocumentBytes) return false;
    if (length > this.bytes.length) {
      const larger = Buffer.allocUnsafe(length * 2);
      this.bytes.copy(larger, 0, 0, this.length);
      this.bytes = larger;
    }
    record.copy(this.bytes, this.length);
    this.bytes[length - 1] = 0x0a;
    this.length = length;
    return true;
  }

  /** Reads them. @param line all of them stand in it; 0: each has its own number */
  release(header: readonly Field[] | null, line: number): void {
    const { plan, tree, sink } = this.reading;
    if (header !== null)
      for (const field of header) if (field.column === -1) tree.register(field, sink);
    if (this.empty) return;
    const held = this.bytes.subarray(0, this.length);
    this.drop();
    plan.replay(held, header, line || this.first, line > 0);
  }

  /** Forgets them. */
  drop(): void {
    this.length = 0;
    if (this.bytes.length > 1 << 20) this.bytes = Buffer.alloc(0);
  }
}
