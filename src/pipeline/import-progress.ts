import type { ImportProgress } from '../catalog/runs.js';

/** Counts what an import has done, and tells. */
export interface ProgressReport {
  current(): ImportProgress;
  set(change: Partial<ImportProgress>): void;
  add(more: Partial<Pick<ImportProgress, 'filesDone' | 'bytesDone' | 'rowsAdded'>>): void;
}

/** A report that begins with the objects that are to be read. */
export function progressReport(
  objects: readonly { readonly size: number }[],
  onProgress: (progress: ImportProgress) => void,
): ProgressReport {
  let progress: ImportProgress = {
    filesTotal: objects.length,
    filesDone: 0,
    bytesTotal: objects.reduce((sum, object) => sum + object.size, 0),
    bytesDone: 0,
    rowsAdded: 0,
    rowsRemoved: 0,
    rowsRejected: 0,
    warnings: [],
  };
  const set = (change: Partial<ImportProgress>) => {
    progress = { ...progress, ...change };
    onProgress(progress);
  };
  set({});
  return {
    current: () => progress,
    set,
    add: (more: { filesDone?: number; bytesDone?: number; rowsAdded?: number }) =>
      set({
        filesDone: progress.filesDone + (more.filesDone ?? 0),
        bytesDone: progress.bytesDone + (more.bytesDone ?? 0),
        rowsAdded: progress.rowsAdded + (more.rowsAdded ?? 0),
      }),
  };
}
