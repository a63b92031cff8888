import { flatten, type Row } from './table.js';
import { quoted, send, type Tour } from './tour.js';

interface Page {
  readonly totalCount: string;
  readonly nodes: readonly Row[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
}

/** Typed queries over the table, their answers as tables. */
export async function ask(tour: Tour): Promise<void> {
  const { screen } = tour;
  screen.heading('Rows: filtered and in order');
  const { birdstrikes } = await send<{ birdstrikes: Row[] }>(
    tour,
    `{
  birdstrikes(
    where: { Wildlife_Size: { eq: "Large" }, Cost_Total: { gte: 100000 }, Flight_Date: { gte: "1995-01-01T00:00:00" } }
    orderBy: [{ Cost_Total: DESC }, { Flight_Date: ASC }]
    limit: 5
  ) { Flight_Date Origin_State Wildlife_Species Cost_Total _BATCH_FILE_NAME_ }
}`,
  );
  screen.table(birdstrikes);

  screen.heading('Pages: a cursor carries on where the last page ended');
  const first = await page(tour, '');
  screen.table(first.nodes);
  const second = await page(tour, `, after: ${quoted(first.pageInfo.endCursor)}`);
  screen.table(second.nodes);

  screen.heading('An aggregate');
  const { birdstrikesAggregate } = await send<{ birdstrikesAggregate: unknown }>(
    tour,
    `{
  birdstrikesAggregate(where: { Time_of_day: { in: ["Dawn", "Dusk"] } }) {
    count
    countDistinct { Wildlife_Species }
    sum { Cost_Total }
    avg { Speed_IAS_in_knots }
    max { Flight_Date }
  }
}`,
  );
  screen.table([flatten(birdstrikesAggregate)]);

  screen.heading('Groups by a column, with a condition on the sum');
  await groups(
    tour,
    `{
  birdstrikesGroups(
    by: [{ column: Origin_State }]
    having: { sum: { Cost_Total: { gte: 500000 } } }
    orderBy: [{ sum: { Cost_Total: DESC } }]
  ) { groups { key { Origin_State } count sum { Cost_Total } max { Cost_Total } } }
}`,
  );

  screen.heading('Groups by time');
  await groups(
    tour,
    `{
  birdstrikesGroups(
    by: [{ bucket: { column: Flight_Date, unit: YEAR } }]
    where: { Flight_Date: { gte: "1998-01-01T00:00:00" } }
    orderBy: [{ bucket: ASC }]
  ) { groups { buckets { start end } count avg { Speed_IAS_in_knots } } }
}`,
  );
}

async function page(tour: Tour, after: string): Promise<Page> {
  const { birdstrikesConnection } = await send<{ birdstrikesConnection: Page }>(
    tour,
    `{
  birdstrikesConnection(first: 3, orderBy: [{ Flight_Date: DESC }]${after}) {
    totalCount
    nodes { Flight_Date Airport_Name Aircraft_Make_Model Wildlife_Species }
    pageInfo { hasNextPage endCursor }
  }
}`,
  );
  return birdstrikesConnection;
}

async function groups(tour: Tour, operation: string): Promise<void> {
  const { birdstrikesGroups } = await send<{ birdstrikesGroups: { groups: readonly unknown[] } }>(
    tour,
    operation,
  );
  tour.screen.table(birdstrikesGroups.groups.map((group) => flatten(group)));
}
