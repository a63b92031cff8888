import { open, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline as connect, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BrokenStream, compressionOf, magicBytes } from '../compression/index.js';
import { openZip, tooManyMembers, type ZipArchive, type ZipMember } from '../zip/archive.js';
import { AppError, isAppError } from '../errors.js';
import { formatOf, type FileType } from '../formats/index.js';
import { chooseMembers, isInnerArchive, isShown, type MemberPlace } from './archive-members.js';
import { brokenStream, checkInflation, peek, type InflateLimits } from './inflate.js';
import { spaceError } from './space.js';

/** How to unpack an archive. */
export interface UnpackOptions {
  /** Where the files go. They are named after the archive's own file and numbered, never after members. */
  readonly dir: string;
  readonly fileType: FileType;
  /** Part of a member's path. (Default: the members of the file type) */
  readonly subfileName?: string;
  /** Of the archive as a whole, archives within it and compressed members included. */
  readonly limits: InflateLimits & { readonly maxMembers: number };
  readonly signal: AbortSignal;
  /**
   * Looks at the first megabyte of each wanted member that is larger, before the rest is written, and throws for what
   * cannot be read: a bomb need not go off to be refused. (Default: nobody looks)
   */
  readonly look?: (beginning: Buffer, origin: string) => void;
}

/** A member of an archive, inflated, in a file of its own. */
export interface UnpackedFile {
  readonly path: string;
  /** key!member, or key!inner.zip!member. */
  readonly origin: string;
  readonly bytes: number;
}

interface Place extends MemberPlace {
  readonly archive: ZipArchive;
  readonly archiveOrigin: string;
  readonly member: ZipMember;
}

interface Opened {
  readonly archive: ZipArchive;
  /** To be removed with it. */
  readonly path?: string;
}

// Chunks of this many bytes go to the disk in one write.
const writeBytes = 2 ** 20;
const lookBytes = 2 ** 20;
const namesInErrors = 20;
const nameCharactersInErrors = 200;
// A workbook has some parts for each sheet. What has more members than this is taken for an archive of something else.
const maxWorkbookParts = 100_000;

/**
 * Writes the wanted members of an archive to files, one after the other in the order of its directory, and members of
 * archives directly within it where these stand. Members that are compressed once more are inflated. Whoever stops
 * early leaves no file behind but those that were yielded.
 * @throws MEMBER_NOT_FOUND, TOO_MANY_MEMBERS, CORRUPT_COMPRESSION, ENCRYPTED_FILE, OBJECT_TOO_LARGE, NO_SPACE, CANCELLED
 */
export async function* unpack(
  file: { readonly path: string; readonly origin: string },
  options: UnpackOptions,
): AsyncGenerator<UnpackedFile, void> {
  const unpacking = new Unpacking(file, options, (await stat(file.path)).size);
  try {
    const places = await unpacking.places();
    const chosen = chooseMembers(places, options);
    if (chosen.length === 0) throw memberNotFound(file.origin, places, unpacking.ignored, options);
    // What the directory says is never exceeded (see openZip), so that a bomb is refused before it goes off.
    unpacking.count(chosen.reduce((sum, { member }) => sum + member.size, 0));
    for (const { archive, archiveOrigin, member } of chosen) {
      yield await unpacking.write(archive, member, `${archiveOrigin}!${member.name}`, true);
    }
  } finally {
    await unpacking.close();
  }
}

/** True for a file that begins as an archive. */
export async function isArchive(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(magicBytes), 0, magicBytes, 0);
    return compressionOf(buffer.subarray(0, bytesRead))?.kind === 'archive';
  } finally {
    await file.close();
  }
}

