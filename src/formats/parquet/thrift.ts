/** The wire types of Thrift's compact protocol. */
export const thriftType = {
  true: 1,
  false: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  map: 11,
  struct: 12,
  uuid: 13,
} as const;

/** What is wrong with the bytes, for people. */
export class ThriftError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ThriftError';
  }
}

/** Reads the value of one field; what is not read is passed over. */
export type FieldReaders = Readonly<Record<number, (type: number) => void>>;

// Deeper than any description of a format; what nests deeper makes readers that call themselves run out of stack.
const maxDepth = 24;

// What stands in one byte takes a hundred in the memory of an engine. The footer of 2,000 columns in 250 parts has 3,500,000.
const maxItems = 4_000_000;

/**
 * Reads Thrift's compact protocol (thrift-compact-protocol.md) out of untrusted bytes: no count is believed that the bytes
 * left could not hold, nothing is allocated for one, and nesting is bounded.
 */
export class ThriftReader {
  readonly #bytes: Buffer;
  #at = 0;
  #depth = 0;
  #items = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** How many bytes have been read. */
  get position(): number {
    return this.#at;
  }

  /** Reads a struct field by field. @throws ThriftError */
  struct(fields: FieldReaders): void {
    this.#enter();
    let id = 0;
    for (;;) {
      const head = this.#byte();
      const type = head & 0x0f;
      if (head === 0) break;
      const delta = head >> 4;
      id = delta === 0 ? this.number() : id + delta;
      const read = Object.hasOwn(fields, id) ? fields[id] : undefined;
      if (read) read(type);
      else this.skip(type);
    }
    this.#depth--;
  }

  /** Reads the items of a list. @returns how many they are */
  list(type: number, item: (itemType: number, index: number) => void): number {
    if (type !== thriftType.list && type !== thriftType.set) throw wrongType('a list', type);
    this.#enter();
    const { size, itemType } = this.#listHead();
    for (let index = 0; index < size; index++) item(itemType, index);
    this.#depth--;
    return size;
  }

  /** A whole number of a field of that type. */
  integer(type: number): number {
    if (type === thriftType.byte) return (this.#byte() << 24) >> 24;
    if (type < thriftType.i16 || type > thriftType.i64) throw wrongType('a whole number', type);
    return this.number();
  }

  /** A zigzag varint. Beyond 2^53 digits are lost, and no size or place in a file is that large. */
  number(): number {
    const raw = this.#varint();
    return Number(raw & 1n ? -(raw >> 1n) - 1n : raw >> 1n);
  }

  boolean(type: number): boolean {
    if (type !== thriftType.true && type !== thriftType.false) throw wrongType('a boolean', type);
    return type === thriftType.true;
  }

  /** A view of the bytes of a text. */
  binary(type: number): Buffer {
    if (type !== thriftType.binary) throw wrongType('a text', type);
    const length = this.#count(1);
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return bytes;
  }

  /** Passes over a value. */
  skip(type: number, inCollection = false): void {
    switch (type) {
      case thriftType.true:
      case thriftType.false:
        // A field's boolean stands in its head.
        if (inCollection) this.#byte();
        return;
      case thriftType.byte:
        this.#byte();
        return;
      case thriftType.i16:
      case thriftType.i32:
      case thriftType.i64:
        this.#varint();
        return;
      case thriftType.double:
        this.#pass(8);
        return;
      case thriftType.uuid:
        this.#pass(16);
        return;
      case thriftType.binary:
        this.#pass(this.#count(1));
        return;
      case thriftType.list:
      case thriftType.set:
        this.list(thriftType.list, (itemType) => this.skip(itemType, true));
        return;
      case thriftType.map:
        this.#skipMap();
        return;
      case thriftType.struct:
        this.struct({});
        return;
      default:
        throw new ThriftError(`a value has the unknown type ${type}`);
    }
  }

  #skipMap(): void {
    this.#enter();
    const size = this.#count(2);
    this.#items += size;
    if (size > 0) {
      const types = this.#byte();
      for (let index = 0; index < size; index++) {
        this.skip(types >> 4, true);
        this.skip(types & 0x0f, true);
      }
    }
    this.#depth--;
  }

  #listHead(): { size: number; itemType: number } {
    const head = this.#byte();
    const short = head >> 4;
    // Any item takes a byte at least.
    const size = short === 15 ? this.#count(1) : short;
    if (size > this.#left) throw tooMany(size, this.#left);
    this.#items += size;
    if (this.#items > maxItems) throw new ThriftError(`its lists have more than ${maxItems} items`);
    return { size, itemType: head & 0x0f };
  }

  #enter(): void {
    if (++this.#depth > maxDepth) {
      throw new ThriftError(`values lie in each other more than ${maxDepth} deep`);
    }
  }

  get #left(): number {
    return this.#bytes.length - this.#at;
  }

  #count(itemBytes: number): number {
    const raw = this.#varint();
    if (raw > BigInt(Math.floor(this.#left / itemBytes))) throw tooMany(raw, this.#left);
    return Number(raw);
  }

  #pass(bytes: number): void {
    if (bytes > this.#left) throw tooMany(bytes, this.#left);
    this.#at += bytes;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new ThriftError('it ends in the middle of a value');
    return byte;
  }

  #varint(): bigint {
    // Most numbers are small, and a BigInt for each of their bytes would cost more than all else.
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt(low);
    }
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new ThriftError('a number is longer than 64 bits');
  }
}

function wrongType(expected: string, type: number): ThriftError {
  return new ThriftError(`${expected} was expected, but the type is ${type}`);
}

function tooMany(count: number | bigint, left: number): ThriftError {
  return new ThriftError(`a value claims a length of ${count}, and ${left} bytes are left`);
}
