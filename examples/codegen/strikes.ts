import { StrikesByStateDocument } from './generated/graphql.js';
import { ask } from './service.js';

const { birdstrikesGroups } = await ask(StrikesByStateDocument, { least: '50', states: 10 });

// Sums come as text, however large they are; BigInt takes this one, since the column has whole numbers.
const rows = birdstrikesGroups.groups.map(({ key, count, sum, max }) => ({
  state: key.Origin_State ?? '(unknown)',
  strikes: Number(count),
  dollars: BigInt(sum.Cost_Total ?? 0).toLocaleString('en'),
  last: max.Flight_Date?.slice(0, 10) ?? '',
}));
console.table(rows);
console.log(`${rows.length} of ${birdstrikesGroups.totalGroups} states with 50 strikes or more`);
