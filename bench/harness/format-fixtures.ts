import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import type { WriteStream } from 'node:fs';
import { Zip, type ZipEntry } from './zip-writer.js';
import { seeded } from './measure.js';

/*
 * The same kind of rows as fixtures.ts in formats that hold more than a table: made with a fixed seed, so that they are
 * equal everywhere.
 */

/** Writes text piece by piece, waiting for the disk. */
async function writing(
  path: string,
  write: (out: (text: string) => Promise<void>) => Promise<void>,
) {
  const stream = createWriteStream(path);
  let held = '';
  await write(async (text) => {
    held += text;
    if (held.length > 1 << 20) {
      await flush(stream, held);
      held = '';
    }
  });
  await flush(stream, held);
  stream.end();
  await once(stream, 'finish');
}

async function flush(stream: WriteStream, text: string): Promise<void> {
  if (!stream.write(text)) await once(stream, 'drain');
}

const two = (number: number) => String(number).padStart(2, '0');

function values(random: () => number) {
  const pick = (count: number) => Math.floor(random() * count);
  return {
    pick,
    day: () => `202${pick(4)}-${two(1 + pick(12))}-${two(1 + pick(28))}`,
    time: () => `${two(pick(24))}:${two(pick(60))}:${two(pick(60))}`,
    price: () => (pick(1_000_000) / 100).toFixed(2),
    sku: () => `SKU-${String(pick(100_000)).padStart(8, '0')}`,
    note: () => `note ${pick(1e9).toString(36)} of ${pick(1e9).toString(36)}`,
  };
}

/**
 * Orders with lists of lines under `data.items`, and the same orders as lines of their own. At 1,000,000 orders about
 * 0.5 GB each.
 */
export async function writeOrders(nested: string, lines: string, orders: number): Promise<void> {
  const { pick, day, time, price, sku, note } = values(seeded(11));
  const order = (id: number) => {
    const items = Array.from(
      { length: 1 + (id % 5) },
      () =>
        `{"sku":"${sku()}","quantity":${1 + pick(20)},"price":${price()},"gift":${pick(2) === 1}}`,
    );
    return `{"id":${id},"ordered_at":"${day()}T${time()}","customer":{"id":${pick(100_000)},"name":"customer ${pick(100_000)}","region":"region-${two(pick(50))}"},"paid":${pick(2) === 1},"note":"${note()}${id % 20 === 0 ? ' \\"quoted\\"' : ''}","lines":[${items.join(',')}]}`;
  };
  await writing(nested, async (out) => {
    await out(`{"meta":{"generated":"2024-01-01","count":${orders}},"data":{"items":[\n`);
    await writing(lines, async (line) => {
      for (let id = 0; id < orders; id++) {
        const text = order(id);
        await out(id === 0 ? text : `,\n${text}`);
        await line(`${text}\n`);
      }
    });
    await out(']}}\n');
  });
}

/** How many lines the orders have together. */
export function linesOf(orders: number): number {
  let sum = 0;
  for (let id = 0; id < orders; id++) sum += 1 + (id % 5);
  return sum;
}

/** Flat records with attributes. At 700,000 records about 200 MB. */
export async function writeXml(path: string, records: number): Promise<void> {
  const { pick, day, time, price, sku, note } = values(seeded(12));
  await writing(path, async (out) => {
    await out('<?xml version="1.0" encoding="UTF-8"?>\n<orders generated="2024-01-01">\n');
    for (let id = 0; id < records; id++) {
      await out(
        `  <order id="${id}" region="region-${two(pick(50))}">\n    <ordered_at>${day()}T${time()}</ordered_at>\n    <customer>${pick(100_000)}</customer>\n    <sku>${sku()}</sku>\n    <quantity>${1 + pick(20)}</quantity>\n    <price currency="EUR">${price()}</price>\n    <paid>${pick(2) === 1}</paid>\n    <note>${note()} &amp; more</note>\n  </order>\n`,
      );
    }
    await out('</orders>\n');
  });
}

