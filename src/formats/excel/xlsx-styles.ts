import { builtInKind, kindOfFormat, type NumberKind } from './dates.js';
import type { WorkbookPackage } from './xlsx-package.js';

/** Excel has 65,490 styles at most; what has more is no workbook. */
const maxStyles = 1_000_000;

/** The kind of number that each cell style makes, by the style's position. */
export async function readStyles(parts: WorkbookPackage, name: string): Promise<NumberKind[]> {
  const formats = new Map<number, NumberKind>();
  const styles: NumberKind[] = [];
  let inCells = false;
  const known = ['numFmt', 'cellXfs', 'cellStyleXfs', 'xf', 'cellStyles', 'dxfs'];
  await parts.elements(name, known, (scanner, element) => {
    if (element === 'numFmt') {
      if (formats.size >= maxStyles) scanner.fail('has too many number formats');
      const code = scanner.attributes.get('formatCode');
      // The formats inside of dxfs are for conditions only, and come after the cells' own.
      if (code !== undefined && styles.length === 0)
        formats.set(Number(scanner.attributes.get('numFmtId')), kindOfFormat(code));
    } else if (element === 'xf') {
      if (!inCells) return;
      if (styles.length >= maxStyles) scanner.fail('has too many styles');
      const id = Number(scanner.attributes.get('numFmtId') ?? 0);
      styles.push(formats.get(id) ?? builtInKind(id));
    } else if (element) inCells = element === 'cellXfs';
  });
  return styles;
}
