import { ArgsType, Field, Int } from 'type-graphql';
import { AppError } from '../../errors.js';

/** A page of a list. */
export interface Page {
  readonly limit: number;
  readonly offset: number;
}

const greatestPage = 10_000;

/** @throws INVALID_INPUT for a negative page, LIMIT_TOO_LARGE for one of more than 10,000 entries */
export function checkedPage({ limit, offset }: Page): Page {
  if (limit < 0 || offset < 0) {
    throw new AppError('INVALID_INPUT', 'limit and offset count from 0');
  }
  if (limit > greatestPage) {
    throw new AppError(
      'LIMIT_TOO_LARGE',
      `limit is ${limit}, the greatest is ${greatestPage}; ask for pages`,
      {
        details: { limit: greatestPage },
      },
    );
  }
  return { limit, offset };
}

const limitText = 'At most this many, up to 10,000.';
const offsetText = 'How many to skip.';

@ArgsType()
export class PageArgs implements Page {
  @Field(() => Int, { nullable: true, defaultValue: 100, description: limitText })
  limit: number = 100;

  @Field(() => Int, { nullable: true, defaultValue: 0, description: offsetText })
  offset: number = 0;
}

@ArgsType()
export class RunPageArgs implements Page {
  @Field(() => Int, { nullable: true, defaultValue: 20, description: limitText })
  limit: number = 20;

  @Field(() => Int, { nullable: true, defaultValue: 0, description: offsetText })
  offset: number = 0;
}
