/** A value of an answer: whole 64-bit numbers and decimals are text there, doubles numbers. */
export type AnswerValue = string | number | boolean | null;

/** Texts of a row in a written file; an empty field and null are the same. */
export type FileRow = readonly (string | null)[];

/**
 * Compares an answer with a file, row by row and value by value.
 * @returns the first difference in words; undefined when there is none
 */
export function difference(
  answer: readonly (readonly AnswerValue[])[],
  file: readonly FileRow[],
): string | undefined {
  if (answer.length !== file.length) {
    return `the answer has ${answer.length} rows, the file ${file.length}`;
  }
  for (const [index, values] of answer.entries()) {
    const texts = file[index] ?? [];
    if (values.length !== texts.length) {
      return `row ${index + 1} has ${values.length} values in the answer, ${texts.length} in the file`;
    }
    for (const [position, value] of values.entries()) {
      const text = texts[position] ?? null;
      if (!same(value, text)) {
        return `row ${index + 1}, value ${position + 1}: ${JSON.stringify(value)} in the answer, ${JSON.stringify(text)} in the file`;
      }
    }
  }
  return undefined;
}

function same(value: AnswerValue, text: string | null): boolean {
  if (value === null || text === null || text === '') return (value ?? '') === (text ?? '');
  return typeof value === 'number' ? Number(text) === value : String(value) === text;
}
