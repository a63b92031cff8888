import { parentPort } from 'node:worker_threads';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';

// What these would become is rounded to doubles and milliseconds, so they are read as they are stored.
const exact = /^(DECIMAL|DATE|TIME|TIMESTAMP)/;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const parsers = { stringFromBytes: (text) => text && utf8.decode(text) };

async function parquet(bytes) {
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const metadata = parquetMetadata(file);
  const [, ...schema] = metadata.schema.map((element) => ({ ...element }));
  for (const element of metadata.schema) {
    if (exact.test(element.logical_type?.type) || exact.test(element.converted_type)) {
      delete element.logical_type;
      delete element.converted_type;
    }
    if (element.converted_type === 'JSON') element.converted_type = 'UTF8';
  }
  const codecs = metadata.row_groups.flatMap(({ columns }) =>
    columns.map((column) => column.meta_data.codec),
  );
  const rows = await parquetReadObjects({ file, metadata, compressors, parsers });
  return {
    schema,
    codecs: [...new Set(codecs)],
    rows: rows.map((row) => schema.map(({ name }) => row[name] ?? null)),
  };
}

const jobs = { parquet, zstd: (bytes) => compressors.ZSTD(bytes, 0) };

parentPort.on('message', async ({ id, job, bytes }) => {
  try {
    parentPort.postMessage({ id, result: await jobs[job](bytes) });
  } catch (error) {
    parentPort.postMessage({ id, error: String(error.stack ?? error) });
  }
});
