import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { column } from '../graphql/tables/support.js';
import { openAnswers, type Answers, type Tested } from './answers.js';
import { loneSurrogates, naughtyStrings } from './naughty-strings.js';

const naughty: Tested = {
  name: 'naughty',
  columns: [column('id', 'INTEGER'), column('value', 'STRING')],
  primaryKey: ['value'],
  origin: 's3://acme/naughty/*.json',
};

/** Everything that there is in the database, so that a change of anything shows. */
const inventory = `
  select table_schema, table_name, column_name from information_schema.columns
  union all select 'rows', count(*)::varchar, count(distinct value)::varchar from naughty
  union all select 'databases', database_name, path from duckdb_databases()
  union all select 'settings', name, value from duckdb_settings() where name in ('enable_external_access', 'threads', 'TimeZone')
  order by all`;

let answers: Answers;
let before: unknown[][];
beforeAll(async () => {
  // Hexadecimal digits are the one way in that has nothing to escape.
  const rows = naughtyStrings.map(
    (text, id) => `(${id}, decode(from_hex('${Buffer.from(text).toString('hex')}')))`,
  );
  answers = await openAnswers(
    `create table naughty (id integer, value varchar); insert into naughty values ${rows.join(', ')}`,
    [naughty],
  );
  before = await answers.truth(inventory);
});
afterAll(() => answers?.close());

const idsWhere = (keep: (text: string) => boolean) =>
  naughtyStrings.flatMap((text, id) => (keep(text) ? [id] : []));

describe('naughty strings', () => {
  it('are what they claim to be', () => {
    expect(naughtyStrings.length).toBeGreaterThanOrEqual(150);
    expect(new Set(naughtyStrings).size).toBe(naughtyStrings.length);
    for (const text of naughtyStrings) expect(Buffer.from(text).toString()).toBe(text);
  });

  it('come back as they are stored, as values, keys and extremes', async () => {
    const data = await answers.ask(
      `{ naughty(limit: 1000) { id value }
         naughtyGroups(by: { column: value }, limit: 1000) { groups { key { value } min { value } max { value } } } }`,
    );
    expect(data.naughty).toEqual(naughtyStrings.map((value, id) => ({ id, value })));
    const { groups } = data.naughtyGroups as { groups: { key: { value: string } }[] };
    expect(groups).toEqual(groups.map(({ key }) => ({ key, min: key, max: key })));
    expect(new Set(groups.map(({ key }) => key.value))).toEqual(new Set(naughtyStrings));
  });

  it('as the value of a filter find the rows that have it', async () => {
    for (const text of naughtyStrings) {
      const literal = text.replace(/[\\%_]/g, '\\$&');
      const quoted = JSON.stringify(text);
      const data = await answers.ask(
        `query ($text: String!, $like: String!, $in: [String!]!) {
           eq: naughty(where: { value: { eq: $text } }) { id }
           written: naughty(where: { value: { eq: ${quoted} } }) { id }
           in: naughty(where: { value: { in: $in } }) { id }
           like: naughty(where: { value: { like: $like } }) { id }
           contains: naughty(where: { value: { contains: $text } }, limit: 1000) { id }
           key: naughtyByKey(value: $text) { id value }
         }`,
        { variables: { text, like: literal, in: [text, 'none of them'] } },
      );
      const one = idsWhere((other) => other === text).map((id) => ({ id }));
      expect({ text, data }).toEqual({
        text,
        data: {
          eq: one,
          written: one,
          in: one,
          like: one,
          contains: idsWhere((other) => other.includes(text)).map((id) => ({ id })),
          key: { ...one[0], value: text },
        },
      });
    }
  });

  it('begin and end what they begin and end', async () => {
    for (const text of naughtyStrings.filter((_, index) => index % 4 === 0)) {
      const data = await answers.ask(
        `query ($text: String!) {
           starts: naughty(where: { value: { startsWith: $text } }, limit: 1000) { id }
           ends: naughty(where: { value: { endsWith: $text } }, limit: 1000) { id }
           ne: naughtyAggregate(where: { value: { ne: $text } }) { count }
         }`,
        { variables: { text } },
      );
      expect({ text, data }).toEqual({
        text,
        data: {
          starts: idsWhere((other) => other.startsWith(text)).map((id) => ({ id })),
          ends: idsWhere((other) => other.endsWith(text)).map((id) => ({ id })),
          ne: { count: String(naughtyStrings.length - 1) },
        },
      });
    }
  });

  it('as a pattern of any kind give rows or a reason', async () => {
    for (const text of naughtyStrings.filter((one) => one.length < 100)) {
      for (const operator of ['regex', 'ilike']) {
        const code = await answers.refusal(
          `query ($text: String!) { naughty(where: { value: { ${operator}: $text } }) { id } }`,
          { variables: { text } },
        );
        expect([text, operator, code ?? 'INVALID_INPUT']).toEqual([
          text,
          operator,
          'INVALID_INPUT',
        ]);
      }
    }
  });

  it('as a cursor are refused by name', async () => {
    for (const text of naughtyStrings.filter((_, index) => index % 3 === 0)) {
      const cursor = await answers.refusal(
        'query ($text: String!) { naughtyConnection(first: 1, after: $text) { nodes { id } } }',
        { variables: { text } },
      );
      expect([text, cursor]).toEqual([text, 'INVALID_CURSOR']);
    }
  });

  it.each(loneSurrogates.map((text) => [JSON.stringify(text), text]))(
    'half a character is refused: %s',
    async (_, text) => {
      for (const operator of ['eq', 'contains', 'like', 'regex', 'startsWith', 'icontains']) {
        expect(
          await answers.refusal(
            `query ($text: String!) { naughty(where: { value: { ${operator}: $text } }) { id } }`,
            { variables: { text } },
          ),
        ).toBe('INVALID_INPUT');
      }
      const list = 'query ($text: [String!]!) { naughty(where: { value: { in: $text } }) { id } }';
      expect(await answers.refusal(list, { variables: { text: [text] } })).toBe('INVALID_INPUT');
      const key = 'query ($text: String!) { naughtyByKey(value: $text) { id } }';
      expect(await answers.refusal(key, { variables: { text } })).toBe('INVALID_INPUT');
    },
  );

  it('have changed nothing', async () => {
    expect(await answers.truth(inventory)).toEqual(before);
  });
});
