import { describe, expect, it } from '@jest/globals';
import { parseValue, type GraphQLScalarType } from 'graphql';
import {
  GraphQLBigInt,
  GraphQLDate,
  GraphQLDateTime,
  GraphQLDecimal,
  GraphQLJSON,
  GraphQLLocalDateTime,
  GraphQLTime,
} from '../../src/graphql/scalars.js';

function literal(type: GraphQLScalarType, source: string): unknown {
  return type.parseLiteral(parseValue(source));
}

describe('BigInt', () => {
  it('takes whole numbers of 64 bits as text or number and answers with text', () => {
    expect(GraphQLBigInt.parseValue('9223372036854775807')).toBe(2n ** 63n - 1n);
    expect(GraphQLBigInt.parseValue(-12)).toBe(-12n);
    expect(literal(GraphQLBigInt, '-9223372036854775808')).toBe(-(2n ** 63n));
    expect(literal(GraphQLBigInt, '"9007199254740993"')).toBe(9007199254740993n);
    expect(GraphQLBigInt.serialize(2n ** 60n)).toBe('1152921504606846976');
    expect(GraphQLBigInt.serialize(5)).toBe('5');
    expect(GraphQLBigInt.serialize('7')).toBe('7');
  });

  it('refuses what it cannot hold exactly', () => {
    expect(() => GraphQLBigInt.parseValue('9223372036854775808')).toThrow('BigInt goes from');
    expect(() => literal(GraphQLBigInt, '-9223372036854775809')).toThrow('BigInt goes from');
    expect(() => GraphQLBigInt.parseValue(2 ** 53)).toThrow('send it as a string');
    expect(() => GraphQLBigInt.parseValue(1.5)).toThrow('whole numbers');
    expect(() => GraphQLBigInt.parseValue('1e3')).toThrow('found "1e3"');
    expect(() => GraphQLBigInt.parseValue('')).toThrow('whole number');
    expect(() => GraphQLBigInt.parseValue('0x10')).toThrow('whole number');
    expect(() => GraphQLBigInt.parseValue(true)).toThrow('cannot be made from true');
    expect(() => literal(GraphQLBigInt, '1.0')).toThrow('found 1.0');
  });
});

describe('Decimal', () => {
  it('keeps every digit of text and of literals', () => {
    expect(GraphQLDecimal.parseValue('-0012.3400')).toBe('-0012.3400');
    expect(literal(GraphQLDecimal, '0.1000000000000000055511151231257827')).toBe(
      '0.1000000000000000055511151231257827',
    );
    expect(literal(GraphQLDecimal, '12345678901234567890123456789012345678')).toBe(
      '12345678901234567890123456789012345678',
    );
    expect(GraphQLDecimal.parseValue(0.1)).toBe('0.1');
    expect(GraphQLDecimal.parseValue('+5')).toBe('5');
    expect(GraphQLDecimal.serialize('1.50')).toBe('1.50');
  });

  it('writes exponents out', () => {
    expect(literal(GraphQLDecimal, '1.25e3')).toBe('1250');
    expect(literal(GraphQLDecimal, '-1.25E-3')).toBe('-0.00125');
    expect(literal(GraphQLDecimal, '12.345e1')).toBe('123.45');
    expect(GraphQLDecimal.parseValue(1e21)).toBe('1000000000000000000000');
    expect(GraphQLDecimal.parseValue(1e-7)).toBe('0.0000001');
    expect(GraphQLDecimal.parseValue('0.05e1')).toBe('0.5');
  });

  it('refuses what is no decimal of 38 digits', () => {
    expect(() => GraphQLDecimal.parseValue('1'.repeat(39))).toThrow('38 digits');
    expect(() => GraphQLDecimal.parseValue('1e99')).toThrow('38 digits');
    for (const text of ['', '.5', '5.', '1,5', 'NaN', '1e9999', 'Infinity', ' 1']) {
      expect(() => GraphQLDecimal.parseValue(text)).toThrow('decimal number');
    }
    expect(() => GraphQLDecimal.parseValue(null)).toThrow('cannot be made from null');
    expect(() => literal(GraphQLDecimal, 'true')).toThrow('found true');
  });
});

describe('dates and times', () => {
  it('take what the contract says and keep the text', () => {
    expect(GraphQLDate.parseValue('2024-02-29')).toBe('2024-02-29');
    expect(GraphQLTime.parseValue('23:59:59.123456')).toBe('23:59:59.123456');
    expect(GraphQLLocalDateTime.parseValue('2024-01-01T00:00:00')).toBe('2024-01-01T00:00:00');
    expect(GraphQLDateTime.parseValue('2024-01-01t00:00:00.5z')).toBe('2024-01-01T00:00:00.5Z');
    expect(literal(GraphQLDateTime, '"2024-01-01T00:00:00-11:30"')).toBe(
      '2024-01-01T00:00:00-11:30',
    );
  });

  it.each([
    [GraphQLDate, ['2023-02-29', '2024-13-01', '2024-1-1', '28/01/2018', '2024-01-01T00:00:00']],
    [GraphQLTime, ['24:00:00', '12:60:00', '12:00', '12:00:00.1234567', '12:00:00Z']],
    [GraphQLLocalDateTime, ['2024-01-01', '2024-01-01T00:00:00Z', '2024-02-30T00:00:00']],
    [GraphQLDateTime, ['2024-01-01T00:00:00', '2024-01-01 00:00:00Z', '2024-01-01T00:00:00+25:00']],
  ])('%s says what it takes instead', (type, texts) => {
    for (const text of texts) {
      expect(() => type.parseValue(text)).toThrow(`${type.name} takes`);
      expect(() => literal(type, JSON.stringify(text))).toThrow(JSON.stringify(text));
    }
    expect(() => type.parseValue(5)).toThrow(`${type.name} cannot be made from 5`);
    expect(() => literal(type, '5')).toThrow(`${type.name} takes a string, found 5`);
  });

  it('answer with moments in UTC', () => {
    expect(GraphQLDateTime.serialize(new Date(0))).toBe('1970-01-01T00:00:00.000Z');
    expect(GraphQLDateTime.serialize('2024-05-06T07:08:09.123456Z')).toBe(
      '2024-05-06T07:08:09.123456Z',
    );
    expect(GraphQLDateTime.serialize('2024-05-06T07:08:09+02:00')).toBe('2024-05-06T05:08:09.000Z');
    expect(() => GraphQLDateTime.serialize('yesterday')).toThrow('DateTime takes');
  });
});

describe('JSON', () => {
  it('takes any value', () => {
    expect(literal(GraphQLJSON, '{a: [1, "x", null, {b: true}]}')).toEqual({
      a: [1, 'x', null, { b: true }],
    });
    expect(GraphQLJSON.parseValue({ a: 1 })).toEqual({ a: 1 });
  });
});
