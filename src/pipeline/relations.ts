import type { Dataset } from '../catalog/datasets.js';
import type { DatasetDefinition, RelationDefinition } from '../catalog/definition.js';
import type { Column } from '../columns.js';
import { AppError, isAppError } from '../errors.js';
import { linkedTypes } from '../query/links.js';
import type { Link } from '../query/query.js';
import { namesOf } from './columns.js';

/** What relations need to know of a dataset. */
export interface RelatedDataset {
  readonly name: string;
  readonly definition: Pick<DatasetDefinition, 'relations'>;
  readonly columns: readonly Column[];
}

/** A relation that both sides have the columns for. */
export interface UsableRelation {
  readonly name: string;
  readonly many: boolean;
  readonly link: Link;
}

/** The columns of a dataset that can be queried now; undefined if there is none of this name. */
export type ColumnsOf = (dataset: string) => readonly Column[] | undefined;

/** The relations of a dataset that rows can follow now. Others wait for the other dataset, or for columns. */
export function usableRelations(dataset: RelatedDataset, columnsOf: ColumnsOf): UsableRelation[] {
  return tried(dataset, columnsOf).flatMap((result) => ('link' in result ? [result] : []));
}

/** Why relations of a dataset have no field though both datasets are there, one line each. */
function relationProblems(dataset: RelatedDataset, columnsOf: ColumnsOf): string[] {
  return tried(dataset, columnsOf).flatMap((result) =>
    'problem' in result
      ? [`Relation ${result.name} of ${dataset.name} has no field: ${result.problem.message}`]
      : [],
  );
}

/**
 * What an import has to say about relations: those of its dataset, and those of others that lead to it.
 * @param imported with the columns it has then
 */
export function importWarnings(
  imported: RelatedDataset,
  published: readonly Pick<Dataset, 'name' | 'definition' | 'current'>[],
): string[] {
  const others = published
    .filter(({ name }) => name !== imported.name)
    .map(({ name, definition, current }) => ({
      name,
      definition,
      columns: current?.columns ?? [],
    }));
  const datasets = [imported, ...others].filter(({ columns }) => columns.length > 0);
  const columnsOf: ColumnsOf = (dataset) => datasets.find(({ name }) => name === dataset)?.columns;
  const leadingHere = others.map((other) => ({
    ...other,
    definition: {
      relations:
        other.definition.relations?.filter(({ dataset }) => dataset === imported.name) ?? [],
    },
  }));
  return [imported, ...leadingHere]
    .filter(({ columns }) => columns.length > 0)
    .flatMap((dataset) => relationProblems(dataset, columnsOf));
}

/**
 * Refuses relations that cannot work with the columns as they are known. A side that is not known is not looked at.
 * @throws COLUMN_NOT_FOUND, INVALID_INPUT
 */
export function checkRelations(
  { relations = [] }: Pick<DatasetDefinition, 'relations'>,
  columns: readonly Column[] | undefined,
  columnsOf: ColumnsOf,
): void {
  for (const relation of relations) {
    const others = columnsOf(relation.dataset);
    if (columns) ownNames(relation, columns);
    if (others) otherNames(relation, others);
    if (columns && others) resolved(relation, columns, others);
  }
}

type Tried = UsableRelation | { readonly name: string; readonly problem: AppError };

function tried({ definition, columns }: RelatedDataset, columnsOf: ColumnsOf): Tried[] {
  return (definition.relations ?? []).flatMap((relation): Tried[] => {
    const others = columnsOf(relation.dataset);
    if (!others) return [];
    const { name, many } = relation;
    try {
      return [{ name, many, link: resolved(relation, columns, others) }];
    } catch (error) {
      if (!isAppError(error)) throw error;
      return [{ name, problem: error }];
    }
  });
}

function resolved(
  relation: RelationDefinition,
  columns: readonly Column[],
  others: readonly Column[],
): Link {
  const own = ownNames(relation, columns);
  const references = otherNames(relation, others);
  const link: Link = {
    dataset: relation.dataset,
    keys: own.map((column, index) => ({ column, references: references[index] ?? '' })),
  };
  linkedTypes(link, { segments: [], columns }, { segments: [], columns: others });
  return link;
}

function ownNames({ name, columns: wanted }: RelationDefinition, columns: readonly Column[]) {
  if (columns.some((column) => column.name === name)) {
    throw new AppError(
      'INVALID_INPUT',
      `Relation ${name} has the name of a column; give one of them another name`,
      { details: { relation: name, column: name } },
    );
  }
  return namesOf(columns, wanted, `relation ${name}`);
}

function otherNames({ name, dataset, references }: RelationDefinition, others: readonly Column[]) {
  return namesOf(others, references, `relation ${name} in dataset ${dataset}`);
}
