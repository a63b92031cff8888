import { TextDecoder } from 'node:util';
import { AppError } from '../../errors.js';
import { openZip, type ZipArchive, type ZipMember } from '../../zip/archive.js';
import { Token, XmlScanner } from './xlsx-xml.js';

/** What the parts of a workbook may inflate to. */
export interface InflateLimits {
  /** Of all parts that are read, in bytes. BUCKETQL_MAX_INFLATED_BYTES */
  readonly maxInflatedBytes: number;
  /** Of a part to its compressed size; counts for parts over 1 MiB. BUCKETQL_MAX_INFLATION_RATIO */
  readonly maxInflationRatio: number;
}

/** The limits where nobody sets others. */
export const defaultInflateLimits: InflateLimits = {
  maxInflatedBytes: 4 * 2 ** 30,
  maxInflationRatio: 1100,
};

const ratioCountsFrom = 2 ** 20;
/** More than any workbook has. */
const maxParts = 65_535;
const maxRelationships = 100_000;

/** A relationship of a part (Open Packaging Conventions, ECMA-376 part 2, 8.5). */
export interface Relationship {
  readonly id: string;
  /** The last word of its type: strict and transitional workbooks differ in what stands in front. */
  readonly type: string;
  /** Name of the part that it leads to. */
  readonly target: string;
}

/** The parts of a workbook: a zip whose directory and data are checked. Names are compared without case. */
export class WorkbookPackage {
  #inflated = 0;
  readonly #parts = new Map<string, ZipMember>();
  /** Names of parts of which the zip has several that differ. */
  readonly #ambiguous = new Set<string>();

  private constructor(
    readonly origin: string,
    private readonly zip: ZipArchive,
    private readonly limits: InflateLimits,
    private readonly maxNesting: number,
  ) {
    for (const member of zip.members) {
      const name = partName(member.name);
      const other = this.#parts.get(name);
      if (other && (other.crc !== member.crc || other.size !== member.size))
        this.#ambiguous.add(name);
      this.#parts.set(name, member);
    }
  }

  /** Reads the directory. @throws MALFORMED_FILE, ENCRYPTED_FILE */
  static async open(
    path: string,
    origin: string,
    limits: InflateLimits,
    maxNesting: number,
  ): Promise<WorkbookPackage> {
    const zip = await openZip(path, origin, { kind: 'workbook', maxMembers: maxParts });
    return new WorkbookPackage(origin, zip, limits, maxNesting);
  }

  async close(): Promise<void> {
    await this.zip.close();
  }

  has(name: string): boolean {
    return this.#parts.has(partName(name));
  }

  /** Bytes of a part, as the directory says; reading never gives more. */
  size(name: string): number {
    return this.#parts.get(partName(name))?.size ?? 0;
  }

