/*
 * A file that is still being written, seen from another thread: how many of its bytes are there, whether that is all of
 * them, and how far its reader has come. It lies in shared memory, so that the reader can sleep until more bytes are there.
 */

const there = 0; // twice the bytes that are there, plus one when there will be no more
const read = 1; // grows whenever the reader has done something
const asleep = 2; // the reader waits for more bytes

/** Makes the shared memory of one arriving file. */
export function newArrival(): SharedArrayBuffer {
  return new SharedArrayBuffer(3 * BigInt64Array.BYTES_PER_ELEMENT);
}

/** An arrival of a file that is there already. */
export function arrived(bytes: number): SharedArrayBuffer {
  const arrival = newArrival();
  announce(arrival, bytes, true);
  return arrival;
}

/** Says that so many bytes of the file are there. */
export function announce(arrival: SharedArrayBuffer, bytes: number, complete: boolean): void {
  const state = new BigInt64Array(arrival);
  Atomics.store(state, there, BigInt(bytes) * 2n + (complete ? 1n : 0n));
  Atomics.notify(state, there);
}

/** Bytes that are there. */
export function bytesThere(arrival: SharedArrayBuffer): { bytes: number; complete: boolean } {
  const state = Atomics.load(new BigInt64Array(arrival), there);
  return { bytes: Number(state / 2n), complete: state % 2n === 1n };
}

/** Blocks the thread until there are more bytes than these, or no more will come. Never on the main thread. */
export function waitForMore(arrival: SharedArrayBuffer, than: number): void {
  const state = new BigInt64Array(arrival);
  Atomics.store(state, asleep, 1n);
  Atomics.wait(state, there, BigInt(than) * 2n);
  Atomics.store(state, asleep, 0n);
}

/** Says that the reader is alive. */
export function tick(arrival: SharedArrayBuffer): void {
  Atomics.add(new BigInt64Array(arrival), read, 1n);
}

/** Changes whenever the reader has done something; undefined while it waits for bytes. */
export function pulse(arrival: SharedArrayBuffer): bigint | undefined {
  const state = new BigInt64Array(arrival);
  return Atomics.load(state, asleep) === 1n ? undefined : Atomics.load(state, read);
}
