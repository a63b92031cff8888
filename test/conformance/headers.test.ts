import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { importCsv, startTestService, type TestService } from '../support/service.js';
import { naughtyStrings } from './naughty-strings.js';

let service: TestService;
let connection: string;
beforeAll(async () => {
  service = await startTestService();
  connection = await service.connect('acme-in');
});
afterAll(() => service?.close());

// A NUL sets its line aside, and the header of a CSV is a line.
const inCsv = naughtyStrings.filter((text) => !text.includes('\0'));

/** What stands below a header: the same text, but for the NUL that no value may have. */
const valueOf = (header: string) => header.replaceAll('\0', '␀');

/** Two rows with a column for each text, which is header and first value; the second makes it a column of text. */
const rowsOf = (texts: readonly string[]) => [
  texts.map(valueOf),
  texts.map((text) => `zwölf ${valueOf(text)}`),
];

const cell = (text: string) => `"${text.replaceAll('"', '""')}"`;
const csv = [inCsv, ...rowsOf(inCsv)].map((row) => row.map(cell).join(',')).join('\n');

const records = rowsOf(naughtyStrings).map(
  (row) =>
    `{${row.map((value, n) => `${JSON.stringify(naughtyStrings[n])}:${JSON.stringify(value)}`).join(',')}}`,
);

interface Column {
  readonly name: string;
  readonly source: string;
  readonly type: string;
}

async function columnsOf(name: string): Promise<Column[]> {
  const { dataset } = await service.data<{ dataset: { columns: Column[] } }>(
    `{ dataset(name: "${name}") { columns { name source type } } }`,
  );
  return dataset.columns;
}

describe('headers of naughty strings', () => {
  it.each([
    ['CSV', 'csv', csv, inCsv],
    ['JSON', 'json', `[${records.join(',\n')}]`, naughtyStrings],
  ])(
    'of %s become names, and keep their text and their values',
    async (type, ending, file, texts) => {
      await service.sandbox.putObject(service.bucket, `headers/naughty.${ending}`, file);
      const name = `headers_${ending}`;
      const run = await importCsv(service, {
        name,
        connection,
        selection: { prefix: `headers/naughty.${ending}` },
        format: { type, ...(type === 'CSV' && { csv: { delimiter: ',' } }) },
      });
      expect(run).toMatchObject({
        status: 'SUCCEEDED',
        rowsAdded: '2',
        rowsRejected: '0',
        error: null,
      });

      const columns = await columnsOf(name);
      expect(columns.map(({ source }) => source)).toEqual(texts);
      const names = columns.map((column) => column.name);
      for (const one of names) expect(one).toMatch(/^(?!__)[A-Za-z_][A-Za-z0-9_]*$/);
      expect(new Set(names.map((one) => one.toLowerCase())).size).toBe(names.length);
      expect(new Set(columns.map((column) => column.type))).toEqual(new Set(['STRING']));

      const { rows, found, groups } = await service.data<{
        rows: Record<string, string>[];
        found: Record<string, string>[];
        groups: { totalGroups: string };
      }>(
        `query ($where: ${name === 'headers_csv' ? 'HeadersCsv' : 'HeadersJson'}Filter) {
         rows: ${name} { ${names.join(' ')} }
         found: ${name}(where: $where, orderBy: { ${names[0]}: DESC }) { ${names.at(-1)} }
         groups: ${name}Groups(by: [{ column: ${names[1]} }]) { totalGroups }
       }`,
        { where: Object.fromEntries(names.map((one, n) => [one, { eq: valueOf(texts[n]!) }])) },
      );
      expect(rows.map((row) => names.map((one) => row[one]))).toEqual(rowsOf(texts));
      // Every column at once, by its own name and with its own value.
      expect(found).toEqual([{ [names.at(-1)!]: valueOf(texts.at(-1)!) }]);
      expect(groups).toEqual({ totalGroups: '2' });
    },
  );
});

describe('naughty strings as the name of a dataset', () => {
  it('are refused by name, or are a name; nothing else comes of them', async () => {
    const inventory = `{ datasets { name rowCount } connections { id name } }`;
    const before = await service.data(inventory);
    const accepted: string[] = [];
    for (const name of naughtyStrings) {
      const { data, errors } = await service.ask(
        'mutation ($input: DatasetInput!) { createDataset(input: $input) { name } }',
        {
          input: { name, connection, selection: { prefix: 'headers/' }, format: { type: 'CSV' } },
        },
      );
      if (errors) {
        expect([name, errors[0]?.extensions.code]).toEqual([name, 'INVALID_INPUT']);
      } else {
        expect(data).toEqual({ createDataset: { name } });
        accepted.push(name);
      }
    }
    for (const name of accepted) {
      expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
      await service.data('mutation ($name: String!) { deleteDataset(name: $name) }', { name });
    }
    expect(await service.data(inventory)).toEqual(before);
  });
});