  /**
   * A part's bytes in UTF-8, piece by piece; no piece is written to afterwards.
   * @throws MALFORMED_FILE for a part that is missing or damaged, OBJECT_TOO_LARGE, ENCRYPTED_FILE
   */
  async *read(name: string): AsyncGenerator<Buffer> {
    const key = partName(name);
    const member = this.#parts.get(key);
    if (!member) throw broken(this.origin, `lacks the part ${name}`);
    if (this.#ambiguous.has(key)) throw broken(this.origin, `has the part ${name} twice`);
    const part = `The part ${name} of ${this.origin}`;
    this.#admit(member, part);
    yield* utf8(this.zip.read(member), part);
    this.#inflated += member.size;
  }

  #admit({ size, compressedSize }: ZipMember, part: string): void {
    const { maxInflatedBytes, maxInflationRatio } = this.limits;
    const tooLarge = (limit: number, setting: string, what: string) =>
      new AppError(
        'OBJECT_TOO_LARGE',
        `${part} inflates to ${what}; raise ${setting} or split it`,
        { details: { file: this.origin, limit, setting } },
      );
    if (this.#inflated + size > maxInflatedBytes)
      throw tooLarge(
        maxInflatedBytes,
        'BUCKETQL_MAX_INFLATED_BYTES',
        `${size} bytes; workbooks may inflate to ${maxInflatedBytes} bytes`,
      );
    if (size > ratioCountsFrom && size > compressedSize * maxInflationRatio)
      throw tooLarge(
        maxInflationRatio,
        'BUCKETQL_MAX_INFLATION_RATIO',
        `over ${maxInflationRatio} times its size`,
      );
  }

  /** A scanner for a part; `known` as in {@link XmlScanner}. */
  scanner(name: string, known: readonly string[]): XmlScanner {
    return new XmlScanner(`The part ${name} of ${this.origin}`, known, this.maxNesting);
  }

  /** Calls `open` for each element of a small part; its attributes are the scanner's. */
  async elements(
    name: string,
    known: readonly string[],
    open: (scanner: XmlScanner, element: string | undefined) => void,
  ): Promise<void> {
    const scanner = this.scanner(name, known);
    const drain = () => {
      for (let token = scanner.next(); token !== Token.more; token = scanner.next())
        if (token === Token.open) open(scanner, known[scanner.id - 1]);
    };
    for await (const piece of this.read(name)) {
      scanner.push(piece);
      drain();
    }
    scanner.finish();
    drain();
  }

  /** The relationships of a part, "" for those of the package; none where there is no such part. */
  async relationships(source: string): Promise<readonly Relationship[]> {
    const slash = source.lastIndexOf('/') + 1;
    const name = `${source.slice(0, slash)}_rels/${source.slice(slash)}.rels`;
    const found: Relationship[] = [];
    if (!this.has(name)) return found;
    await this.elements(name, ['Relationship'], (scanner, element) => {
      const [id, type, target] = ['Id', 'Type', 'Target'].map((key) => scanner.attributes.get(key));
      if (!element || scanner.attributes.get('TargetMode') === 'External') return;
      if (id === undefined || type === undefined || target === undefined) return;
      if (found.length >= maxRelationships) scanner.fail('has too many relationships');
      found.push({
        id,
        type: type.slice(type.lastIndexOf('/') + 1),
        target: resolved(source.slice(0, slash), target),
      });
    });
    return found;
  }
}

/** Parts may be in UTF-16 (XML says so by a byte order mark) or name another encoding. */
async function* utf8(pieces: AsyncIterable<Buffer>, part: string): AsyncGenerator<Buffer> {
  let decoder: TextDecoder | undefined;
  let first = true;
  for await (const whole of pieces) {
    let piece = whole;
    if (first && piece.length > 0) {
      first = false;
      const label = encodingOf(piece);
      if (label !== 'utf-8') decoder = decoderOf(label, part);
      else if (piece[0] === 0xef && piece[1] === 0xbb && piece[2] === 0xbf)
        piece = piece.subarray(3);
    }
    yield decoder ? Buffer.from(decoder.decode(piece, { stream: true })) : piece;
  }
  if (decoder) yield Buffer.from(decoder.decode());
}

function encodingOf(start: Buffer): string {
  if (start[0] === 0xff && start[1] === 0xfe) return 'utf-16le';
  if (start[0] === 0xfe && start[1] === 0xff) return 'utf-16be';
  if (start[0] === 0x3c && start[1] === 0) return 'utf-16le';
  if (start[0] === 0 && start[1] === 0x3c) return 'utf-16be';
  const declared = /^(?:\xef\xbb\xbf)?<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]+)["']/u.exec(
    start.toString('latin1', 0, 200),
  )?.[1];
  const label = declared?.toLowerCase() ?? 'utf-8';
  return label === 'utf8' || label === 'us-ascii' || label.startsWith('utf-16') ? 'utf-8' : label;
}

function decoderOf(label: string, part: string): TextDecoder {
  try {
    return new TextDecoder(label, { fatal: true });
  } catch {
    throw broken(part, `is in the encoding ${label}, which is none that can be read`);
  }
}

/** Part names are compared without case; some writers use backslashes. */
function partName(name: string): string {
  return name.replaceAll('\\', '/').replace(/^\/+/u, '').toLowerCase();
}

function resolved(folder: string, target: string): string {
  const path = target.replaceAll('\\', '/');
  const steps = path.startsWith('/') ? [] : folder.split('/').filter((step) => step !== '');
  for (const step of path.split('/')) {
    if (step === '..') steps.pop();
    else if (step !== '' && step !== '.') steps.push(step);
  }
  const name = steps.join('/');
  try {
    return name.includes('%') ? decodeURIComponent(name) : name;
  } catch {
    return name;
  }
}

/** The file cannot be read; `what` is the file or the part. */
export function broken(what: string, problem: string): AppError {
  return new AppError('MALFORMED_FILE', `${what} ${problem}`);
}
