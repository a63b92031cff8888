import { describe, expect, it } from '@jest/globals';
import { defaultFormatLimits } from '../../../src/limits.js';
import { checkBytes } from '../../support/check-parquet.js';
import { i32, i64, int32s, plainParquet, type PlainColumn } from '../../support/parquet.js';

const numbers = (name: string, count: number): PlainColumn => ({
  name,
  type: 1,
  plain: int32s(...Array.from({ length: count }, (_, index) => index)),
});

describe('the pages of a Parquet file', () => {
  it('may not inflate to more than can be held in memory', async () => {
    const bomb = plainParquet([numbers('n', 3)], 3, { pageHeader: { 2: i32(2_000_000_000) } });
    await expect(checkBytes(bomb)).rejects.toMatchObject({
      code: 'DOCUMENT_TOO_LARGE',
      message: expect.stringMatching(
        /row group 0, column n.*2000000000.*BUCKETQL_MAX_DOCUMENT_BYTES/,
      ),
      details: { file: 'drop/a.parquet', limit: defaultFormatLimits.maxDocumentBytes },
    });
  });

  it('count together, because a row group is read with all its columns', async () => {
    const names = Array.from({ length: 30 }, (_, index) => `n${index}`);
    const wide = (count: number) =>
      plainParquet(
        names.slice(0, count).map((name) => numbers(name, 3)),
        3,
        { pageHeader: { 2: i32(20_000_000) } },
      );
    await expect(checkBytes(wide(6))).resolves.toMatchObject({ rows: 3 });
    await expect(checkBytes(wide(30))).rejects.toMatchObject({ code: 'DOCUMENT_TOO_LARGE' });
  });

  it('may be large when they are large in the file, too', async () => {
    await expect(
      checkBytes(plainParquet([numbers('n', 5000)], 5000), { maxDocumentBytes: 5000 }),
    ).resolves.toMatchObject({
      rows: 5000,
    });
  });

  it('must be described by headers that can be read', async () => {
    const column = numbers('n', 3);
    for (const pageHeader of [{ 1: undefined }, { 2: i32(-1) }, { 3: i32(-8) }])
      await expect(checkBytes(plainParquet([column], 3, { pageHeader }))).rejects.toMatchObject({
        code: 'MALFORMED_FILE',
      });
    await expect(
      checkBytes(
        plainParquet([column], 3, { pageHeader: { 3: i32(1_000_000) }, rows: 4, groupRows: 4 }),
      ),
    ).resolves.toMatchObject({ rows: 4 });
  });

  it('may be missing where there are no rows, and only a dictionary stands there', async () => {
    const columnMetadata = { 5: i64(0), 9: i64(0), 11: i64(4) };
    const none = plainParquet([numbers('n', 0)], 0, { columnMetadata });
    await expect(checkBytes(none)).resolves.toMatchObject({ rows: 0, fields: [{ name: 'n' }] });
  });

  it('must hold the values that the footer promises', async () => {
    const fewer = plainParquet([numbers('n', 3)], 3, { columnMetadata: { 5: i32(9) } });
    await expect(checkBytes(fewer)).rejects.toMatchObject({
      code: 'MALFORMED_FILE',
      message: expect.stringContaining('row group 0, column n: the page at byte'),
    });
  });
});
