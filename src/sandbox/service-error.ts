/** An answer the sandbox gives instead of a result: AWS's status, code and message, and fields beside them. */
export class ServiceError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly fields: Readonly<Record<string, string>> = {},
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.name = 'ServiceError';
  }
}

/** True for answers in AWS's words; anything else thrown is a bug of the sandbox. */
export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof ServiceError;
}

/** The 404 for an object that is not there. */
export function noSuchKey(key: string): ServiceError {
  return new ServiceError(404, 'NoSuchKey', 'The specified key does not exist.', { Key: key });
}

/** The 412 that names the header which did not hold. */
export function preconditionFailed(condition: string): ServiceError {
  return new ServiceError(
    412,
    'PreconditionFailed',
    'At least one of the pre-conditions you specified did not hold',
    { Condition: condition },
  );
}

/** The 400 for a parameter whose value makes no sense. */
export function invalidArgument(name: string, value: string, message: string): ServiceError {
  return new ServiceError(400, 'InvalidArgument', message, {
    ArgumentName: name,
    ArgumentValue: value,
  });
}

/** The 501 for the parts of S3 that this development server leaves out. */
export function notImplemented(what: string): ServiceError {
  return new ServiceError(501, 'NotImplemented', `The sandbox does not implement ${what}.`);
}
