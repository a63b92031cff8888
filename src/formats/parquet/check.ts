import { open } from 'node:fs/promises';
import type { LocalFile, ParquetFile } from '../../relation.js';
import { Flaw, problem } from './flaw.js';
import { readFooter } from './footer.js';
import { readMetadata, type ParquetLimits } from './metadata.js';
import { checkPages } from './pages.js';
import { ThriftError } from './thrift.js';

export type { ParquetLimits } from './metadata.js';

/**
 * Reads the footer (parquet.thrift, FileMetaData) of a file and checks whatever in it could lead an engine astray: an
 * engine that trusts it stops for good at a decimal of 246 digits, and takes gigabytes for pages of zeros (DuckDB 1.5.6),
 * so no file goes unchecked.
 *
 * @throws MALFORMED_FILE, ENCRYPTED_FILE, UNSUPPORTED, TOO_MANY_COLUMNS, NESTED_TOO_DEEP, DOCUMENT_TOO_LARGE
 */
export async function checkParquet(file: LocalFile, limits: ParquetLimits): Promise<ParquetFile> {
  const handle = await open(file.path);
  try {
    const { footer, start } = await readFooter(handle, file, limits);
    const { rows, fields, groups } = readMetadata(footer, start, limits);
    for (const group of groups) await checkPages(handle, group, start, limits);
    return { ...file, rows, fields };
  } catch (error) {
    if (error instanceof ThriftError) {
      throw problem(file, 'MALFORMED_FILE', `its footer cannot be read: ${error.message}`);
    }
    if (error instanceof Flaw) throw problem(file, error.code, error.message, error.details);
    throw error;
  } finally {
    await handle.close();
  }
}
