/**
 * Makes the example data: one gzip'd CSV a year of the FAA's bird strikes. The files in examples/data are its output,
 * so nobody needs to run it again.
 *
 *   npm pack vega-datasets@3.2.1 && tar xzf vega-datasets-3.2.1.tgz
 *   node examples/prepare-data.mjs package
 *
 * Header and rows stay as they are, in their order, but for the date: version 3 of the package rewrote it to ISO 8601,
 * and here it stands again as it came from the FAA and in the package's version 1 (1/8/90 0:00). A test of dates that are not ISO
 * is half the point of the example.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const [packageFolder] = process.argv.slice(2);
if (packageFolder === undefined) {
  console.error('Usage: node examples/prepare-data.mjs FOLDER-OF-THE-PACKAGE-VEGA-DATASETS');
  process.exit(1);
}
const text = await readFile(join(packageFolder, 'data', 'birdstrikes.csv'), 'utf8');
// Without quotes every comma separates and every line is a row, and splitting is parsing.
if (text.includes('"')) throw new Error('birdstrikes.csv has quotes now: parse it properly');
const [header, ...rows] = text.trimEnd().split('\n');
const dateAt = header.split(',').indexOf('Flight Date');
if (dateAt < 0) throw new Error('birdstrikes.csv has no column "Flight Date"');

const years = new Map();
for (const row of rows) {
  const fields = row.split(',');
  const date = /^(\d{4})-(\d\d)-(\d\d)$/.exec(fields[dateAt]);
  if (!date) throw new Error(`"${fields[dateAt]}" is no date: ${row}`);
  const [, year, month, day] = date;
  fields[dateAt] = `${Number(month)}/${Number(day)}/${year.slice(2)} 0:00`;
  years.set(year, [...(years.get(year) ?? []), fields.join(',')]);
}

const target = join(import.meta.dirname, 'data', 'birdstrikes');
await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });
for (const [year, lines] of years) {
  const body = gzipSync([header, ...lines, ''].join('\n'), { level: 9 });
  // Node leaves the time in a gzip header at 0; the byte for the system (RFC 1952, section 2.3.1) becomes "unknown".
  body[9] = 255;
  await writeFile(join(target, `birdstrikes-${year}.csv.gz`), body);
  console.log(`birdstrikes-${year}.csv.gz: ${lines.length} rows, ${body.length} bytes`);
}
