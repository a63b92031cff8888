import { createReadStream, createWriteStream } from 'node:fs';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { DatasetDefinition } from '../catalog/definition.js';
import { engineReads } from '../delimited-text.js';
import type { Session } from '../engine/engine.js';
import { describeParquet } from '../engine/parquet/describe.js';
import { isAppError } from '../errors.js';
import { formatOf, type Format } from '../formats/index.js';
import {
  layoutDelimited,
  type DelimitedLayout,
  type DelimitedType,
  type SampleSource,
} from '../formats/delimited.js';
import { checkParquet } from '../formats/parquet/check.js';
import { toUtf8 } from '../formats/encoding.js';
import type { FormatLimits } from '../limits.js';
import type { LocalFile } from '../relation.js';
import { arrived } from './arrival.js';
import { describedParquet, describedRows, describedText, type DescribedFile } from './described.js';
import type { InflateLimits } from './inflate.js';
import { LineCutter } from './line-cutter.js';
import type { RowReader } from './row-reader.js';
import type { RowsRead } from './row-worker.js';
import type { SpoolSpace } from './space.js';
import { checkedText } from './text-check.js';
import { isArchive, isWorkbook, unpack } from './unpack.js';

/** What a file may cost. */
export interface IntakeLimits extends InflateLimits, FormatLimits {
  readonly maxMembers: number;
  readonly maxSpoolBytes: number;
}

/** What taking files in needs. */
export interface IntakeOptions {
  readonly definition: DatasetDefinition;
  readonly session: Session;
  readonly rowReader: RowReader;
  /** For further files, which the caller removes. */
  readonly spoolDir: string;
  readonly space: SpoolSpace;
  readonly limits: IntakeLimits;
  readonly signal: AbortSignal;
  /** How many more rows may be set aside. */
  readonly room: () => number;
  /** Told what the reader of a row format said, beside the rows. */
  readonly onRead: (read: Omit<RowsRead, 'rows' | 'columns'>) => void;
  /** How texts are read that come in parts, by their origins. */
  readonly layouts: Map<string, DelimitedLayout>;
  /** A preview: rows that are enough. */
  readonly enough?: number;
}

/** A file to take in. */
export interface IntakeFile extends LocalFile {
  /** What of it is there. (Default: all of it) */
  readonly arrival?: SharedArrayBuffer;
  /** When all of it is there. (Default: now) */
  readonly whole?: Promise<unknown>;
  /** Only the beginning of the object is there, and no more will come. (Default: false) */
  readonly partial?: boolean;
}

type RowsFormat = Format & { kind: 'rows' };

const sampleBytes = 2 ** 20;

/**
 * Looks at a file, or at each one in an archive, and says how it is to be loaded; rows of formats that the engine does not
 * read are written anew.
 */
export async function* takeIn(
  file: IntakeFile,
  options: IntakeOptions,
): AsyncGenerator<DescribedFile, void> {
  if (await holdsFiles(file, options)) {
    await file.whole;
    yield* takeInMembers(file, options);
  } else {
    yield* takeInOne(file, options);
  }
}

async function holdsFiles(
  { path, earlier = [] }: IntakeFile,
  { definition: { format, selection } }: IntakeOptions,
): Promise<boolean> {
  if (selection.compression === 'NONE' || earlier.length > 0) return false;
  if (!(await isArchive(path))) return false;
  return formatOf(format.type).zipped !== true || !(await isWorkbook(path));
}

async function* takeInOne(
  file: IntakeFile,
  options: IntakeOptions,
): AsyncGenerator<DescribedFile, void> {
  const format = formatOf(options.definition.format.type);
  switch (format.kind) {
    case 'delimited':
      yield await describeText(file, format.type, options);
      return;
    case 'parquet': {
      const { session, limits, signal } = options;
      const checked = await checkParquet(file, limits);
      yield describedParquet(checked, await describeParquet(session, checked, { signal }));
      return;
    }
    case 'rows':
      yield* readRows(file, format, options);
  }
}

async function* takeInMembers(
  archive: LocalFile,
  options: IntakeOptions,
): AsyncGenerator<DescribedFile, void> {
  const { definition, spoolDir, limits, signal } = options;
  const { subfileName } = definition.selection;
  const { kind, type } = formatOf(definition.format.type);
  const members = unpack(archive, {
    dir: spoolDir,
    fileType: type,
    ...(subfileName === undefined ? {} : { subfileName }),
    limits,
    signal,
    ...(kind === 'delimited'
      ? {
          look: (beginning, origin) =>
            void layoutOfSample(beginning, { type, origin, complete: false }, options),
        }
      : {}),
  });
  for await (const { path, origin, bytes } of members) {
    options.space.take(bytes, origin);
    yield* takeInOne({ path, origin }, options);
  }
}

