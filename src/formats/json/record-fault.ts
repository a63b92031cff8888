/** Why the record that is read cannot be taken, and how it began. */
export class RecordFault {
  /** null: nothing is wrong with it. */
  reason: string | null = null;
  /** How the record begins; null: it is in sight itself. */
  raw: string | null = null;
  // The same of a record that is a text: it begins when the text was read.
  private coming: string | null = null;
  private comingRaw: string | null = null;

  /** Something is wrong already with the record that comes. */
  get ahead(): boolean {
    return this.coming !== null;
  }

  /** A record begins. */
  begin(): void {
    this.reason = this.coming;
    this.raw = this.comingRaw;
    this.clear();
  }

  /** The first fault counts. @param open the record has begun */
  add(reason: string, open: boolean): void {
    if (open) this.reason ??= reason;
    else this.coming ??= reason;
  }

  /** The record is not kept any longer. */
  drop(raw: string, open: boolean): void {
    if (open) this.raw ??= raw;
    else this.comingRaw ??= raw;
  }

  /** Nothing comes. */
  clear(): void {
    this.coming = this.comingRaw = null;
  }
}
