/** Records that wait, as they stand in the file: for the names of their columns, or for the end of their line. */
export class HeldRecords {
  /** Number of the first of them. */
  first = 0;
  private bytes: Buffer = Buffer.alloc(0);
  private length = 0;

  constructor(private readonly maxBytes: number) {}

  get empty(): boolean {
    return this.length === 0;
  }

  /** Adds the record with this number. False: there are too many bytes already. */
  add(record: Buffer, number: number): boolean {
    if (this.length === 0) this.first = number;
    const length = this.length + record.length + 1;
    if (length > this.maxBytes) return false;
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

  /** The records, a line end behind each. Good until one is added. */
  take(): Buffer {
    const taken = this.bytes.subarray(0, this.length);
    this.drop();
    return taken;
  }

  /** Forgets them. */
  drop(): void {
    this.length = 0;
    if (this.bytes.length > 1 << 20) this.bytes = Buffer.alloc(0);
  }
}
