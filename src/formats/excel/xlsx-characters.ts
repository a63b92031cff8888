/* What the characters of XML 1.0 are to a scanner of bytes (sections 2.2, 2.3 and 2.4). */

/** Kinds of bytes, as flags: a name may begin with it, */
export const nameStart = 1;
/** go on with it, */
export const inName = 2;
/** it is white space. */
export const space = 4;
/** Text may stop here: markup, an entity, a return, ]]>, _xHHHH_, or a character that XML does not have. */
export const stop = 8;
/** An attribute's value may stop here. */
export const valueStop = 16;

/** The flags of each byte; in UTF-8 the bytes of all further characters may stand in names. */
export const kinds = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  const character = String.fromCharCode(byte);
  if (/[A-Za-z_:]/.test(character) || byte >= 0x80) kinds[byte]! |= nameStart | inName;
  if (/[0-9.-]/.test(character)) kinds[byte]! |= inName;
  if (/[ \t\r\n]/.test(character)) kinds[byte]! |= space;
  else if (byte < 0x20) kinds[byte]! |= stop | valueStop;
  if ('<&\r]_'.includes(character)) kinds[byte]! |= stop;
  if ('<&"\''.includes(character)) kinds[byte]! |= valueStop;
}
