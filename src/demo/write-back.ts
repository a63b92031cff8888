import { writeFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import { AppError } from '../errors.js';
import { difference, type AnswerValue, type FileRow } from './compare.js';
import { readParquet } from './parquet.js';
import { quoted, send, type Tour } from './tour.js';

interface WritebackState {
  readonly status: string;
  readonly rows: string;
  readonly bytes: string;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly objects: readonly { readonly key: string; readonly checksum: string }[];
}

interface StateGroup {
  readonly key: { readonly Origin_State: string };
  readonly count: string;
  readonly sum: { readonly Cost_Total: string };
  readonly avg: { readonly Speed_IAS_in_knots: number | null };
}

const groupsBy = 'by: [{ column: Origin_State }], orderBy: [{ count: DESC }]';
const damaged = 'where: { Effect_Amount_of_damage: { eq: "Substantial" } }, limit: 1000';
const chosen = ['Flight_Date', 'Origin_State', 'Wildlife_Species', 'Cost_Total'];
const runFields = 'status rows bytes objects { key checksum } error { code message }';

/** Answers become objects in S3 again, and are read again and compared. */
export async function writeBack(tour: Tour, connection: string): Promise<void> {
  await groupsToCsv(tour, connection);
  await rowsToParquet(tour, connection);
}

async function groupsToCsv(tour: Tour, connection: string): Promise<void> {
  const { world, screen, client } = tour;
  screen.heading('A writeback: groups become a gzip’d CSV in the bucket');
  const mutation = `mutation {
  writebackBirdstrikesGroups(
    ${groupsBy}
    aggregates: { count: true, sum: ["Cost_Total"], avg: ["Speed_IAS_in_knots"] }
    destination: {
      connection: ${quoted(connection)}, path: "reports", fileName: "strikes-by-state-<current_date>"
      format: CSV, compression: GZIP
    }
    wait: true
  ) { ${runFields} }
}`;
  const written = await send<{ writebackBirdstrikesGroups: WritebackState }>(tour, mutation);
  const key = writtenKey(tour, written.writebackBirdstrikesGroups);

  screen.say('The object, read from the bucket and inflated, begins with');
  const text = gunzipSync(await world.readObject(key)).toString('utf8');
  screen.say(text.split('\n').slice(0, 4).join('\n'));
  const { birdstrikesGroups } = await send<{ birdstrikesGroups: { groups: StateGroup[] } }>(
    tour,
    `{
  birdstrikesGroups(${groupsBy}) {
    groups { key { Origin_State } count sum { Cost_Total } avg { Speed_IAS_in_knots } }
  }
}`,
  );
  const answer = birdstrikesGroups.groups.map(({ key: by, count, sum, avg }) => [
    by.Origin_State,
    count,
    sum.Cost_Total,
    avg.Speed_IAS_in_knots,
  ]);
  const [, ...file] = parse(text);
  requireEqual(tour, answer, file);

  screen.say('Written again without overwrite: true, it is refused and the object stays:');
  const again = await client.data<{ writebackBirdstrikesGroups: WritebackState }>(mutation);
  const { status, error } = again.writebackBirdstrikesGroups;
  if (status !== 'FAILED' || error?.code !== 'OBJECT_EXISTS') {
    throw new AppError(
      'INTERNAL',
      `Writing twice should have failed with OBJECT_EXISTS, and was ${status}`,
    );
  }
  screen.say(`${status}, ${error.code}: ${error.message}`);
}

async function rowsToParquet(tour: Tour, connection: string): Promise<void> {
  const { world, screen } = tour;
  screen.heading('A writeback: rows become Parquet');
  const { writebackBirdstrikes } = await send<{ writebackBirdstrikes: WritebackState }>(
    tour,
    `mutation {
  writebackBirdstrikes(
    columns: [${chosen.join(', ')}]
    ${damaged}
    destination: {
      connection: ${quoted(connection)}, path: "reports", fileName: "<dataset>-damage-<current_date>"
      format: PARQUET
    }
    wait: true
  ) { ${runFields} }
}`,
  );
  const key = writtenKey(tour, writebackBirdstrikes);
  const { birdstrikes } = await send<{ birdstrikes: Record<string, AnswerValue>[] }>(
    tour,
    `{ birdstrikes(${damaged}) { ${chosen.join(' ')} } }`,
  );
  const answer = birdstrikes.map((row) => chosen.map((name) => row[name] ?? null));
  const path = world.tempPath('read-again.parquet');
  await writeFile(path, await world.readObject(key));
  // DuckDB writes a timestamp with a space where the API has a T.
  const file = (await readParquet(path)).map(([time, ...rest]) => [
    time?.replace(' ', 'T') ?? null,
    ...rest,
  ]);
  requireEqual(tour, answer, file);
}

function writtenKey({ screen, world }: Tour, run: WritebackState): string {
  const [object] = run.objects;
  if (run.status !== 'SUCCEEDED' || !object) {
    const { code, message } = run.error ?? { code: run.status, message: 'no object was written' };
    throw new AppError('INTERNAL', `The writeback failed with ${code}: ${message}`);
  }
  screen.say(
    `${run.status}: ${run.rows} rows, ${run.bytes} bytes\ns3://${world.bucket}/${object.key}\n${object.checksum}`,
  );
  return object.key;
}

function requireEqual(
  { screen }: Tour,
  answer: readonly (readonly AnswerValue[])[],
  file: readonly FileRow[],
): void {
  const found = difference(answer, file);
  if (found !== undefined) {
    throw new AppError('INTERNAL', `The written object differs from the query's answer: ${found}`);
  }
  const values = answer.reduce((sum, row) => sum + row.length, 0);
  screen.say(
    `The file equals the query's answer: ${answer.length} rows, ${values} values, no difference.`,
  );
}
