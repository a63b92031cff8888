const declared =
  /^<\?xml[ \t\r\n][^>]*?[ \t\r\n]encoding[ \t\r\n]*=[ \t\r\n]*["']([A-Za-z][A-Za-z0-9._-]*)["']/;

/**
 * The encoding that a beginning of XML declares (XML 1.0, appendix F): its byte order mark, else how `<?` is written,
 * else <?xml encoding="…"?>, else utf-8.
 */
export function xmlEncoding(beginning: Buffer): string {
  const [first, second, third, fourth] = beginning;
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  if (first === 0xef && second === 0xbb && third === 0xbf) return 'utf-8';
  if (first === 0x3c && second === 0 && third !== 0 && fourth === 0) return 'utf-16le';
  if (first === 0 && second === 0x3c && third === 0 && fourth !== 0) return 'utf-16be';
  const label = declared.exec(beginning.toString('latin1', 0, 1000))?.[1]?.toLowerCase() ?? 'utf-8';
  // A declaration that can be read byte by byte is not written in two bytes a character, whatever it says.
  return /^(?:utf-?16|ucs-?2|iso-10646-ucs-2|unicode)/.test(label) ? 'utf-8' : label;
}
