const prime1 = 0x9e3779b185ebca87n;
const prime2 = 0xc2b2ae3d27d4eb4fn;
const prime3 = 0x165667b19e3779f9n;
const prime4 = 0x85ebca77c2b2ae63n;
const prime5 = 0x27d4eb2f165667c5n;

// The same in halves, for what is done with every byte: BigInt is a hundred times slower.
const low1 = lower(prime1);
const high1 = lower(prime1 >> 32n);
const low2 = lower(prime2);
const high2 = lower(prime2 >> 32n);

const stripeBytes = 32;

// Found once: where globals belong to a context of their own, looking for them takes longer than multiplying.
const { imul } = Math;

/** XXH64 with seed 0: a zstd frame carries its lower 32 bits as the checksum of its content (RFC 8878, section 3.1.1). */
export function xxh64(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const { length } = bytes;
  let at = length - (length % stripeBytes);
  let hash = wrapped((at > 0 ? ofStripes(view, at) : prime5) + BigInt(length));
  for (; at + 8 <= length; at += 8) {
    hash ^= round(0n, view.getBigUint64(at, true));
    hash = wrapped(rotated(hash, 27n) * prime1 + prime4);
  }
  if (at + 4 <= length) {
    hash ^= wrapped(BigInt(view.getUint32(at, true)) * prime1);
    hash = wrapped(rotated(hash, 23n) * prime2 + prime3);
    at += 4;
  }
  for (; at < length; at += 1) {
    hash ^= wrapped(BigInt(view.getUint8(at)) * prime5);
    hash = wrapped(rotated(hash, 11n) * prime1);
  }
  hash = wrapped((hash ^ (hash >> 33n)) * prime2);
  hash = wrapped((hash ^ (hash >> 29n)) * prime3);
  return hash ^ (hash >> 32n);
}

/** Four numbers each take every fourth word of 8 bytes, up to `end`. */
function ofStripes(view: DataView, end: number): bigint {
  const lanes = BigUint64Array.of(wrapped(prime1 + prime2), prime2, 0n, wrapped(-prime1));
  const halves = new Int32Array(lanes.buffer);
  for (let at = 0; at < end; at += stripeBytes) {
    take(halves, 0, view, at);
    take(halves, 2, view, at + 8);
    take(halves, 4, view, at + 16);
    take(halves, 6, view, at + 24);
  }
  const turns = [1n, 7n, 12n, 18n];
  let hash = 0n;
  lanes.forEach((lane, index) => (hash += rotated(lane, turns[index] ?? 0n)));
  for (const lane of lanes) hash = wrapped((wrapped(hash) ^ round(0n, lane)) * prime1 + prime4);
  return hash;
}

/** What {@link round} does, with the halves of a lane. */
function take(halves: Int32Array, lane: number, view: DataView, at: number): void {
  const low = view.getInt32(at, true);
  const high = view.getInt32(at + 4, true);
  const addedLow = imul(low, low2);
  const addedHigh = carried(low, low2) + imul(low, high2) + imul(high, low2);
  const sumLow = ((halves[lane] ?? 0) + addedLow) | 0;
  const carry = sumLow >>> 0 < addedLow >>> 0 ? 1 : 0;
  const sumHigh = ((halves[lane + 1] ?? 0) + addedHigh + carry) | 0;
  const turnedLow = (sumLow << 31) | (sumHigh >>> 1);
  const turnedHigh = (sumHigh << 31) | (sumLow >>> 1);
  halves[lane] = imul(turnedLow, low1);
  halves[lane + 1] = carried(turnedLow, low1) + imul(turnedLow, high1) + imul(turnedHigh, low1);
}

/** The upper half of the product of two numbers of 32 bits. */
function carried(a: number, b: number): number {
  const lowA = a & 0xffff;
  const highA = a >>> 16;
  const lowB = b & 0xffff;
  const highB = b >>> 16;
  const one = imul(lowA, highB);
  const two = imul(highA, lowB);
  const middle = (imul(lowA, lowB) >>> 16) + (one & 0xffff) + (two & 0xffff);
  return (imul(highA, highB) + (one >>> 16) + (two >>> 16) + (middle >>> 16)) | 0;
}

function round(lane: bigint, word: bigint): bigint {
  return wrapped(rotated(wrapped(lane + word * prime2), 31n) * prime1);
}

function rotated(value: bigint, bits: bigint): bigint {
  const word = wrapped(value);
  return wrapped(word << bits) | (word >> (64n - bits));
}

function wrapped(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}

function lower(value: bigint): number {
  return Number(BigInt.asIntN(32, value));
}
