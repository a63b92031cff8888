import { CreateMultipartUploadCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { insertUpload, listUploads, type OpenUpload } from '../../src/catalog/uploads.js';
import type { Engine } from '../../src/engine/engine.js';
import { abortOpenUploads, type AbortSettings } from '../../src/jobs/open-uploads.js';
import { openLog } from '../../src/log.js';
import type { Sandbox } from '../../src/sandbox/sandbox.js';
import { manualClock, type ManualClock } from '../support/clock.js';
import { openStage, type Stage } from '../support/stage.js';

const log = openLog('silent');
const key = 'out/x.csv';

describe('uploads that a stop left before S3 had named them', () => {
  let stage: Stage;
  let sandbox: Sandbox;
  let owner: S3Client;
  let engine: Engine;
  let clock: ManualClock;
  let settings: AbortSettings;
  let begunAt: Date;

  beforeEach(async () => {
    stage = await openStage();
    ({ sandbox, owner, engine } = stage);
    const { secrets, buckets } = stage;
    clock = manualClock('2026-03-01T10:00Z');
    begunAt = new Date();
    settings = { engine, secrets, buckets, log, clock };
    for (const id of ['c', 'other']) {
      await engine.transaction((session) => stage.connect(session, id, stage.user));
    }
  });
  afterEach(() => stage.end());

  const note = (id: string, more: Partial<OpenUpload> = {}) =>
    engine.transaction((session) =>
      insertUpload(session, { id, connectionId: 'c', key, uploadId: null, begunAt, ...more }),
    );
  const begin = async () => {
    const begun = await owner.send(new CreateMultipartUploadCommand({ Bucket: 'acme', Key: key }));
    return begun.UploadId ?? '';
  };
  const left = () => sandbox.openUploads('acme').map(({ uploadId }) => uploadId);
  const noted = async () => (await engine.read(listUploads)).map(({ id }) => id);

  it('are aborted', async () => {
    await note('lost');
    await begin();
    await abortOpenUploads(settings, await engine.read(listUploads));
    expect(left()).toEqual([]);
    expect(await noted()).toEqual([]);
  });

  it('are not mixed up with what a run writes there over another connection', async () => {
    await note('lost');
    const stopped = await engine.read(listUploads);
    const uploadId = await begin();
    await note('running', { connectionId: 'other', uploadId });
    await abortOpenUploads(settings, stopped);
    expect(left()).toEqual([uploadId]);
    expect(await noted()).toEqual(['running']);
  });

  it('are not mixed up with what another began long after the stop', async () => {
    await note('lost', { begunAt: new Date(begunAt.getTime() - 3_600_000) });
    const uploadId = await begin();
    await abortOpenUploads(settings, await engine.read(listUploads));
    expect(left()).toEqual([uploadId]);
  });

  it('stay written down while S3 cannot be asked for them', async () => {
    await note('lost');
    await begin();
    sandbox.fault = ({ operation }) =>
      operation === 'ListMultipartUploads'
        ? { kind: 'status', status: 400, code: 'RequestTimeTooSkewed' }
        : undefined;
    await abortOpenUploads(settings, await engine.read(listUploads));
    expect(await noted()).toEqual(['lost']);
    sandbox.fault = undefined;
    await clock.advance(20_000);
    expect(left()).toEqual([]);
    expect(await noted()).toEqual([]);
  });

  it('are left to a lifecycle rule where nobody may look for them', async () => {
    await note('lost');
    await begin();
    sandbox.fault = ({ operation }) =>
      operation === 'ListMultipartUploads'
        ? { kind: 'status', status: 403, code: 'AccessDenied' }
        : undefined;
    await abortOpenUploads(settings, await engine.read(listUploads));
    expect(await noted()).toEqual([]);
  });
});
