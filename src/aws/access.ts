/** How a connection reaches its bucket: everything the AWS clients need, secrets included. Never logged, never answered. */
export interface BucketAccess {
  readonly name: string;
  readonly auth: 'ASSUME_ROLE' | 'ACCESS_KEY' | 'AMBIENT';
  readonly roleArn: string | null;
  readonly roleSessionName: string;
  readonly externalId: string | null;
  readonly accessKeyId: string | null;
  readonly secretAccessKey: string | null;
  readonly sessionToken: string | null;
  readonly bucket: string;
  /** Everything the connection may touch lies below it; "" is the whole bucket. */
  readonly prefix: string;
  readonly region: string;
  readonly endpoint: string | null;
  readonly forcePathStyle: boolean;
  /** Whether checksums go with every upload, or only where S3 demands them. (Default: the former at AWS, the latter elsewhere) */
  readonly requestChecksums: RequestChecksums | null;
  readonly downloadThreads: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** The two ways of the AWS SDK (requestChecksumCalculation). */
export const requestChecksumModes = ['WHEN_SUPPORTED', 'WHEN_REQUIRED'] as const;

/** One of {@link requestChecksumModes}. */
export type RequestChecksums = (typeof requestChecksumModes)[number];

/** What a job does in the bucket; its session may do nothing else. */
export type Purpose = 'read' | 'write';
