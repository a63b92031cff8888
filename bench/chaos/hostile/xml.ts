import { imported, refused, type HostileCase, type Outcome } from './hostile-case.js';
import { numbered, repeated, together, write, type Pieces } from './writing.js';

const million = 1_000_000;
const malformed: readonly Outcome[] = [refused('MALFORMED_FILE')];

/** Documents with entities that explode or fetch, and elements without end. */
export const xml: readonly HostileCase[] = [
  document('xml-billion-laughs', () => [laughs()], malformed),
  document(
    'xml-quadratic-blowup',
    () => [
      `<!DOCTYPE r [<!ENTITY a "${'a'.repeat(100_000)}">]><r><i><v>${'&a;'.repeat(100_000)}</v></i></r>`,
    ],
    malformed,
  ),
  ...['file:///etc/passwd', '/x.txt'].map((target, n) =>
    document(
      `xml-external-entity-${n}`,
      (trap) => [
        `<!DOCTYPE r [<!ENTITY x SYSTEM "${n === 0 ? target : trap + target}">]><r><i><v>&x;</v></i></r>`,
      ],
      malformed,
    ),
  ),
  document(
    'xml-parameter-entities',
    (trap) => [
      `<!DOCTYPE r [<!ENTITY % p SYSTEM "${trap}/p.dtd"> %p; <!ENTITY % q "<!ENTITY w '1'>"> %q;]><r><i><v>&w;</v></i></r>`,
    ],
    malformed,
  ),
  document(
    'xml-external-dtd',
    (trap) => [`<!DOCTYPE r SYSTEM "${trap}/r.dtd"><r><i><v>1</v></i></r>`],
    [imported(1), refused('MALFORMED_FILE')],
  ),
  document(
    'xml-entity-in-attribute',
    () => [`<!DOCTYPE r [<!ENTITY a "aaaa">]><r><i v="${'&a;'.repeat(100_000)}"/></r>`],
    malformed,
  ),
  document(
    'xml-million-nested-elements',
    () => together('<r><i>', repeated('<a>', million), repeated('</a>', million), '</i></r>'),
    [refused('NESTED_TOO_DEEP')],
  ),
  document(
    'xml-attribute-of-100-mb',
    () => together('<r><i v="', repeated('x', 100 * million), '"/></r>'),
    [refused('CELL_TOO_LONG', 'DOCUMENT_TOO_LARGE')],
  ),
  document(
    'xml-name-of-100-mb',
    () => together('<r><i><', repeated('x', 100 * million), '/></i></r>'),
    [refused('CELL_TOO_LONG', 'DOCUMENT_TOO_LARGE')],
  ),
  document(
    'xml-comment-of-100-mb',
    () => together('<r><!--', repeated('x', 100 * million), '--><i><v>1</v></i></r>'),
    [imported(1), refused('CELL_TOO_LONG')],
  ),
  document(
    'xml-100000-attributes',
    () =>
      together(
        '<r><i ',
        numbered(100_000, (n) => `a${n}="${n}" `),
        '/></r>',
      ),
    [refused('TOO_MANY_COLUMNS', 'MALFORMED_FILE', 'CELL_TOO_LONG')],
  ),
  document(
    'xml-100000-attributes-outside',
    () =>
      together(
        '<r ',
        numbered(100_000, (n) => `a${n}="${n}" `),
        '><i><v>1</v></i></r>',
      ),
    [imported(1), refused('TOO_MANY_COLUMNS', 'MALFORMED_FILE')],
  ),
  document(
    'xml-unclosed-cdata-of-100-mb',
    () => together('<r><i><v><![CDATA[', repeated('x', 100 * million)),
    [refused('CELL_TOO_LONG', 'DOCUMENT_TOO_LARGE', 'MALFORMED_FILE')],
  ),
  document(
    'xml-unclosed-doctype-of-100-mb',
    () => together('<!DOCTYPE r [', repeated('<!ENTITY a "b">', 6 * million)),
    malformed,
  ),
  document(
    'xml-record-of-a-million-elements',
    () =>
      together(
        '<r><i>',
        numbered(million, (n) => `<k${n}>1</k${n}>`),
        '</i></r>',
      ),
    [refused('TOO_MANY_COLUMNS', 'DOCUMENT_TOO_LARGE')],
  ),
  document('xml-namespaces', () => ['<r><i><x:v>1</x:v></i></r>'], [imported(1), ...malformed]),
  document(
    'xml-poisoned-names',
    () => [
      '<r><i><__proto__>1</__proto__><constructor>2</constructor><__typename>3</__typename></i></r>',
    ],
    [imported(1)],
  ),
  {
    ...document(
      'xml-xpath-over-too-large-document',
      () => together('<r>', repeated('<i><v>1</v></i>', 7 * million), '</r>'),
      [refused('DOCUMENT_TOO_LARGE')],
    ),
    format: xpath('/r/i[count(//v) > 1]'),
  },
  {
    ...document(
      'xml-slow-xpath',
      () => together('<r>', repeated('<a><b/><c/></a>', 50_000), '</r>'),
      [refused('PARSE_TIMEOUT'), imported(0)],
    ),
    format: xpath('//a[count(//b)>count(//c)]'),
  },
];

function document(
  name: string,
  pieces: (trap: string) => Pieces,
  outcomes: readonly Outcome[],
): HostileCase {
  return {
    name,
    file: 'a.xml',
    make: (path, trap) => write(path, pieces(trap)),
    format: xpath('/r/i'),
    outcomes,
  };
}

function xpath(path: string) {
  return { type: 'XML', xml: { xpath: path } };
}

function laughs(): string {
  const levels = Array.from({ length: 9 }, (_, n) => {
    const inner = n === 0 ? 'ha' : `&l${n - 1};`.repeat(10);
    return `<!ENTITY l${n} "${inner}">`;
  });
  return `<!DOCTYPE r [${levels.join('')}]><r><i><v>&l8;</v></i></r>`;
}
