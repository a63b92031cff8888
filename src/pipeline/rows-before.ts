import type { Generation } from '../catalog/datasets.js';
import { fileNameColumn, type Column } from '../columns.js';
import type { Engine } from '../engine/engine.js';
import type { TypeDecision } from '../inference.js';
import { join, sql, type Sql } from '../sql.js';
import { columnKey, type FoundColumn, type PlannedColumn } from './columns.js';
import { storedRows } from './stored-rows.js';
import { castsExactly, joinTypes, sameType, type JoinedType } from './widen.js';

/** Values that stay cannot become what they would have been beside the new ones: their texts have to be read again. */
export class ReadAnew extends Error {}

/** What the values of a column are. */
interface ColumnFacts {
  readonly empty: boolean;
  /** Digits in front of the point; only of numbers. */
  readonly wholeDigits?: number;
}

/** Rows that stay beside those that are loaded: the columns must fit both. */
export class RowsBefore {
  readonly #engine: Engine;
  readonly #generation: Pick<Generation, 'columns' | 'sources' | 'segments'>;
  readonly #mayCast: boolean;

  constructor(
    engine: Engine,
    generation: Pick<Generation, 'columns' | 'sources' | 'segments'>,
    options: {
      /** Values may be cast where their texts are not known any more. False: then {@link ReadAnew} is thrown. */
      readonly mayCast: boolean;
    },
  ) {
    this.#engine = engine;
    this.#generation = generation;
    this.#mayCast = options.mayCast;
  }

  /** The headers of all files that they came from. */
  get sources(): readonly string[] {
    return this.#generation.sources;
  }

  /** The column as it is. */
  column(wanted: FoundColumn): Column | undefined {
    const key = columnKey(wanted);
    return this.#generation.columns.find(
      (column) => column.name !== fileNameColumn && columnKey(column) === key,
    );
  }

  /**
   * The type of a column that holds what is found and what is there. `cast`: values of that type became what the engine
   * writes for them.
   * @throws ReadAnew
   */
  async typeBeside(
    plan: PlannedColumn,
    found: JoinedType | undefined,
  ): Promise<{ readonly type: TypeDecision | undefined; readonly cast?: Column }> {
    const stays = this.column(plan);
    if (!stays || plan.pattern || (plan.declared && plan.declared !== 'DECIMAL')) {
      return { type: found };
    }
    if (!found || sameType(stays, found)) return { type: stays };
    const { empty, wholeDigits } = await this.#look(stays);
    if (empty) return { type: found };
    const joined = joinTypes(wholeDigits === undefined ? stays : { ...stays, wholeDigits }, found);
    if (joined && castsExactly(stays, joined)) return { type: joined };
    if (!this.#mayCast) throw new ReadAnew();
    return { type: joined ?? { type: 'STRING' }, cast: stays };
  }

  async #look({ name, type }: Column): Promise<ColumnFacts> {
    const isNumber = ['INTEGER', 'BIGINT', 'DECIMAL'].includes(type);
    const [row] = await this.#engine.read(async (session) => {
      const values: Sql[] = [];
      for (const segment of this.#generation.segments) {
        const stored = await storedRows(session, segment);
        const of = stored.column(name) ?? sql`null`;
        const digits = isNumber
          ? sql`strlen(ltrim(split_part(${of}::varchar, '.', 1), '-0'))`
          : sql`null::bigint`;
        values.push(sql`select ${of} as v, ${digits} as digits from ${stored.from}`);
      }
      return session.rows(
        sql`select count(v) as "values", max(digits) as digits from (${join(values, sql` union all `)})`,
      );
    });
    const empty = row?.values === 0n;
    return row?.digits == null ? { empty } : { empty, wholeDigits: Number(row.digits) };
  }
}
