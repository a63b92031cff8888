/** What the beginning of a file that should be a workbook looks like: `zip` and `ole` may be one, others are for people. */
export function looksLike(start: Buffer): string {
  if (start.length === 0) return 'an empty file';
  if (start.toString('latin1', 0, 2) === 'PK') return 'zip';
  if (start.readUIntBE(0, Math.min(4, start.length)) === 0xd0cf11e0) return 'ole';
  const text = start
    .toString('utf8')
    .replace(/^\uFEFF/u, '')
    .trimStart();
  if (/^<\?xml[^]*<(?:\w+:)?Workbook\b/u.test(text))
    return 'an XML spreadsheet of Excel 2003; save it as XLSX';
  if (/^<(?:!doctype\s+html|html|head|meta|body|table|style)\b/iu.test(text))
    return 'an HTML page; save it as XLSX';
  if (text.startsWith('<')) return 'XML; set format.type to XML';
  if (/^[[{]/u.test(text)) return 'JSON; set format.type to JSON';
  if (!/[\0-\x08\x0e-\x1f]/u.test(text)) return 'text; set format.type to CSV, TSV or TXT';
  return 'something else';
}
