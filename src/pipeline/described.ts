import type { DatasetFormat } from '../catalog/definition.js';
import { delimitedRelation, type DelimitedLayout } from '../formats/delimited.js';
import type {
  LocalFile,
  ParquetColumn,
  ParquetFile,
  Relation,
  RowFile,
  TextRelation,
} from '../relation.js';
import { columnsOf, type FoundColumn } from './columns.js';

/** A file on this machine and what a look at it showed. */
export type DescribedFile =
  | { readonly kind: 'empty'; readonly file: LocalFile }
  | {
      readonly kind: 'delimited';
      readonly file: LocalFile;
      readonly layout: DelimitedLayout;
      readonly columns: readonly FoundColumn[];
    }
  | {
      readonly kind: 'rows';
      readonly file: RowFile;
      readonly columns: readonly FoundColumn[];
    }
  | {
      readonly kind: 'parquet';
      readonly file: ParquetFile;
      readonly columns: readonly FoundColumn[];
    };

/** A file that has columns. */
export type ReadableFile = Exclude<DescribedFile, { kind: 'empty' }>;

/** Whether a file has columns. */
export function isReadable(file: DescribedFile): file is ReadableFile {
  return file.kind !== 'empty';
}

export function describedText(file: LocalFile, layout: DelimitedLayout): DescribedFile {
  return { kind: 'delimited', file, layout, columns: columnsOf(layout.headers) };
}

export function describedRows(file: RowFile): DescribedFile {
  const columns = file.columns.map(({ source, occurrence, kind }) => ({
    source,
    occurrence,
    ...(kind === undefined ? {} : { cells: kind }),
  }));
  return columns.length === 0 ? { kind: 'empty', file } : { kind: 'rows', file, columns };
}

export function describedParquet(
  file: ParquetFile,
  described: readonly ParquetColumn[],
): DescribedFile {
  const found = columnsOf(described.map(({ source }) => source));
  const columns = found.map((column, position) => {
    const given = described[position];
    return given ? { ...column, given } : column;
  });
  return columns.length === 0 ? { kind: 'empty', file } : { kind: 'parquet', file, columns };
}

/**
 * Neighbours that are read alike make one relation, which the engine reads in parallel.
 * @param given what the columns of Parquet files are, for all files of the table together
 */
export function relationsOf(
  files: readonly ReadableFile[],
  format: DatasetFormat,
  given: readonly ParquetColumn[],
): Relation[] {
  const relations: Relation[] = [];
  for (let at = 0; at < files.length;) {
    const shape = shapeOf(files[at]);
    let end = at + 1;
    while (end < files.length && shapeOf(files[end]) === shape) end++;
    relations.push(...relationOf(files.slice(at, end), format, given));
    at = end;
  }
  return relations;
}

function shapeOf(file: ReadableFile | undefined): string {
  switch (file?.kind) {
    case 'delimited': {
      const { dialect, headers, skipLines } = file.layout;
      return JSON.stringify([dialect, headers, skipLines]);
    }
    case 'rows':
      return JSON.stringify(file.columns.map(({ source, occurrence }) => [source, occurrence]));
    default:
      return '';
  }
}

function relationOf(
  group: readonly ReadableFile[],
  format: DatasetFormat,
  given: readonly ParquetColumn[],
): Relation[] {
  const [first] = group;
  switch (first?.kind) {
    case undefined:
      return [];
    case 'delimited':
      return [delimitedRelation(first.layout, filesOf(group, 'delimited'), format.csv)];
    case 'rows': {
      const headers = first.columns.map(({ source }) => source);
      return [{ kind: 'rows', files: filesOf(group, 'rows'), headers }];
    }
    case 'parquet':
      return [{ kind: 'parquet', files: filesOf(group, 'parquet'), columns: given }];
  }
}

function filesOf<K extends ReadableFile['kind']>(group: readonly ReadableFile[], kind: K) {
  type OfKind = Extract<ReadableFile, { kind: K }>;
  const isOfKind = (file: ReadableFile): file is OfKind => file.kind === kind;
  return group.filter(isOfKind).map(({ file }) => file as OfKind['file']);
}

/** The relations whose columns get their types from texts. */
export function isText(relation: Relation): relation is TextRelation {
  return relation.kind !== 'parquet';
}
