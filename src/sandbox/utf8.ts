/**
 * Orders strings by their UTF-8 bytes, as S3 orders keys. JavaScript orders by UTF-16 units, where
 * U+1F600 (a surrogate pair) stands before U+FF5E; lifting the surrogates above the rest mends that.
 */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const x = a.charCodeAt(index);
    const y = b.charCodeAt(index);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

function rank(unit: number): number {
  if (unit >= 0xe000) return unit - 0x800;
  return unit >= 0xd800 ? unit + 0x2000 : unit;
}
