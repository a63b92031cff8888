import { describe, expect, it } from '@jest/globals';
import { evaluate, matchesGlob, policyProblem } from '../../src/sandbox/iam.js';
import type { PolicyStatement } from '../../src/sandbox/iam.js';

const ask = (action: string, resource: string, context: Record<string, string> = {}) => ({
  action,
  resource,
  context: new Map(Object.entries(context)),
});

const decide = (statements: PolicyStatement[], request = ask('s3:GetObject', 'arn:aws:s3:::b/k')) =>
  evaluate({ Version: '2012-10-17', Statement: statements }, request);

describe('evaluate', () => {
  it('denies what nothing allows, allows what something allows, and lets a deny win', () => {
    const allow: PolicyStatement = { Effect: 'Allow', Action: 's3:*', Resource: '*' };
    const deny: PolicyStatement = { Effect: 'Deny', Action: 's3:GetObject', Resource: '*' };
    expect(decide([])).toBe('implicitDeny');
    expect(decide([allow])).toBe('allow');
    expect(decide([allow, deny])).toBe('explicitDeny');
    expect(decide([deny, allow])).toBe('explicitDeny');
  });

  it('compares actions without case and resources with it', () => {
    const only = (Action: string, Resource: string) =>
      decide([{ Effect: 'Allow', Action, Resource }]);
    expect(only('S3:getOBJECT', 'arn:aws:s3:::b/*')).toBe('allow');
    expect(only('s3:Get*', 'arn:aws:s3:::b/?')).toBe('allow');
    expect(only('s3:GetObject', 'arn:aws:s3:::B/k')).toBe('implicitDeny');
    expect(only('s3:GetObjectTagging', '*')).toBe('implicitDeny');
  });

  it('turns NotAction and NotResource around', () => {
    expect(decide([{ Effect: 'Allow', NotAction: 's3:Put*', Resource: '*' }])).toBe('allow');
    expect(decide([{ Effect: 'Allow', NotAction: ['s3:Get*'], Resource: '*' }])).toBe(
      'implicitDeny',
    );
    expect(decide([{ Effect: 'Allow', Action: '*', NotResource: 'arn:aws:s3:::b/secret/*' }])).toBe(
      'allow',
    );
  });

  it.each([
    ['StringEquals', 'a', { 's3:prefix': 'a' }, true],
    ['StringEquals', ['b', 'a'], { 's3:prefix': 'a' }, true],
    ['StringEquals', 'a', { 's3:prefix': 'A' }, false],
    ['StringEquals', 'a', {}, false],
    ['StringEqualsIgnoreCase', 'a', { 's3:prefix': 'A' }, true],
    ['StringEqualsIfExists', 'a', {}, true],
    ['StringEqualsIfExists', 'a', { 's3:prefix': 'b' }, false],
    ['StringNotEquals', 'a', { 's3:prefix': 'b' }, true],
    ['StringNotEquals', ['a', 'b'], { 's3:prefix': 'b' }, false],
    ['StringNotEquals', 'a', {}, true],
    ['StringLike', 'in/*', { 's3:prefix': 'in/2024/' }, true],
    ['StringLike', 'in/*', { 's3:prefix': 'out/' }, false],
    ['StringNotLike', 'in/*', { 's3:prefix': 'out/' }, true],
    ['Null', true, {}, true],
    ['Null', 'false', { 's3:prefix': '' }, true],
    ['NumericLessThanEquals', 10, { 's3:prefix': '10' }, true],
    ['NumericLessThanEquals', 10, { 's3:prefix': '11' }, false],
  ] as const)('%s %j over %j holds: %s', (operator, wanted, context, holds) => {
    const statement: PolicyStatement = {
      Effect: 'Allow',
      Action: '*',
      Resource: '*',
      Condition: { [operator]: { 's3:Prefix': wanted } },
    };
    expect(decide([statement], ask('s3:ListBucket', 'x', context))).toBe(
      holds ? 'allow' : 'implicitDeny',
    );
  });

  it('wants every condition of a statement to hold', () => {
    const statement: PolicyStatement = {
      Effect: 'Allow',
      Action: '*',
      Resource: '*',
      Condition: {
        StringEquals: { 'sts:ExternalId': 'e' },
        StringLike: { 'sts:RoleSessionName': 'import-*' },
      },
    };
    const context = { 'sts:externalid': 'e', 'sts:rolesessionname': 'import-1' };
    expect(decide([statement], ask('sts:AssumeRole', 'r', context))).toBe('allow');
    const other = { ...context, 'sts:rolesessionname': 'x' };
    expect(decide([statement], ask('sts:AssumeRole', 'r', other))).toBe('implicitDeny');
  });
});

describe('matchesGlob', () => {
  it.each([
    ['*', '', true],
    ['a*c', 'abbc', true],
    ['a*c', 'abbcd', false],
    ['*a*b*', 'xaxbx', true],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['a.c', 'abc', false],
    ['', 'a', false],
  ])('%s over %s is %s', (pattern, text, matches) => {
    expect(matchesGlob(pattern, text)).toBe(matches);
  });

  it('ends on patterns that would keep a regular expression busy', () => {
    expect(matchesGlob('*a'.repeat(30) + 'b', 'a'.repeat(5000))).toBe(false);
  });
});

describe('policyProblem', () => {
  const good = { Effect: 'Allow', Action: '*', Resource: '*' };
  const of = (...Statement: unknown[]) => ({ Version: '2012-10-17', Statement });

  it('has nothing to say of a good policy', () => {
    expect(policyProblem(of(good), 'permission')).toBeUndefined();
    expect(policyProblem({ Statement: good }, 'permission')).toBeUndefined();
  });

  it.each([
    ['nothing', undefined, /not a JSON object/],
    ['a list', [], /not a JSON object/],
    ['an unknown version', { Version: '2025-10-17', Statement: [good] }, /knows 2012-10-17/],
    ['no statement', of(), /Statement is missing/],
    ['a statement of null', of(null), /not a JSON object/],
    ['no action', of({ ...good, Action: undefined }), /Action or NotAction/],
    ['an action of a number', of({ ...good, Action: 1 }), /Action must be/],
    ['a resource of objects', of({ ...good, Resource: [{}] }), /Resource must be/],
    ['no resource', of({ ...good, Resource: undefined }), /has a Resource/],
    ['a principal', of({ ...good, Principal: '*' }), /no Principal/],
    ['an effect of its own', of({ ...good, Effect: 'Maybe' }), /Effect must be/],
    ['a condition of text', of({ ...good, Condition: 'x' }), /Condition must be/],
    ['an unknown operator', of({ ...good, Condition: { StringIsh: {} } }), /StringIsh is unknown/],
    ['an inherited operator', of({ ...good, Condition: { toString: {} } }), /toString is unknown/],
    ['a test of null', of({ ...good, Condition: { StringLike: { a: null } } }), /StringLike must/],
  ])('finds %s', (_case, policy, problem) => {
    expect(policyProblem(policy, 'permission')).toMatch(problem);
  });

  it('wants a principal and no resource in a trust policy', () => {
    const trust = { Effect: 'Allow', Action: 'sts:AssumeRole' };
    expect(policyProblem(of({ ...trust, Principal: { AWS: 'x' } }), 'trust')).toBeUndefined();
    expect(policyProblem(of(trust), 'trust')).toMatch(/has a Principal/);
    expect(policyProblem(of({ ...good, Principal: '*' }), 'trust')).toMatch(/no Resource/);
  });
});
