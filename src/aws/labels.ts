import { AppError } from '../errors.js';

/** The storage classes that an upload to a bucket may name (S3 API reference, PutObject). */
export const storageClasses = [
  'STANDARD',
  'STANDARD_IA',
  'ONEZONE_IA',
  'INTELLIGENT_TIERING',
  'GLACIER_IR',
  'GLACIER',
  'DEEP_ARCHIVE',
  'REDUCED_REDUNDANCY',
  'EXPRESS_ONEZONE',
  'OUTPOSTS',
  'SNOW',
] as const;

/** One of {@link storageClasses}. */
export type StorageClass = (typeof storageClasses)[number];

/** What an object carries beside its bytes. */
export interface Labels {
  /** At most ten; names to 128 characters, values to 256 (Amazon S3 User Guide, "Categorizing your objects using tags"). */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** One of {@link storageClasses}. (Default: the bucket's) */
  readonly storageClass?: string | undefined;
  /** User metadata (x-amz-meta-*): names in lower case, plain ASCII, 2 KB in all. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** Labels as the commands of the SDK take them. */
export interface LabelsInput {
  readonly Tagging?: string;
  readonly StorageClass?: StorageClass;
  readonly Metadata?: Readonly<Record<string, string>>;
}

/**
 * Checks labels by S3's rules, and spells them for the SDK.
 * @throws INVALID_INPUT
 */
export function labelsInput({ tags = {}, storageClass, metadata = {} }: Labels): LabelsInput {
  const tagged = Object.entries(tags);
  const known = storageClasses.find((name) => name === storageClass);
  if (storageClass !== undefined && known === undefined) {
    throw refused(
      `Storage class ${storageClass} is unknown to S3; it has ${storageClasses.join(', ')}`,
      { storageClass },
    );
  }
  checkTags(tagged);
  checkMetadata(metadata);
  const encoded = tagged.map((tag) => tag.map(encodeURIComponent).join('='));
  return {
    ...(tagged.length > 0 ? { Tagging: encoded.join('&') } : {}),
    ...(known === undefined ? {} : { StorageClass: known }),
    ...(Object.keys(metadata).length > 0 ? { Metadata: metadata } : {}),
  };
}

const mostTags = 10;
const mostMetadataBytes = 2048;
// What every AWS service takes, although S3 is seen to take more.
const tagText = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

function checkTags(tags: readonly (readonly [name: string, value: string])[]): void {
  if (tags.length > mostTags) {
    throw refused(`An object has at most ${mostTags} tags; found ${tags.length}`, {
      tags: tags.length,
    });
  }
  for (const [name, value] of tags) {
    const problem =
      name === '' || name.length > 128
        ? `has a name of ${name.length} characters; S3 takes 1 to 128`
        : value.length > 256
          ? `has a value of ${value.length} characters; S3 takes 256`
          : /^aws:/i.test(name)
            ? 'begins with aws:, which is reserved'
            : tagText.test(name) && tagText.test(value)
              ? undefined
              : 'has characters other than letters, digits, spaces and + - = . _ : / @';
    if (problem !== undefined) {
      throw refused(`Tag "${name.slice(0, 128)}" ${problem}`, { tag: name.slice(0, 128) });
    }
  }
}

function checkMetadata(metadata: Readonly<Record<string, string>>): void {
  let bytes = 0;
  for (const [name, value] of Object.entries(metadata)) {
    bytes += name.length + value.length;
    if (!/^[a-z0-9][a-z0-9_.-]*$/.test(name)) {
      throw refused(`Metadata "${name}" has a name with other letters than a-z, 0-9, _ . and -`, {
        metadata: name,
      });
    }
    // Headers lose spaces at their ends, and S3 gives other letters than ASCII back in an encoding of mail.
    if (!/^[\x20-\x7e]*$/.test(value) || value.trim() !== value) {
      throw refused(`Metadata "${name}" has a value that a header cannot carry as it is`, {
        metadata: name,
      });
    }
  }
  if (bytes > mostMetadataBytes) {
    throw refused(`Metadata has ${bytes} bytes; S3 takes ${mostMetadataBytes}`, { bytes });
  }
}

const refused = (message: string, details: Readonly<Record<string, unknown>>) =>
  new AppError('INVALID_INPUT', message, { details });
