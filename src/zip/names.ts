import { crc32 } from 'node:zlib';

// The upper half of code page 437, which names are in unless they say otherwise.
const upper =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0';

// Bit 11 of an entry's flags.
const utf8Flag = 0x800;
// Info-ZIP's extra field 0x7075: version 1, the CRC of the name it stands for, the name.
const unicodePath = 0x7075;

/**
 * The name of a member as people see it, with slashes: in UTF-8 where its flag or Info-ZIP's field says so, else in code
 * page 437 (APPNOTE 4.4.4, 4.6.9, appendix D). Bytes that are no UTF-8 become U+FFFD.
 */
export function memberName(raw: Buffer, flags: number, extra: Buffer): string {
  const name =
    unicodeName(raw, extra) ?? (flags & utf8Flag ? raw.toString('utf8') : fromCp437(raw));
  return name.replaceAll('\\', '/');
}

function unicodeName(raw: Buffer, extra: Buffer): string | undefined {
  const field = extraField(extra, unicodePath);
  if (!field || field.length < 5 || field[0] !== 1) return undefined;
  return field.readUInt32LE(1) === crc32(raw) ? field.toString('utf8', 5) : undefined;
}

function fromCp437(bytes: Buffer): string {
  let text = '';
  for (const byte of bytes) {
    text += byte < 0x80 ? String.fromCharCode(byte) : (upper[byte - 0x80] ?? '');
  }
  return text;
}

/** An extra field's content; undefined when there is none, or when the fields before it are broken. */
export function extraField(extra: Buffer, id: number): Buffer | undefined {
  for (let at = 0; at + 4 <= extra.length;) {
    const end = at + 4 + extra.readUInt16LE(at + 2);
    if (end > extra.length) return undefined;
    if (extra.readUInt16LE(at) === id) return extra.subarray(at + 4, end);
    at = end;
  }
  return undefined;
}
