import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { answerParent, startChild } from './child.js';

/** Parsers that others would use, each in a process of its own. */
export interface ParserProcess {
  readonly pid: number;
  /** Builds an object for each record with saxes, as a reader of streams would. @returns milliseconds and records */
  saxes(path: string, record: string): Promise<{ ms: number; rows: number }>;
  /** Reads a workbook's first sheet with @e965/xlsx, dense. @returns milliseconds and rows */
  xlsx(path: string): Promise<{ ms: number; rows: number }>;
  stop(): Promise<void>;
}

export function startParserProcess(): ParserProcess {
  const child = startChild(new URL('./parser-process.js', import.meta.url));
  return {
    pid: child.pid,
    saxes: (path, record) => child.ask('saxes', { path, record }),
    xlsx: (path) => child.ask('xlsx', path),
    stop: () => child.stop(),
  };
}

async function readWithSaxes(path: string, record: string): Promise<number> {
  const { SaxesParser } = await import('saxes');
  const parser = new SaxesParser();
  let current: Record<string, string> | undefined;
  let name = '';
  let text = '';
  let rows = 0;
  parser.on('opentag', ({ name: tag, attributes }) => {
    if (tag === record) {
      current = {};
      for (const [key, value] of Object.entries(attributes)) current[`@${key}`] = value;
    } else if (current) {
      name = tag;
      for (const [key, value] of Object.entries(attributes)) current[`${tag}.@${key}`] = value;
    }
    text = '';
  });
  parser.on('text', (more) => (text += more));
  parser.on('closetag', ({ name: tag }) => {
    if (tag === record) {
      if (current && Object.keys(current).length > 0) rows++;
      current = undefined;
    } else if (current && tag === name) {
      current[tag] = text;
    }
  });
  for await (const piece of createReadStream(path, { encoding: 'utf8', highWaterMark: 1 << 18 })) {
    parser.write(piece as string);
  }
  parser.close();
  return rows;
}

async function readWithXlsx(path: string): Promise<number> {
  const { read } = await import('xlsx');
  const { Sheets, SheetNames } = read(await readFile(path), { dense: true, cellDates: true });
  const sheet = Sheets[SheetNames[0] ?? ''] as unknown as { '!data'?: unknown[] } | undefined;
  return sheet?.['!data']?.length ?? 0;
}

function main(): void {
  const timed = async (read: () => Promise<number>) => {
    const began = performance.now();
    const rows = await read();
    return { ms: performance.now() - began, rows };
  };
  answerParent({
    saxes: ({ path, record }: { path: string; record: string }) =>
      timed(() => readWithSaxes(path, record)),
    xlsx: (path: string) => timed(() => readWithXlsx(path)),
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
