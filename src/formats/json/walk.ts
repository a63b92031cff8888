import { PathSteps, type JsonPath } from './path.js';

/** Follows the keys on the way to the records and to their header. */
export class PathWalk {
  private readonly data: PathSteps;
  private readonly header: PathSteps;
  private dataAt = 0;
  private headerAt = -1;
  /** Where the lists and objects on the way stand in the paths, by depth. */
  private readonly dataPositions: Int32Array;
  private readonly headerPositions: Int32Array;

  constructor(dataTag: JsonPath, headerTag: JsonPath, levels: number) {
    this.data = new PathSteps(dataTag);
    this.header = new PathSteps(headerTag);
    this.dataPositions = new Int32Array(levels);
    this.headerPositions = new Int32Array(levels);
  }

  /** Whether there is a way at all: without one, records lie at the top. */
  get wanted(): boolean {
    return this.data.length > 0;
  }

  /** A document begins. */
  begin(): void {
    this.dataAt = 0;
    this.headerAt = this.header.length > 0 ? 0 : -1;
  }

  /** A key was read in an object on the way at this depth. */
  key(depth: number, bytes: Buffer, start: number, end: number): void {
    this.dataAt = this.data.follow(this.dataPositions[depth]!, bytes, start, end);
    this.headerAt = this.header.follow(this.headerPositions[depth]!, bytes, start, end);
  }

  /** An element of a list on the way stands where the list does. */
  element(depth: number): void {
    this.dataAt = this.dataPositions[depth]!;
    this.headerAt = this.headerPositions[depth]!;
  }

  /** A list or an object on the way begins at this depth. */
  enter(depth: number): void {
    this.dataPositions[depth] = this.dataAt;
    this.headerPositions[depth] = this.headerAt;
  }

  /** What comes is what dataTag names. */
  get atRecords(): boolean {
    return this.dataAt === this.data.length;
  }

  /** What comes is what headerTag names. */
  get atHeader(): boolean {
    return this.headerAt === this.header.length;
  }

  /** What comes may lead on. */
  get leadsOn(): boolean {
    return this.dataAt >= 0 || this.headerAt >= 0;
  }
}