/** Columns of the sheet: numbers, shared strings, dates and times with styles, booleans, a formula. */
export async function writeWorkbook(path: string, rows: number): Promise<void> {
  const { pick } = values(seeded(13));
  const shared = Array.from({ length: 2000 }, (_, index) => `text ${index} of the shared ones`);
  const sheet = function* (): Generator<string> {
    yield `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><dimension ref="A1:J${rows + 1}"/><sheetData>`;
    const heads = [
      'id',
      'ordered_at',
      'day',
      'customer',
      'region',
      'sku',
      'quantity',
      'price',
      'paid',
      'total',
    ];
    const head = heads.map(
      (name, column) =>
        `<c r="${'ABCDEFGHIJ'.charAt(column)}1" t="inlineStr"><is><t>${name}</t></is></c>`,
    );
    yield `<row r="1">${head.join('')}</row>`;
    for (let row = 2; row <= rows + 1; row++) {
      const quantity = 1 + pick(20);
      // Quarters: their products have no noise behind the fifteenth digit.
      const price = pick(400_000) / 4;
      yield `<row r="${row}" spans="1:10"><c r="A${row}"><v>${row - 2}</v></c><c r="B${row}" s="2"><v>${44_000 + pick(1400) + pick(86_400) / 86_400}</v></c><c r="C${row}" s="1"><v>${44_000 + pick(1400)}</v></c><c r="D${row}"><v>${pick(100_000)}</v></c><c r="E${row}" t="s"><v>${pick(50)}</v></c><c r="F${row}" t="s"><v>${pick(2000)}</v></c><c r="G${row}"><v>${quantity}</v></c><c r="H${row}" s="3"><v>${price}</v></c><c r="I${row}" t="b"><v>${pick(2)}</v></c><c r="J${row}" s="3"><f>G${row}*H${row}</f><v>${quantity * price}</v></c></row>`;
    }
    yield '</sheetData></worksheet>';
  };
  const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
  const relationships = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
  const packages = 'http://schemas.openxmlformats.org/package/2006';
  const types = 'application/vnd.openxmlformats-officedocument.spreadsheetml';
  const strings = shared.map((text) => `<si><t>${text}</t></si>`).join('');
  const entries: ZipEntry[] = [
    {
      name: '[Content_Types].xml',
      text: [
        `<?xml version="1.0" encoding="UTF-8"?><Types xmlns="${packages}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="${types}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="${types}.worksheet+xml"/><Override PartName="/xl/styles.xml" ContentType="${types}.styles+xml"/><Override PartName="/xl/sharedStrings.xml" ContentType="${types}.sharedStrings+xml"/></Types>`,
      ],
    },
    {
      name: '_rels/.rels',
      text: [
        `<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns="${packages}/relationships"><Relationship Id="rId1" Type="${relationships}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
      ],
    },
    {
      name: 'xl/workbook.xml',
      text: [
        `<?xml version="1.0" encoding="UTF-8"?><workbook xmlns="${main}" xmlns:r="${relationships}"><sheets><sheet name="Orders" sheetId="1" r:id="rId1"/></sheets></workbook>`,
      ],
    },
    {
      name: 'xl/_rels/workbook.xml.rels',
      text: [
        `<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns="${packages}/relationships"><Relationship Id="rId1" Type="${relationships}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="${relationships}/styles" Target="styles.xml"/><Relationship Id="rId3" Type="${relationships}/sharedStrings" Target="sharedStrings.xml"/></Relationships>`,
      ],
    },
    {
      name: 'xl/styles.xml',
      text: [
        `<?xml version="1.0" encoding="UTF-8"?><styleSheet xmlns="${main}"><numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts><fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts><fills count="1"><fill><patternFill patternType="none"/></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="4"><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/><xf numFmtId="164" applyNumberFormat="1"/><xf numFmtId="4" applyNumberFormat="1"/></cellXfs></styleSheet>`,
      ],
    },
    {
      name: 'xl/sharedStrings.xml',
      text: [
        `<?xml version="1.0" encoding="UTF-8"?><sst xmlns="${main}" count="${shared.length}" uniqueCount="${shared.length}">${strings}</sst>`,
      ],
    },
    { name: 'xl/worksheets/sheet1.xml', text: sheet() },
  ];
  await new Zip(path).write(entries);
}
