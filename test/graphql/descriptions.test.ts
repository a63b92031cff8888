import { describe, expect, it } from '@jest/globals';
import {
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedDirective,
  isSpecifiedScalarType,
  type GraphQLSchema,
} from 'graphql';
import { LiveSchema } from '../../src/graphql/live-schema.js';
import { buildManagementSchema } from '../../src/graphql/management/schema.js';
import type { TableDataset } from '../../src/graphql/tables/types.js';
import { everything, orders } from './tables/support.js';

const leading: TableDataset = {
  ...everything,
  relations: [
    {
      name: 'order',
      many: false,
      link: { dataset: 'orders', keys: [{ column: 'big', references: 'order_id' }] },
    },
    {
      name: 'orders',
      many: true,
      link: { dataset: 'orders', keys: [{ column: 'day', references: 'order_date' }] },
    },
  ],
};

/** Every part of a schema that can have a description, with it. */
function parts(schema: GraphQLSchema): [string, string | null | undefined][] {
  const types = Object.values(schema.getTypeMap()).filter(
    (type) => !isSpecifiedScalarType(type) && !isIntrospectionType(type),
  );
  const directives = schema.getDirectives().filter((one) => !isSpecifiedDirective(one));
  return [
    ...directives.map((one): [string, typeof one.description] => [`@${one.name}`, one.description]),
    ...types.flatMap((type): [string, string | null | undefined][] => [
      [type.name, type.description],
      ...(isEnumType(type) ? type.getValues() : []).map(
        (value): [string, string | null | undefined] => [
          `${type.name}.${value.name}`,
          value.description,
        ],
      ),
      ...(isInputObjectType(type) ? Object.values(type.getFields()) : []).map(
        (field): [string, string | null | undefined] => [
          `${type.name}.${field.name}`,
          field.description,
        ],
      ),
      ...(isObjectType(type) || isInterfaceType(type)
        ? Object.values(type.getFields())
        : []
      ).flatMap((field): [string, string | null | undefined][] => [
        [`${type.name}.${field.name}`, field.description],
        ...field.args.map((arg): [string, string | null | undefined] => [
          `${type.name}.${field.name}(${arg.name})`,
          arg.description,
        ]),
      ]),
    ]),
  ];
}

describe('descriptions', () => {
  it('are on every type, field, argument, input field and enum value of the API', () => {
    const live = new LiveSchema(buildManagementSchema());
    live.publish([leading, orders]);
    const all = parts(live.current.api);
    expect(all.length).toBeGreaterThan(500);
    const without = all.filter(([, description]) => !description?.trim()).map(([name]) => name);
    expect(without).toEqual([]);
  });
});
