type OneOrMany = string | readonly string[];

/** One statement of an IAM policy, in IAM's own spelling. */
export interface PolicyStatement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal?: '*' | { readonly AWS?: OneOrMany };
  readonly Action?: OneOrMany;
  readonly NotAction?: OneOrMany;
  readonly Resource?: OneOrMany;
  readonly NotResource?: OneOrMany;
  readonly Condition?: {
    readonly [operator: string]: {
      readonly [key: string]: OneOrMany | boolean | number;
    };
  };
}

/** An IAM policy document (IAM User Guide, "IAM JSON policy elements reference"). */
export interface PolicyDocument {
  readonly Version?: string;
  readonly Id?: string;
  readonly Statement: PolicyStatement | readonly PolicyStatement[];
}

/** What is asked of a policy: may this principal do this to that? */
export interface PolicyRequest {
  readonly action: string;
  readonly resource: string;
  /** Condition keys in lower case, such as `s3:prefix`; absent keys stay absent. */
  readonly context: ReadonlyMap<string, string>;
  /** Every ARN and account id the caller answers to; only trust policies look at it. */
  readonly principals?: readonly string[];
}

/** What a policy says. */
export type Decision = 'allow' | 'implicitDeny' | 'explicitDeny';

/** One policy's word on a request: an explicit deny wins, then an allow, else nothing is allowed. */
export function evaluate(policy: PolicyDocument, request: PolicyRequest): Decision {
  let decision: Decision = 'implicitDeny';
  for (const statement of statementsOf(policy)) {
    if (!applies(statement, request)) continue;
    if (statement.Effect === 'Deny') return 'explicitDeny';
    decision = 'allow';
  }
  return decision;
}

function applies(statement: PolicyStatement, request: PolicyRequest): boolean {
  const action = request.action.toLowerCase();
  const actionMatches = (pattern: string) => matchesGlob(pattern.toLowerCase(), action);
  const resourceMatches = (pattern: string) => matchesGlob(pattern, request.resource);
  if (statement.Action !== undefined && !list(statement.Action).some(actionMatches)) return false;
  if (statement.NotAction !== undefined && list(statement.NotAction).some(actionMatches)) {
    return false;
  }
  if (statement.Resource !== undefined && !list(statement.Resource).some(resourceMatches)) {
    return false;
  }
  if (statement.NotResource !== undefined && list(statement.NotResource).some(resourceMatches)) {
    return false;
  }
  if (request.principals !== undefined && !trusts(statement, request.principals)) return false;
  return Object.entries(statement.Condition ?? {}).every(([operator, tests]) =>
    Object.entries(tests).every(([key, wanted]) =>
      conditionHolds(operator, wantedValues(wanted), request.context.get(key.toLowerCase())),
    ),
  );
}

function trusts(statement: PolicyStatement, principals: readonly string[]): boolean {
  const trusted = statement.Principal;
  if (trusted === undefined) return false;
  if (trusted === '*') return true;
  return list(trusted.AWS ?? []).some((name) => name === '*' || principals.includes(name));
}

const operators: Readonly<Record<string, (wanted: string, actual: string) => boolean>> = {
  StringEquals: (wanted, actual) => wanted === actual,
  StringEqualsIgnoreCase: (wanted, actual) => wanted.toLowerCase() === actual.toLowerCase(),
  StringLike: matchesGlob,
  ArnEquals: matchesGlob,
  ArnLike: matchesGlob,
  Bool: (wanted, actual) => wanted.toLowerCase() === actual.toLowerCase(),
  NumericEquals: (wanted, actual) => Number(actual) === Number(wanted),
  NumericLessThan: (wanted, actual) => Number(actual) < Number(wanted),
  NumericLessThanEquals: (wanted, actual) => Number(actual) <= Number(wanted),
  NumericGreaterThan: (wanted, actual) => Number(actual) > Number(wanted),
  NumericGreaterThanEquals: (wanted, actual) => Number(actual) >= Number(wanted),
};

const negated: Readonly<Record<string, string>> = {
  StringNotEquals: 'StringEquals',
  StringNotEqualsIgnoreCase: 'StringEqualsIgnoreCase',
  StringNotLike: 'StringLike',
  ArnNotEquals: 'ArnEquals',
  ArnNotLike: 'ArnLike',
  NumericNotEquals: 'NumericEquals',
};

