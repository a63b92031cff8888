/*
 * What the tokens and the lists and objects of a file are for. Numbers, because enums cost a look-up for each token.
 */

/** What a string, a number or a literal is. */
export type Scalar = number;
/** See {@link Scalar}. */
export const scalarPlain = 0;
/** See {@link Scalar}. */
export const scalarEscaped = 1;
/** See {@link Scalar}. */
export const scalarNull = 2;
/** It was not kept. */
export const scalarUnkept = 3;

/** What a list or an object is for. Those of objects are odd. */
export type Role = number;
/** Nothing: its text counts, if anything does. */
export const roleSkippedList = 0;
/** See {@link Role}. */
export const roleSkippedObject = 1;
/** It lies on the way to the records or to the header. */
export const roleListOnTheWay = 2;
/** See {@link Role}. */
export const roleObjectOnTheWay = 3;
/** See {@link Role}. */
export const roleRecords = 4;
/** See {@link Role}. */
export const roleRecordObject = 5;
/** A record that is a list of values. */
export const roleRecordList = 6;
/** A list in a record that becomes rows. */
export const roleSpreadList = 8;
/** Around everything. */
export const roleRoot = 10;

/** Whether what a list or an object holds are values of a record. */
export function isInRecord(role: Role): boolean {
  return role >= roleRecordObject && role <= roleSpreadList;
}
