import { describe, expect, it } from '@jest/globals';
import { parseDefinition } from '../../src/catalog/definition.js';
import { columnNames } from '../../src/columns.js';
import { columnsOf, planColumns, unionOfColumns } from '../../src/pipeline/columns.js';

const definition = (more: Record<string, unknown>) =>
  parseDefinition({ name: 'd', connection: 'c', selection: {}, format: { type: 'CSV' }, ...more });

describe('column names', () => {
  it.each([
    [
      ['a b', 'a_b', 'A.B', '1st', '__proto__', 'id', 'ID'],
      ['a_b', 'a_b_2', 'A_B_3', '_1st', 'x__proto__', 'id', 'ID_2'],
    ],
    [
      ['', 'column0', '', 'true', '_and', 'ü', '__'],
      ['column0', 'column0_2', 'column2', 'true_', '_and_', '_', 'x__'],
    ],
    [
      ['1', '_1', '_1_2', '_', '_'],
      ['_1', '_1_2', '_1_2_2', '_', '__2'],
    ],
  ])('%j become %j', (sources, names) => {
    const made = columnNames(sources);
    expect(new Set(made.map((name) => name.toLowerCase())).size).toBe(made.length);
    for (const name of made) expect(name).toMatch(/^(?!__)[A-Za-z_][A-Za-z0-9_]*$/);
    // "__2" is not a name a client may use, so the steps are repeated.
    expect(made).toEqual(names.map((name) => (name === '__2' ? 'x__2' : name)));
  });
});

describe('planning columns', () => {
  const found = columnsOf(['id', 'day', 'day', '']);

  it('tells equal headers of a file apart, and finds them again in the next file', () => {
    expect(unionOfColumns([found, columnsOf(['day', 'new', 'day', 'day'])])).toEqual([
      { source: 'id', occurrence: 0 },
      { source: 'day', occurrence: 0 },
      { source: 'day', occurrence: 1 },
      { source: '', occurrence: 0 },
      { source: 'new', occurrence: 0 },
      { source: 'day', occurrence: 2 },
    ]);
  });

  it('applies overrides by source and by position, patterns and exclusions', () => {
    const plans = planColumns(
      found,
      definition({
        columns: [
          { source: 'id', name: 'key', type: 'BIGINT' },
          { position: 2, description: 'the second day' },
        ],
        dateColumnsSpec: 'day:dd-MM-yyyy',
        excludeFields: ['column3'],
        inferTypes: false,
      }),
    );
    expect(plans).toMatchObject([
      { name: 'key', source: 'id', declared: 'BIGINT' },
      { name: 'day', declared: 'STRING', pattern: { type: 'DATE', pattern: 'dd-MM-yyyy' } },
      { name: 'day_2', source: 'day', occurrence: 1, description: 'the second day' },
    ]);
    expect(plans).toHaveLength(3);
  });

  it.each([
    [{ excludeFields: ['nope'] }, 'COLUMN_NOT_FOUND'],
    [{ columns: [{ source: 'nope', type: 'STRING' }] }, 'COLUMN_NOT_FOUND'],
    [{ columns: [{ position: 9, type: 'STRING' }] }, 'COLUMN_NOT_FOUND'],
    [{ dateColumns: [{ column: 'nope', format: 'yyyy' }] }, 'COLUMN_NOT_FOUND'],
    [{ columns: [{ source: 'id', name: 'DAY' }] }, 'INVALID_INPUT'],
  ])('refuses %j with %s', (more, code) => {
    expect(() => planColumns(found, definition(more))).toThrow(expect.objectContaining({ code }));
  });
});
