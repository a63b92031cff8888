import { jsonParser, type JsonOptions } from '../../src/formats/json/json.js';
import { defaultFormatLimits, type FormatLimits } from '../../src/limits.js';
import { collectRows, type CollectedRows } from './rows.js';

/** What a JSON file gives that is handed over in pieces. */
export function readJson(
  text: string | Buffer,
  options: JsonOptions = {},
  pieceBytes = Infinity,
  limits: Partial<FormatLimits> = {},
): CollectedRows {
  const rows = collectRows();
  const parser = jsonParser({ origin: 'a.json', partial: false }, options, rows.sink, {
    ...defaultFormatLimits,
    ...limits,
  });
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += pieceBytes)
    parser.push(bytes.subarray(at, at + pieceBytes));
  parser.end();
  return rows;
}
