import { setTimeout as pause } from 'node:timers/promises';
import { AppError } from '../errors.js';
import { progressShower } from './progress.js';
import type { Row } from './table.js';
import { quoted, send, type Tour } from './tour.js';

interface ImportState {
  readonly id: string;
  readonly status: string;
  readonly filesTotal: number;
  readonly filesDone: number;
  readonly rowsAdded: string;
  readonly rowsRejected: string;
  readonly error: { readonly code: string; readonly message: string } | null;
}

const pollMilliseconds = 20;

/** A dataset over the files, looked at, defined and imported. @returns the number of rows */
export async function load(tour: Tour, connection: string): Promise<number> {
  const definition = `{
    name: "birdstrikes", title: "Bird strikes", connection: ${quoted(connection)}
    selection: { prefix: "birdstrikes/", fileName: "birdstrikes-", compression: GZIP }
    format: { type: CSV }
    dateColumns: [{ column: "Flight Date", format: "M/d/yy H:mm" }]
    columns: [{ source: "Cost Total $", name: "Cost_Total" }]
    excludeFields: ["Cost Other"]
    addFileNameColumn: true
  }`;
  await preview(tour, definition);

  const { screen } = tour;
  screen.heading('A dataset: which files, and what they become');
  await send(tour, `mutation {\n  createDataset(input: ${definition}) { id name }\n}`);
  screen.heading('An import: files become a table in one transaction');
  const rows = await runImport(tour);
  await showColumns(tour);
  return rows;
}

async function preview(tour: Tour, definition: string): Promise<void> {
  const { screen } = tour;
  screen.heading('A preview: what an import would find (nothing is stored)');
  const { previewDataset } = await send<{
    previewDataset: {
      objectCount: number;
      totalBytes: string;
      detected: Record<string, unknown>;
      rows: Row[];
    };
  }>(
    tour,
    `{
  previewDataset(rows: 3, input: ${definition}) {
    objectCount totalBytes detected rows
  }
}`,
  );
  const { objectCount, totalBytes, detected, rows } = previewDataset;
  const found = Object.entries(detected).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  screen.say(
    `${objectCount} objects, ${Number(totalBytes).toLocaleString('en-US')} bytes; detected: ${found.join(', ')}. Some columns of the first rows:`,
  );
  const shown = ['Airport_Name', 'Flight_Date', 'Wildlife_Species', 'Speed_IAS_in_knots'];
  screen.table(rows.map((row) => Object.fromEntries(shown.map((name) => [name, row[name]!]))));
}

async function runImport(tour: Tour): Promise<number> {
  const { client, screen, signal } = tour;
  const started = await send<{ importDataset: ImportState }>(
    tour,
    'mutation { importDataset(name: "birdstrikes") { id status } }',
  );
  const { id } = started.importDataset;
  const poll = `{
  importRun(id: ${quoted(id)}) {
    id status filesTotal filesDone rowsAdded rowsRejected error { code message }
  }
}`;
  screen.graphql(poll);
  const progress = progressShower(screen);
  for (;;) {
    const { importRun: run } = await client.data<{ importRun: ImportState }>(poll);
    // Before the listing has been read there is nothing to show.
    if (run.filesTotal > 0) progress.show({ ...run, rows: Number(run.rowsAdded) });
    if (run.status === 'SUCCEEDED') {
      progress.end();
      return Number(run.rowsAdded);
    }
    if (!['QUEUED', 'RUNNING'].includes(run.status)) {
      const { code, message } = run.error ?? { code: run.status, message: 'the import ended' };
      throw new AppError('INTERNAL', `The import failed with ${code}: ${message}`);
    }
    await pause(pollMilliseconds, undefined, { signal });
  }
}

async function showColumns(tour: Tour): Promise<void> {
  const { dataset } = await send<{
    dataset: { rowCount: string; fileCount: number; columns: Row[] };
  }>(
    tour,
    '{ dataset(name: "birdstrikes") { rowCount fileCount columns { name source type nullable } } }',
  );
  tour.screen.table(dataset.columns);
}
