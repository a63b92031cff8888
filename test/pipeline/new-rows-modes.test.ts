import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { duckdbDialect } from '../../src/engine/dialect.js';
import { newRows } from '../../src/pipeline/new-rows.js';
import { compile } from '../../src/query/compile.js';
import { startImporter, type Importer } from '../support/importer.js';
import { randomFrom, type Random } from '../support/random.js';

// Random imports, beside a model that knows for each row which import brought it: for every sequence, the rows since.

interface Definition {
  readonly updateMode: 'REPLACE' | 'INCREMENTAL' | 'APPEND' | 'UPSERT';
  readonly sortBy: readonly string[];
  readonly addFileNameColumn: boolean;
}

interface ModelRow {
  readonly id: number;
  /** No two rows have the same: it stands in a column `rowid`. */
  readonly mark: string;
  /** The object's key, where rows have one. */
  readonly origin: string;
  readonly key: string;
  readonly sequence: number;
}

/** What a dataset is to hold. */
class Model {
  rows: readonly ModelRow[] = [];
  sequence = 0;
  #known = new Map<string, string>();
  #imported: Definition | undefined;

  /** @param objects texts by key: an object with another text is another object */
  import(definition: Definition, objects: ReadonlyMap<string, string>): void {
    const { updateMode } = definition;
    const adds = updateMode === 'APPEND' || updateMode === 'UPSERT';
    const listed = [...objects].sort(([a], [b]) => (a < b ? -1 : 1));
    const isKnown = ([key, text]: readonly [string, string]) => this.#known.has(`${key} ${text}`);
    const fresh = listed.filter((object) => !isKnown(object));
    const here = new Set(listed.map(([key, text]) => `${key} ${text}`));
    const gone = [...this.#known].filter(([version]) => !here.has(version)).map(([, key]) => key);
    const first = this.#imported === undefined;
    const redefined = !adds && JSON.stringify(definition) !== JSON.stringify(this.#imported);
    if (!first && fresh.length === 0 && (adds || (!redefined && gone.length === 0))) return;
    const anew =
      first || redefined || updateMode === 'REPLACE' || (!adds && gone.length === this.#known.size);
    const sequence = ++this.sequence;
    const origins =
      definition.addFileNameColumn ||
      (updateMode === 'INCREMENTAL' && definition.sortBy.length > 0);
    const read = (anew ? listed : fresh).flatMap(([key, text]) => {
      const [head = '', ...lines] = text.trimEnd().split('\n');
      const names = head.split(',');
      return lines.map((line) => {
        const cells = line.split(',');
        const cell = (name: string) => cells[names.indexOf(name)] ?? '';
        const origin = origins ? key : '';
        return { id: Number(cell('id')), mark: cell('rowid'), origin, key, sequence };
      });
    });
    const upserts = updateMode === 'UPSERT';
    const last = new Map(read.map((row) => [row.id, row]));
    const stays = anew
      ? []
      : this.rows
          .filter(({ key, id }) => (adds || !gone.includes(key)) && !(upserts && last.has(id)))
          .map((row) => (origins ? row : { ...row, origin: '' }));
    const rows = [...stays, ...(upserts ? read.filter((row) => last.get(row.id) === row) : read)];
    const compare = (a: string | number, b: string | number) => (a < b ? -1 : Number(a > b));
    if (!adds) rows.sort((a, b) => compare(a.key, b.key));
    if (definition.sortBy.length > 0) {
      rows.sort((a, b) => compare(a.id, b.id) || compare(a.origin, b.origin));
    }
    this.rows = rows;
    if (anew || !adds) this.#known = new Map();
    for (const [key, text] of listed) this.#known.set(`${key} ${text}`, key);
    this.#imported = definition;
  }
}

describe('the rows since each import', () => {
  let importer: Importer;
  beforeAll(async () => {
    importer = await startImporter();
  });
  afterAll(() => importer.close());

  const marksSince = async (name: string, since: number): Promise<string[] | undefined> => {
    const dataset = await importer.dataset(name);
    return importer.engine.read(async (session) => {
      const from = await newRows(session, dataset, since);
      if (!from) return undefined;
      const query = { kind: 'rows', from, columns: ['rowid'], orderBy: [] } as const;
      const rows = await session.rows(compile(query, duckdbDialect));
      return rows.map(({ rowid }) => String(rowid));
    });
  };
  const expectAll = async (name: string, model: Model, told: string) => {
    expect([told, (await importer.dataset(name)).current?.sequence]).toEqual([
      told,
      model.sequence,
    ]);
    for (let since = -1; since <= model.sequence; since++) {
      const rows = model.rows.filter(({ sequence }) => sequence > since);
      const marks = rows.length === 0 ? undefined : rows.map(({ mark }) => mark);
      expect([told, since, await marksSince(name, since)]).toEqual([told, since, marks]);
    }
  };

  /** Changes some objects of a dataset, and says which texts they have then. */
  const files = (name: string, random: Random) => {
    const objects = new Map<string, string>();
    let marks = 0;
    const text = () => {
      const wide = random.oneIn(6);
      const more = random.oneIn(5);
      const lines = Array.from({ length: 1 + random(random.oneIn(3) ? 20 : 4) }, () => {
        const id = wide ? 3_000_000_000 + random(9) : random(25);
        return `${id},m${++marks}${more ? `,${random(9)}` : ''}`;
      });
      return `id,rowid${more ? `,loaded by` : ''}\n${lines.join('\n')}\n`;
    };
    const store = async (key: string, body: string) => {
      objects.set(key, body);
      await importer.put(key, body);
    };
    const change = async () => {
      const keys = [...objects.keys()];
      if (keys.length < 2 || !random.oneIn(3)) {
        return store(`${name}/${String(random(1000)).padStart(3, '0')}.csv`, text());
      }
      const some = random.pick(keys);
      if (random.oneIn(2)) return store(some, text());
      objects.delete(some);
      await importer.remove(some);
    };
    return {
      objects,
      begin: () => store(`${name}/000.csv`, `id,rowid,loaded by\n0,m0,1\n`),
      change: async () => {
        for (let changes = random(3); changes >= 0; changes--) await change();
      },
    };
  };

  const modes = ['REPLACE', 'INCREMENTAL', 'APPEND', 'UPSERT'] as const;
  const plain = modes.flatMap((updateMode) =>
    [[], ['id']].map((sortBy): Definition => ({ updateMode, sortBy, addFileNameColumn: false })),
  );

  it.each(plain)('of $updateMode sorted by $sortBy are those it brought', async (definition) => {
    const { updateMode, sortBy } = definition;
    const name = `${updateMode.toLowerCase()}_${sortBy.join('')}`;
    const random = randomFrom(20261122 + name.length);
    const { objects, begin, change } = files(name, random);
    const model = new Model();
    await importer.define(name, { ...definition, primaryKey: ['id'] });
    await begin();
    for (let step = 0; step < 10; step++) {
      await importer.import(name);
      model.import(definition, objects);
      await expectAll(name, model, `step ${step}`);
      await change();
    }
  });

  it.each([1, 2, 3])('are right whatever becomes of the definition (seed %s)', async (seed) => {
    const name = `any_${seed}`;
    const random = randomFrom(seed);
    const { objects, begin, change } = files(name, random);
    const model = new Model();
    await begin();
    let definition: Definition = {
      updateMode: random.pick(modes),
      sortBy: [],
      addFileNameColumn: false,
    };
    for (let step = 0; step < 12; step++) {
      if (random.oneIn(2)) {
        definition = {
          // What begins anew forgets what was before, so it is not asked for so often.
          updateMode: random.pick([...modes, 'APPEND', 'UPSERT', 'APPEND', 'UPSERT']),
          sortBy: random.oneIn(3) ? ['id'] : [],
          addFileNameColumn: random.oneIn(3),
        };
      }
      await importer.define(name, { ...definition, primaryKey: ['id'] });
      await importer.import(name);
      model.import(definition, objects);
      await expectAll(name, model, `step ${step} ${JSON.stringify(definition)}`);
      await change();
    }
  });
});