/** True for an archive that is the inside of a workbook (ECMA-376 part 2); false for what is no archive at all, too. */
export async function isWorkbook(path: string): Promise<boolean> {
  if (!(await isArchive(path))) return false;
  try {
    const archive = await openZip(path, path, { maxMembers: maxWorkbookParts });
    await archive.close();
    // Names of parts ignore case.
    const names = archive.members.map(({ name }) => name.toLowerCase().replace(/^\//, ''));
    return names.includes('[content_types].xml') && names.some((name) => name.startsWith('xl/'));
  } catch (error) {
    // Whoever unpacks it says what is wrong.
    if (isAppError(error)) return false;
    throw error;
  }
}

/** The files and counts of one archive while it is unpacked. */
class Unpacking {
  readonly #file: { readonly path: string; readonly origin: string };
  readonly #options: UnpackOptions;
  readonly #stored: number;
  readonly #opened: Opened[] = [];
  #inflated = 0;
  #members = 0;
  #written = 0;
  /** Archives that lie deeper than one level. */
  readonly ignored: string[] = [];

  constructor(
    file: { readonly path: string; readonly origin: string },
    options: UnpackOptions,
    stored: number,
  ) {
    this.#file = file;
    this.#options = options;
    this.#stored = stored;
  }

  /** Counts bytes against the limits, before they are inflated. */
  count(bytes: number): void {
    this.#inflated += bytes;
    const { limits } = this.#options;
    checkInflation(this.#file.origin, { stored: this.#stored, inflated: this.#inflated }, limits);
  }

  /** The files of the archive and of archives within it; the latter are spooled. */
  async places(): Promise<Place[]> {
    const { origin } = this.#file;
    const places: Place[] = [];
    const archive = await this.#open(this.#file.path, origin);
    for (const member of filesOf(archive)) {
      const { name } = member;
      if (!isInnerArchive(name)) {
        places.push({ archive, archiveOrigin: origin, member, name });
        continue;
      }
      const innerOrigin = `${origin}!${name}`;
      this.count(member.size);
      const { path } = await this.write(archive, member, innerOrigin, false);
      const inner = await this.#open(path, innerOrigin, path);
      for (const innerMember of filesOf(inner)) {
        if (isInnerArchive(innerMember.name)) {
          this.ignored.push(`${name}!${innerMember.name}`);
        } else {
          places.push({
            archive: inner,
            archiveOrigin: innerOrigin,
            member: innerMember,
            name: innerMember.name,
            within: name,
          });
        }
      }
    }
    return places;
  }

  /** Writes a member to the next file. */
  async write(
    archive: ZipArchive,
    member: ZipMember,
    origin: string,
    inflate: boolean,
  ): Promise<UnpackedFile> {
    const { dir, signal } = this.#options;
    const number = String(this.#written++).padStart(6, '0');
    const path = join(dir, `${basename(this.#file.path)}-${number}`);
    try {
      const content = await archive.open(member);
      // Opened here and not by the stream, which could make the file when it has been removed again.
      const target = (await open(path, 'w')).createWriteStream({ highWaterMark: writeBytes });
      const source = inflate ? this.#seen(this.#inflatedOnce(content, origin), origin) : content;
      await pipeline(source, target, { signal });
      return { path, origin, bytes: target.bytesWritten };
    } catch (error) {
      await rm(path, { force: true });
      if (signal.aborted) {
        throw new AppError('CANCELLED', `Reading ${origin} was cancelled`, {
          details: { file: origin },
        });
      }
      throw spaceError(error, origin);
    }
  }

  async close(): Promise<void> {
    for (const { archive, path } of this.#opened) {
      await archive.close();
      if (path !== undefined) await rm(path, { force: true });
    }
  }

  async #open(path: string, origin: string, temporary?: string): Promise<ZipArchive> {
    const { maxMembers } = this.#options.limits;
    try {
      const archive = await openZip(path, origin, { maxMembers });
      this.#opened.push({ archive, ...(temporary === undefined ? {} : { path: temporary }) });
      this.#members += archive.members.length;
    } catch (error) {
      if (temporary !== undefined) await rm(temporary, { force: true });
      throw error;
    }
    if (this.#members > maxMembers) {
      throw tooManyMembers({ origin: this.#file.origin, maxMembers }, this.#members);
    }
    return this.#opened.at(-1)!.archive;
  }

  // The bytes as they come, once the first of them have been looked at.
  async *#seen(bytes: AsyncIterable<Buffer>, origin: string): AsyncGenerator<Buffer, void> {
    const { look } = this.#options;
    let held: Buffer[] = [];
    let size = 0;
    let seen = look === undefined;
    for await (const chunk of bytes) {
      if (seen) {
        yield chunk;
        continue;
      }
      held.push(chunk);
      size += chunk.length;
      if (size <= lookBytes) continue;
      look?.(Buffer.concat(held).subarray(0, lookBytes), origin);
      seen = true;
      yield* held;
      held = [];
    }
    yield* held;
  }

  // A member like .csv.gz; as with objects, its first bytes say so and not its name.
  async *#inflatedOnce(content: Readable, origin: string): AsyncGenerator<Buffer, void> {
    const { head, bytes } = await peek(content);
    const compression = compressionOf(head);
    if (compression?.kind !== 'stream') {
      yield* bytes as AsyncIterable<Buffer>;
      return;
    }
    try {
      // Errors of either end the iteration, and are seen there.
      const inflated = connect(bytes, compression.inflate(), () => undefined);
      for await (const chunk of inflated as AsyncIterable<Buffer>) {
        this.count(chunk.length);
        yield chunk;
      }
    } catch (error) {
      throw error instanceof BrokenStream ? brokenStream(origin, compression.name, error) : error;
    }
  }
}

// Links hold nothing but the path of another file.
function filesOf({ members }: ZipArchive): ZipMember[] {
  return members.filter(({ name, link }) => isShown(name) && !link);
}

function memberNotFound(
  origin: string,
  places: readonly Place[],
  ignored: readonly string[],
  { fileType, subfileName }: UnpackOptions,
): AppError {
  const { extensions } = formatOf(fileType);
  const wanted = subfileName
    ? `no member with ${JSON.stringify(subfileName)} in its name`
    : `no member of type ${fileType} (${extensions.join(', ')}, also with .gz or .zst)`;
  const found = places.map(({ name, within }) =>
    within === undefined ? name : `${within}!${name}`,
  );
  const listed = found
    .slice(0, namesInErrors)
    .map((name) => JSON.stringify(name.slice(0, nameCharactersInErrors)));
  const more = found.length - listed.length;
  const has =
    found.length === 0
      ? 'no files in it'
      : `${listed.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  const deeper =
    ignored.length === 0
      ? ''
      : ` Archives are read one level down, so not ${ignored.slice(0, namesInErrors).join(', ')}.`;
  return new AppError(
    'MEMBER_NOT_FOUND',
    `Archive ${origin} has ${wanted}; there are ${has}. Set the selection's subfileName or the format's type, or leave it out of the selection.${deeper}`,
    { details: { file: origin, members: found.slice(0, namesInErrors) } },
  );
}
