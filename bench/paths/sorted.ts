import { customerCount } from '../harness/fixtures.js';
import { alternate, seeded, timed } from '../harness/measure.js';
import { peakMB, resetPeak } from '../harness/memory.js';
import type { BenchPath } from '../harness/path.js';
import { createDataset, importRows } from '../harness/service-process.js';

const queries = 40;

/** A hundred rows of one customer, from a table sorted by customers and from the same rows in the order of the files. */
export const sorted: readonly BenchPath[] = [
  {
    name: 'sorted-filter',
    ratioOf: 'rate with sortBy / rate without',
    goal: { atLeast: 2 },
    async run(world) {
      const { service, connection } = await world.loaded();
      const name = 'sales_sorted';
      await createDataset(service, {
        name,
        connection,
        prefix: 'sales/',
        sortBy: ['customer', 'ordered_at'],
      });
      await importRows(service, name, world.fixtures.rows);
      await resetPeak(service.pid);
      const random = seeded(5);
      const customers = Array.from({ length: queries }, () =>
        Math.floor(random() * customerCount(world.fixtures.rows)),
      );
      const ask = (table: string) => (round: number) =>
        timed(() =>
          service.bytes(
            `{ ${table}(where: { customer: { eq: ${customers[round]} } }, orderBy: [{ ordered_at: ASC }, { id: ASC }], limit: 100) {
              id ordered_at region sku price } }`,
          ),
        );
      const same = await Promise.all(
        ['sales', name].map(async (table) => {
          const rows = (await service.data(
            `{ ${table}Aggregate(where: { customer: { eq: ${customers[0]} } }) { count sum { price } } }`,
          )) as Record<string, unknown>;
          return JSON.stringify(Object.values(rows));
        }),
      );
      if (same[0] !== same[1]) throw new Error(`The tables differ: ${same.join(' and ')}`);
      const times = await alternate(queries, ask(name), ask('sales'));
      return {
        ratio: times.theirs / times.ours,
        oursMs: times.ours,
        theirsMs: times.theirs,
        peakMB: await peakMB(service.pid),
        theirPeakMB: null,
      };
    },
  },
];
