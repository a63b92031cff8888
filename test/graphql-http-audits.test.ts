import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { serverAudits } from 'graphql-http';
import { startTestService, type TestService } from './support/service.js';

describe('the audits of graphql-http', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService();
  });
  afterAll(() => service.close());

  it('find nothing but what Apollo chose otherwise', async () => {
    const audits = serverAudits({ url: service.app.url, fetchFn: fetch });
    const results: Awaited<ReturnType<(typeof audits)[number]['fn']>>[] = [];
    for (const audit of audits) results.push(await audit.fn());
    const found = results
      .filter(({ status }) => status !== 'ok')
      .map((result) => `${result.status}: ${result.name}`);
    expect(results).toHaveLength(61);
    expect(found.sort()).toEqual([
      // A GET needs a header that no other site can send; these audits send none.
      'notice: MAY accept application/x-www-form-urlencoded formatted GET requests',
      'notice: MAY allow URL-encoded JSON string {variables} parameter in GETs when accepting application/graphql-response+json',
      'notice: MAY allow URL-encoded JSON string {variables} parameter in GETs when accepting application/json',
      // Apollo answers 400 to these whatever is accepted.
      'warn: SHOULD use 200 status code on document parsing failure when accepting application/json',
      'warn: SHOULD use 200 status code on document validation failure when accepting application/json',
      'warn: SHOULD use a status code of 200 on variable coercion failure when accepting application/json',
    ]);
  });
});
