import type { Output } from './screen.js';

/** How far an import is. */
export interface Progress {
  readonly filesDone: number;
  readonly filesTotal: number;
  readonly rows: number;
}

const barWidth = 24;

/** A bar in one line: `[########----------------]  5 of 13 files   3,748 rows`. */
export function progressLine({ filesDone, filesTotal, rows }: Progress): string {
  const filled = filesTotal === 0 ? 0 : Math.round((filesDone / filesTotal) * barWidth);
  const bar = '#'.repeat(filled) + '-'.repeat(barWidth - filled);
  const done = String(filesDone).padStart(String(filesTotal).length);
  return `   [${bar}]  ${done} of ${filesTotal} files  ${rows.toLocaleString('en-US').padStart(7)} rows`;
}

/** Shows progress: in place on a terminal, elsewhere a line whenever it has changed. */
export function progressShower({ write, status }: Output): {
  show(progress: Progress): void;
  end(): void;
} {
  let last = '';
  return {
    show(progress) {
      const line = progressLine(progress);
      if (line === last) return;
      last = line;
      (status ?? write)(line);
    },
    end() {
      // What stood in place stays as an ordinary line.
      if (status) write(last);
      write('');
    },
  };
}
