import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openDuckDB } from '../../src/engine/duckdb.js';
import type { Engine } from '../../src/engine/engine.js';
import { streamText, type TextFormat } from '../../src/engine/export.js';
import type { ExportColumn } from '../../src/engine/row-text.js';
import { isElementName } from '../../src/engine/xml-rows.js';
import { xmlParser } from '../../src/formats/xml/parser.js';
import { defaultFormatLimits } from '../../src/limits.js';
import { ident, integer, join, sql, value, type Sql } from '../../src/sql.js';
import { collectRows } from '../support/rows.js';

let engine: Engine;
beforeAll(async () => {
  engine = await openDuckDB();
});
afterAll(() => engine.close());

const format: TextFormat = { kind: 'xml', root: 'rows', row: 'row' };

async function written(select: Sql, columns: ExportColumn[], as = format): Promise<string> {
  return engine.session(async (session) => {
    const pieces: Buffer[] = [];
    for await (const piece of streamText(session, select, columns, as)) pieces.push(piece);
    return Buffer.concat(pieces).toString();
  });
}

/** What our own import reads; `pieceBytes`: how much at a time. */
function imported(xml: string, pieceBytes = xml.length + 1) {
  const found = collectRows();
  const source = { origin: 'a.xml', partial: false };
  const parser = xmlParser(source, { xpath: '/rows/row' }, found.sink, defaultFormatLimits);
  const bytes = Buffer.from(xml);
  for (let at = 0; at < bytes.length; at += pieceBytes)
    parser.push(bytes.subarray(at, at + pieceBytes));
  parser.end();
  return found.objects();
}

const text = (name: string): ExportColumn => ({ name, type: 'STRING' });

describe('rows as XML', () => {
  it('have an element for each column, and none for NULL', async () => {
    const xml = await written(
      sql`select 1 as n, 9223372036854775807 as b, cast('-0.25' as decimal(2, 2)) as d,
          cast('99999999999999999999999999999999999.999' as decimal(38, 3)) as long, 1e300::double as x, 'a & <b>' as t, date '2024-02-29' as day,
          time '01:02:03.000004' as clock, timestamp '2024-02-29 01:02:03.5' as local, timestamptz '2024-02-29 01:02:03+01' as moment,
          json_object('k', '<') as tree, true as flag
        union all select null, null, null, null, 'nan'::double, null, null, null, null, null, null, null`,
      [
        { name: 'n', type: 'INTEGER' },
        { name: 'b', type: 'BIGINT' },
        { name: 'd', type: 'DECIMAL', decimal: { precision: 2, scale: 2 } },
        { name: 'long', type: 'DECIMAL', decimal: { precision: 38, scale: 3 } },
        { name: 'x', type: 'DOUBLE' },
        text('t'),
        { name: 'day', type: 'DATE' },
        { name: 'clock', type: 'TIME' },
        { name: 'local', type: 'TIMESTAMP' },
        { name: 'moment', type: 'TIMESTAMP_TZ' },
        { name: 'tree', type: 'JSON' },
        { name: 'flag', type: 'BOOLEAN' },
      ],
    );
    expect(xml).toBe(
      '<?xml version="1.0" encoding="UTF-8"?>\n<rows>\n' +
        '<row><n>1</n><b>9223372036854775807</b><d>-0.25</d><long>99999999999999999999999999999999999.999</long><x>1e+300</x>' +
        '<t>a &amp; &lt;b&gt;</t><day>2024-02-29</day><clock>01:02:03.000004</clock><local>2024-02-29T01:02:03.5</local>' +
        '<moment>2024-02-29T00:02:03Z</moment><tree>{"k":"&lt;"}</tree><flag>true</flag></row>\n<row></row>\n</rows>\n',
    );
  });

  it('are a document without rows where there are none', async () => {
    const none = sql`select 'x' as t where false`;
    expect(await written(none, [text('t')], { kind: 'xml', root: 'größen', row: 'r' })).toBe(
      '<?xml version="1.0" encoding="UTF-8"?>\n<größen>\n</größen>\n',
    );
  });

  it.each([1, 7, 1e6])('are read as they were, in pieces of %d bytes', async (pieceBytes) => {
    const texts = [
      ...[
        '',
        ' ',
        '  ',
        '\t',
        '\n',
        '\r',
        '\r\n',
        ' lead',
        'trail ',
        '\nlines\n',
        'a\rb',
        'in side',
      ],
      ...[
        '<![CDATA[x]]>',
        ']]>',
        '&amp;',
        '&#13;',
        '"\'',
        '<a/>',
        '𝄞 漢字 \u0085\u2028',
        '\u00a0',
        '\ud7ff\ue000\ufffd',
      ],
      ...['plain', 'plain', 'plain', 'plain', 'plain', 'plain', 'plain', 'plain', 'plain', 'plain'],
    ];
    const list = JSON.stringify(texts);
    const xml = await written(
      sql`select unnest(cast(json(${value(list)}) as varchar[])) as t, 'x' as next, cast(null as varchar) as nothing`,
      [text('t'), text('next'), text('nothing')],
    );
    expect(imported(xml, pieceBytes)).toEqual(texts.map((t) => ({ t, next: 'x' })));
  });

  it('have a name of its own for every column, and the original beside it', async () => {
    const names = ['ok', 'a b', 'a_b', '1st', 'xmlData', 'ns:x', 'é', '-', 'a.b-c', 'a?b', 'a"<&'];
    const xml = await written(
      sql`select ${join(names.map((name, index) => sql`${integer(index)} as ${ident(name)}`))}`,
      names.map((name) => ({ name, type: 'INTEGER' as const })),
    );
    expect(xml.split('\n')[2]).toBe(
      '<row><ok>0</ok><a_b_2 name="a b">1</a_b_2><a_b>2</a_b><_1st name="1st">3</_1st><_xmlData name="xmlData">4</_xmlData>' +
        '<ns_x name="ns:x">5</ns_x><é>6</é><_- name="-">7</_-><a.b-c>8</a.b-c><a_b_3 name="a?b">9</a_b_3>' +
        '<a___ name="a&quot;&lt;&amp;">10</a___></row>',
    );
  });

  it.each([0, 1, 8, 11, 12, 27, 31, 0xfffe, 0xffff])(
    'are refused with the character %d, by column and row',
    async (code) => {
      const select = sql`select 'x' as a, case when i = 4321 then concat('in', chr(cast(${value(code)} as integer)), 'side') else 'y' end as b from range(5000) as r(i)`;
      const writing = written(select, [text('a'), text('b')]);
      await expect(writing).rejects.toMatchObject({
        code: 'UNWRITABLE_VALUE',
        details: { column: 'b', row: 4322 },
      });
    },
  );

  it('are refused with a control character in a column’s name', async () => {
    await expect(
      written(sql`select 1 as n`, [{ name: 'n\u0001', type: 'INTEGER' }]),
    ).rejects.toMatchObject({ code: 'UNWRITABLE_VALUE', details: { column: 'n\u0001' } });
  });
});

describe('the name of an element', () => {
  it.each(['rows', '_', 'Größe', 'a-b.c_1', '漢字'])('can be %s', (name) => {
    expect(isElementName(name)).toBe(true);
  });

  it.each(['', '1a', '-a', '.a', 'a b', 'a:b', 'xml', 'XmlRows', 'a<b', 'a\n', 'a&b', '\u0000'])(
    'cannot be %j',
    (name) => {
      expect(isElementName(name)).toBe(false);
    },
  );
});
