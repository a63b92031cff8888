import type { SandboxProcess } from '../harness/sandbox-process.js';

/** What an experiment works with. */
export interface Lab {
  readonly sandbox: SandboxProcess;
  /** An empty folder. */
  readonly dir: string;
  /** Numbers in [0, 1), the same for the same seed. */
  readonly random: () => number;
  readonly times: number;
  /** Part of the names of cases, for an experiment that has such. (Default: all) */
  readonly only?: string;
  /** Says what happened. */
  readonly say: (text: string) => void;
}

/** One way to hurt the service. */
export interface Experiment {
  readonly name: string;
  /** Throws a {@link Loss} as soon as something is lost or untrue. */
  readonly run: (lab: Lab) => Promise<void>;
}

/** Something was lost, or the service said what is not true. */
export class Loss extends Error {
  override readonly name = 'Loss';
}

/** Throws a {@link Loss} unless a condition holds. */
export function hold(condition: boolean, lost: string): asserts condition {
  if (!condition) throw new Loss(lost);
}
