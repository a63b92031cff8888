import DataLoader from 'dataloader';
import { findConnection, type Connection } from '../catalog/connections.js';
import { findDataset, listDatasets, type Dataset } from '../catalog/datasets.js';
import { findWriteback, type Writeback } from '../catalog/writebacks.js';
import type { Secrets } from '../catalog/secrets.js';
import type { Engine } from '../engine/engine.js';

/** Loaders of one request: what several fields of an operation ask for is read once. */
export interface Loaders {
  readonly connection: DataLoader<string, Connection | undefined>;
  readonly dataset: DataLoader<string, Dataset | undefined>;
  readonly writeback: DataLoader<string, Writeback | undefined>;
  readonly datasetsOfConnection: DataLoader<string, Dataset[]>;
}

/** Makes the loaders of one request. */
export function makeLoaders(engine: Engine, secrets: Secrets): Loaders {
  return {
    connection: new DataLoader((ids) =>
      engine.read((session) => inOrder(ids, (id) => findConnection(session, secrets, { id }))),
    ),
    dataset: new DataLoader((ids) =>
      engine.read((session) => inOrder(ids, (id) => findDataset(session, { id }))),
    ),
    writeback: new DataLoader((ids) =>
      engine.read((session) => inOrder(ids, (id) => findWriteback(session, { id }))),
    ),
    datasetsOfConnection: new DataLoader((ids) =>
      engine.read((session) => inOrder(ids, (id) => listDatasets(session, { connection: id }))),
    ),
  };
}

// One session for the whole batch; its statements run one after the other anyway.
async function inOrder<T>(ids: readonly string[], load: (id: string) => Promise<T>): Promise<T[]> {
  const found: T[] = [];
  for (const id of ids) found.push(await load(id));
  return found;
}
