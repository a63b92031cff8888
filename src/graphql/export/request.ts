import { delimiterRule, isDelimiter } from '../../engine/row-text.js';
import { AppError } from '../../errors.js';
import { acceptedType } from './negotiate.js';

/** The formats of exports: first what is given where a client takes anything. */
export const exportFormats = [
  { name: 'csv', type: 'text/csv', charset: true, extensions: ['csv'] },
  { name: 'ndjson', type: 'application/x-ndjson', charset: false, extensions: ['ndjson'] },
  {
    name: 'parquet',
    type: 'application/vnd.apache.parquet',
    charset: false,
    extensions: ['parquet'],
  },
  {
    name: 'arrow',
    type: 'application/vnd.apache.arrow.stream',
    charset: false,
    // The registered one of streams is the first.
    extensions: ['arrows', 'arrow'],
  },
] as const;

/** A row of {@link exportFormats}. */
export type ExportFormat = (typeof exportFormats)[number];

/** What an address and its Accept header ask for. Nothing in it was held against the dataset yet. */
export interface ExportRequest {
  readonly dataset: string;
  readonly format: ExportFormat;
  readonly delimiter: string;
  readonly header: boolean;
  readonly columns: readonly string[] | undefined;
  /** As JSON gives it. */
  readonly where: unknown;
  readonly orderBy: unknown;
  readonly limit: number | undefined;
  readonly offset: number | undefined;
}

const parameters = [
  'format',
  'columns',
  'where',
  'orderBy',
  'limit',
  'offset',
  'delimiter',
  'header',
] as const;

type Parameter = (typeof parameters)[number];

/**
 * Reads the address of an export, /export/orders.csv?limit=10.
 * @throws INVALID_INPUT, NOT_ACCEPTABLE
 */
export function exportRequest(url: URL, accept: string | undefined): ExportRequest {
  const given = parametersOf(url.searchParams);
  const { dataset, extension } = fileOf(url.pathname);
  const format = formatOf(given.get('format'), extension, accept);
  const isCsv = format.name === 'csv';
  for (const name of ['delimiter', 'header'] as const) {
    if (given.has(name) && !isCsv) {
      throw new AppError('INVALID_INPUT', `${name} is for csv, and this is ${format.name}`);
    }
  }
  return {
    dataset,
    format,
    delimiter: delimiterOf(given.get('delimiter')),
    header: headerOf(given.get('header')),
    columns: given.get('columns')?.split(','),
    where: jsonOf('where', given),
    orderBy: jsonOf('orderBy', given),
    limit: countOf('limit', given),
    offset: countOf('offset', given),
  };
}

function parametersOf(search: URLSearchParams): ReadonlyMap<Parameter, string> {
  const given = new Map<Parameter, string>();
  for (const [name, value] of search) {
    const known = parameters.find((parameter) => parameter === name);
    if (!known) {
      throw new AppError(
        'INVALID_INPUT',
        `There is no parameter ${name}; there are ${parameters.join(', ')}`,
      );
    }
    if (given.has(known)) throw new AppError('INVALID_INPUT', `${name} is given twice`);
    given.set(known, value);
  }
  return given;
}

function fileOf(path: string): { dataset: string; extension: string | undefined } {
  const parts = /^\/export\/([A-Za-z0-9_]+)(?:\.([a-z]+))?$/.exec(path);
  if (!parts?.[1]) {
    throw new AppError(
      'NOT_FOUND',
      'Exports are at /export/ and the name of a dataset, such as /export/orders.csv',
    );
  }
  return { dataset: parts[1], extension: parts[2] };
}

function formatOf(
  name: string | undefined,
  extension: string | undefined,
  accept: string | undefined,
): ExportFormat {
  const names = exportFormats.map((format) => format.name).join(', ');
  const byName = exportFormats.find((format) => format.name === name);
  if (name !== undefined && !byName) {
    throw new AppError('INVALID_INPUT', `There is no format ${name}; there are ${names}`);
  }
  const byExtension = exportFormats.find(({ extensions }) =>
    extensions.some((one) => one === extension),
  );
  if (extension !== undefined && !byExtension) {
    throw new AppError('INVALID_INPUT', `.${extension} is no format; there are ${names}`);
  }
  if (byName && byExtension && byName !== byExtension) {
    throw new AppError('INVALID_INPUT', `The address ends in .${extension}, but format is ${name}`);
  }
  const types = exportFormats.map(({ type }) => type);
  const format =
    byName ?? byExtension ?? exportFormats.find(({ type }) => type === acceptedType(accept, types));
  if (!format) {
    throw new AppError(
      'NOT_ACCEPTABLE',
      `Accept names none of ${types.join(', ')}; or add format=, which is one of ${names}`,
    );
  }
  return format;
}

function delimiterOf(given = ','): string {
  if (isDelimiter(given)) return given;
  throw new AppError('INVALID_INPUT', `delimiter must be ${delimiterRule}; a tab is %09`);
}

function headerOf(given = 'true'): boolean {
  if (given === 'true' || given === 'false') return given === 'true';
  throw new AppError('INVALID_INPUT', 'header must be true or false');
}

function jsonOf(name: 'where' | 'orderBy', given: ReadonlyMap<Parameter, string>): unknown {
  const text = given.get(name);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new AppError('INVALID_INPUT', `${name} is not valid JSON`);
  }
}

function countOf(name: 'limit' | 'offset', given: ReadonlyMap<Parameter, string>) {
  const text = given.get(name);
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new AppError('INVALID_INPUT', `${name} must be a whole number, zero or more`);
}
