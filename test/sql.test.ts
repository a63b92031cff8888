import { describe, expect, it } from '@jest/globals';
import { empty, ident, integer, join, sql, toStatement, value } from '../src/sql.js';

describe('sql', () => {
  it('numbers bound values in the order in which they stand', () => {
    const list = join([value(1), sql`x`, value('b')]);
    const query = sql`select ${list} from ${ident('s', 't"t')}${empty} limit ${integer(3)}`;
    expect(toStatement(query)).toEqual({
      sql: 'select $1, x, $2 from "s"."t""t" limit 3',
      parameters: [1, 'b'],
    });
  });

  it('puts hundreds of thousands of pieces together', () => {
    const pieces = Array.from(
      { length: 300_000 },
      (_, index) => sql`${integer(index)}${value(index)}`,
    );
    const { parameters } = toStatement(sql`select ${join(pieces)} from ${ident('t')}`);
    expect(parameters).toHaveLength(300_000);
  });
});