async function* readRows(
  file: IntakeFile,
  { type, options: name }: RowsFormat,
  options: IntakeOptions,
): AsyncGenerator<DescribedFile, void> {
  const { definition, limits, rowReader } = options;
  const { path, origin, partial = false } = file;
  // The thread is told these and nothing else: whoever asks may hand in more than limits, secrets among it.
  const { maxColumns, maxCellBytes, maxNesting, maxDocumentBytes } = limits;
  const { maxInflatedBytes, maxInflationRatio } = limits;
  const task = {
    type,
    options: { ...definition.format[name], excludeFields: definition.excludeFields },
    source: { origin, partial },
    path,
    arrival: file.arrival ?? arrived(await sizeOf(path)),
    target: `${path}.rows`,
    limits: { maxColumns, maxCellBytes, maxNesting, maxDocumentBytes },
    parts: { maxInflatedBytes, maxInflationRatio },
    badRows: definition.badRows,
    maxRejectedRows: options.room(),
    ...(options.enough === undefined ? {} : { enough: options.enough }),
  };
  let files = 0;
  for await (const rows of rowReader.read(task, options.signal, options.onRead)) {
    files++;
    options.space.take(rows.bytes, origin);
    yield describedRows(rows);
  }
  if (files === 0) yield { kind: 'empty', file: { path, origin } };
  // The rows stand in files of their own now.
  options.space.giveBack(await sizeOf(path));
  await rm(path);
}

async function describeText(
  file: IntakeFile,
  type: DelimitedType,
  { definition, limits, layouts }: Pick<IntakeOptions, 'definition' | 'limits' | 'layouts'>,
): Promise<DescribedFile> {
  const known = layouts.get(file.origin);
  if (known && (file.earlier?.length ?? 0) > 0) {
    return describedText(file, { ...known, skipLines: 0, warnings: [] });
  }
  const layout = await layoutOf(file, type, { definition, limits });
  if (!layout) return { kind: 'empty', file };
  layouts.set(file.origin, layout);
  const text = layout.encoding === 'utf-8' ? file : await inUtf8(file, layout.encoding);
  return describedText(await checkedText(text), layout);
}

async function layoutOf(
  { path, origin }: LocalFile,
  type: DelimitedType,
  options: Pick<IntakeOptions, 'definition' | 'limits'>,
): Promise<DelimitedLayout | undefined> {
  const size = await sizeOf(path);
  const sample = await beginningOf(path, Math.min(sampleBytes, size));
  return layoutOfSample(sample, { type, origin, complete: sample.length === size }, options);
}

function layoutOfSample(
  sample: Buffer,
  source: SampleSource,
  { definition, limits: { maxColumns } }: Pick<IntakeOptions, 'definition' | 'limits'>,
): DelimitedLayout | undefined {
  return layoutDelimited(sample, { ...source, maxColumns }, definition.format.csv);
}

/**
 * How a text can be cut into parts while it arrives, from its beginning in a file; undefined when it cannot: it is no
 * delimited text or no UTF-8, its last lines are to be skipped, or the engine does not read it.
 */
export async function cutterOf(
  file: LocalFile,
  options: Pick<IntakeOptions, 'definition' | 'limits'>,
): Promise<LineCutter | undefined> {
  const { csv } = options.definition.format;
  const { kind, type } = formatOf(options.definition.format.type);
  if (kind !== 'delimited' || (csv?.footerRowsToSkip ?? 0) > 0) return undefined;
  const layout = await layoutOf(file, type, options).catch((error: unknown) => {
    // Whoever takes the file in will say so.
    if (isAppError(error)) return undefined;
    throw error;
  });
  if (layout?.encoding !== 'utf-8' || !engineReads(layout.dialect)) return undefined;
  const cutter = new LineCutter(layout.dialect.quote);
  const text = await readFile(file.path);
  // Quotes of the header do not matter: where it ends is known.
  let at = 0;
  for (let line = 0; line < layout.skipLines; line++) at = text.indexOf(0x0a, at) + 1;
  cutter.cut(text.subarray(at));
  return cutter;
}

/** Writes a text anew. */
async function inUtf8({ path, origin }: LocalFile, encoding: string): Promise<LocalFile> {
  const target = `${path}.utf8`;
  await pipeline(createReadStream(path), toUtf8(encoding, origin), createWriteStream(target));
  await rename(target, path);
  // What was known of it does not hold any more.
  return { path, origin };
}

async function beginningOf(path: string, bytes: number): Promise<Buffer> {
  const file = await open(path);
  try {
    const buffer = Buffer.alloc(bytes);
    const { bytesRead } = await file.read(buffer, 0, bytes, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

const sizeOf = async (path: string) => (await stat(path)).size;
