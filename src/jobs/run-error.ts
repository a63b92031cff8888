import type { RunError } from '../catalog/runs.js';
import { isAppError } from '../errors.js';
import type { Log } from '../log.js';

/** What a run shows of what ended it. Errors that are not ours go to the log and show as INTERNAL. */
export function runError(error: unknown, run: string, log: Log): RunError {
  if (isAppError(error)) {
    const { code, message, retryable, details } = error;
    log.warn({ run, code, details }, message);
    return log.scrub({ code, message, retryable, details });
  }
  log.error({ err: error, run }, 'run failed unexpectedly');
  return {
    code: 'INTERNAL',
    message: `An internal error ended the run; the log has it under run ${run}`,
    retryable: false,
    details: {},
  };
}
