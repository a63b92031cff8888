import { LESS, spaces } from './bytes.js';
import type { Complain } from './text.js';

const declaration =
  /^<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(["'])1\.[0-9]+\1(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(["'])[A-Za-z][A-Za-z0-9._-]*\2)?(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(["'])(?:yes|no)\3)?[ \t\r\n]*\?>$/;
const longest = 1000;

/**
 * Behind the XML declaration at the beginning of a document, which is where it began if it has none; -1 if the window
 * ends inside it. XML 1.1 is read as 1.0; the encoding is the business of whoever decoded the file.
 */
export function declarationEnd(
  bytes: Buffer,
  start: number,
  end: number,
  complain: Complain,
): number {
  const head = bytes.toString('latin1', start, Math.min(end, start + longest));
  if (bytes[start] !== LESS || !'<?xml'.startsWith(head.slice(0, 5))) return start;
  if (head.length <= 5) return -1;
  if (spaces[head.charCodeAt(5)] !== 1) return start;
  const close = head.indexOf('?>');
  if (close < 0 && head.length < longest) return -1;
  if (!declaration.test(head.slice(0, close + 2)))
    throw complain(start, 'an XML declaration must be like <?xml version="1.0" encoding="UTF-8"?>');
  return start + close + 2;
}
