import { Cron } from 'croner';
import { AppError, messageOf } from '../errors.js';

/** When something is due: a cron expression, read in a time zone. */
export interface Due {
  /** Five fields: minute, hour, day of the month, month, day of the week. */
  readonly cron: string;
  /** An IANA time zone. */
  readonly timezone: string;
}

/**
 * The first moment after `after` at which a schedule is due. What is due at fixed times runs once on the days when clocks
 * change: a time that is skipped counts as the first moment after the gap, and one that comes twice as its first coming. What
 * is due every so often (`*` or a step in the minute or the hour) goes by elapsed time.
 * @throws INVALID_INPUT for an expression that is not valid or never comes due
 */
export function nextRun({ cron, timezone }: Due, after: Date): Date {
  const fields = cron.trim().split(/\s+/);
  // A name such as @daily is one field; six fields would begin with seconds.
  if (fields.length !== 5) {
    throw refused(
      cron,
      `it has ${fields.length} ${fields.length === 1 ? 'field' : 'fields'}, and must have five: minute, hour, day of the month, month, day of the week`,
    );
  }
  let next: Date | null;
  try {
    next = new Cron(fields.join(' '), {
      timezone,
      mode: '5-part',
      fixedTimeRule: 'no-wildcard',
    }).nextRun(after);
  } catch (error) {
    throw refused(cron, messageOf(error).replace(/^CronPattern: /, ''));
  }
  if (!next) throw refused(cron, 'there is no such day');
  return next;
}

function refused(cron: string, reason: string): AppError {
  return new AppError('INVALID_INPUT', `schedule.cron "${cron}" is not valid: ${reason}`, {
    details: { field: 'schedule.cron', value: cron },
  });
}
