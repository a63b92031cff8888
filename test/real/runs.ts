import type { RealService } from './gateway.js';

/** A run as the tests ask for it. */
export interface RunAnswer {
  readonly status: string;
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly details: Readonly<Record<string, unknown>>;
  } | null;
}

/** Imports and waits: a dataset that is there by its name, or a new one by its definition. */
export async function importNow(
  service: RealService,
  dataset: string | ({ readonly name: string } & Record<string, unknown>),
): Promise<RunAnswer & Record<string, unknown>> {
  if (typeof dataset !== 'string') {
    await service.data(`mutation ($input: DatasetInput!) { createDataset(input: $input) { id } }`, {
      input: { format: { type: 'CSV' }, ...dataset },
    });
  }
  const { importDataset } = await service.data(
    `mutation ($name: String!) {
      importDataset(name: $name, wait: true) {
        status filesTotal rowsAdded rowsRejected error { code message details }
      }
    }`,
    { name: typeof dataset === 'string' ? dataset : dataset.name },
  );
  return importDataset as RunAnswer & Record<string, unknown>;
}

/** What a writeback answered. */
export interface WritebackAnswer extends RunAnswer {
  readonly rows: string;
  readonly bytes: string;
  readonly objects: readonly {
    readonly key: string;
    readonly bytes: string;
    readonly rows: string;
    readonly checksum: string;
  }[];
}

/** Writes all rows of a dataset and waits. `field` is the generated mutation's name. */
export async function writeNow(
  service: RealService,
  field: string,
  destination: Record<string, unknown>,
): Promise<WritebackAnswer> {
  const data = await service.data(
    `mutation ($to: DestinationInput!) {
      run: ${field}(destination: $to, wait: true) {
        status rows bytes error { code message details } objects { key bytes rows checksum }
      }
    }`,
    { to: destination },
  );
  return data.run as WritebackAnswer;
}