function conditionHolds(
  operator: string,
  wanted: readonly string[],
  actual: string | undefined,
): boolean {
  if (operator === 'Null') return wanted.includes(actual === undefined ? 'true' : 'false');
  const ifExists = operator.endsWith('IfExists');
  const name = ifExists ? operator.slice(0, -'IfExists'.length) : operator;
  const positive = negated[name] ?? name;
  // An absent key satisfies what is negated or optional, and nothing else.
  if (actual === undefined) return ifExists || positive !== name;
  const test = operators[positive]!;
  const found = wanted.some((value) => test(value, actual));
  return positive === name ? found : !found;
}

/** IAM's wildcards: `*` for any run of characters, `?` for one. Runs in linear space without a regular expression. */
export function matchesGlob(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    if (p < pattern.length && pattern[p] === '*') {
      star = p;
      resume = t;
      p += 1;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p += 1;
      t += 1;
    } else if (star >= 0) {
      p = star + 1;
      resume += 1;
      t = resume;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}

/**
 * What is wrong with a document, or undefined. Asked where a policy is handed in, so that a typing
 * error does not become a silent "no" later. Takes anything: session policies come from outside.
 */
export function policyProblem(policy: unknown, kind: 'permission' | 'trust'): string | undefined {
  if (!isRecord(policy)) return 'it is not a JSON object';
  const { Version: version } = policy;
  if (version !== undefined && version !== '2012-10-17' && version !== '2008-10-17') {
    return `Version ${JSON.stringify(version)} is unknown; IAM knows 2012-10-17`;
  }
  const statements = statementsOf(policy as unknown as PolicyDocument) as readonly unknown[];
  if (statements.length === 0) return 'Statement is missing';
  for (const statement of statements) {
    const problem = isRecord(statement)
      ? statementProblem(statement, kind)
      : 'a statement is not a JSON object';
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function statementProblem(
  statement: Readonly<Record<string, unknown>>,
  kind: 'permission' | 'trust',
): string | undefined {
  const { Effect: effect, Principal: principal, Condition: condition = {} } = statement;
  if (effect !== 'Allow' && effect !== 'Deny') return 'Effect must be Allow or Deny';
  for (const name of ['Action', 'NotAction', 'Resource', 'NotResource']) {
    if (statement[name] !== undefined && !isOneOrMany(statement[name])) {
      return `${name} must be a string or a list of strings`;
    }
  }
  if ((statement['Action'] === undefined) === (statement['NotAction'] === undefined)) {
    return 'a statement needs either Action or NotAction';
  }
  const hasResource = statement['Resource'] !== undefined || statement['NotResource'] !== undefined;
  if (kind === 'permission' && (!hasResource || principal !== undefined)) {
    return 'a permission policy has a Resource and no Principal';
  }
  if (kind === 'trust' && (hasResource || (principal !== '*' && !isRecord(principal)))) {
    return 'a trust policy has a Principal and no Resource';
  }
  if (!isRecord(condition)) return 'Condition must be a JSON object';
  for (const [operator, tests] of Object.entries(condition)) {
    const name = operator.replace(/IfExists$/, '');
    if (operator !== 'Null' && !Object.hasOwn(operators, name) && !Object.hasOwn(negated, name)) {
      return `the condition operator ${operator} is unknown to the sandbox`;
    }
    const fits = (value: unknown) =>
      ['boolean', 'number'].includes(typeof value) || isOneOrMany(value);
    if (!isRecord(tests) || !Object.values(tests).every(fits)) {
      return `${operator} must hold condition keys with strings`;
    }
  }
  return undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isOneOrMany(value: unknown): value is OneOrMany {
  if (typeof value === 'string') return true;
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function statementsOf(policy: PolicyDocument): readonly PolicyStatement[] {
  const statements: unknown = policy.Statement;
  if (statements === undefined || statements === null) return [];
  return Array.isArray(statements)
    ? (statements as readonly PolicyStatement[])
    : [statements as PolicyStatement];
}

function wantedValues(wanted: OneOrMany | boolean | number): readonly string[] {
  return typeof wanted === 'boolean' || typeof wanted === 'number'
    ? [String(wanted)]
    : list(wanted);
}

function list(value: OneOrMany): readonly string[] {
  return typeof value === 'string' ? [value] : value;
}
