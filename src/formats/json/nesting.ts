import type { Field } from './fields.js';
import { roleRoot, type Role } from './roles.js';

/** The lists and objects around the place that is read, and what each is for. */
export class Nesting {
  depth = 0;
  /** Of the innermost. */
  role: Role = roleRoot;
  /** The field whose value the innermost is. */
  owner: Field;
  /** The last key of the innermost, if that is an object of a record; null: it had none yet. */
  field: Field | null = null;
  private readonly roles: Uint8Array;
  private readonly owners: Field[];

  constructor(
    private readonly root: Field,
    private readonly maxDepth: number,
  ) {
    this.roles = new Uint8Array(maxDepth + 1);
    this.roles[0] = roleRoot;
    this.owners = [root];
    this.owner = root;
  }

  /** Whether the innermost is an object. */
  get inObject(): boolean {
    return (this.role & 1) === 1;
  }

  /** Nothing may begin in the innermost. */
  get full(): boolean {
    return this.depth >= this.maxDepth;
  }

  /** A list or an object begins. */
  enter(role: Role, owner: Field): void {
    this.depth++;
    this.role = this.roles[this.depth] = role;
    this.owner = this.owners[this.depth] = owner;
  }

  /** The innermost turns out to be for something else. */
  become(role: Role): void {
    this.role = this.roles[this.depth] = role;
  }

  /** The innermost ends. */
  leave(): void {
    this.depth--;
    this.role = this.roles[this.depth]!;
    this.owner = this.owners[this.depth]!;
  }

  /** Forgets everything that is open. */
  clear(): void {
    this.depth = 0;
    this.role = roleRoot;
    this.owner = this.root;
  }
}
