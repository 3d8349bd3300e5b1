import { setFlagsFromString } from 'node:v8';
import { createEngine, requiredV8Flags } from '@coco/contracts';
import { GovernanceAuditor, type GovernanceFinding } from '@coco/governance';
import type { AuditOptions } from '@coco/ledger';

/** What came of replaying the governance of a ledger. */
export interface ReplayedGovernance {
  /** Signed requests, and decisions that followed from them later. */
  readonly decisions: number;
  /** The first thing that does not follow from what came before; undefined when all does. */
  readonly finding?: GovernanceFinding;
  /** Why nothing could be replayed. */
  readonly skipped?: string;
}

/** Follows an audit of a ledger: `each` is shown every entry, `finish` says what came of it. */
export interface GovernanceReplay {
  readonly each: NonNullable<AuditOptions['each']>;
  finish(): ReplayedGovernance;
}

/** Replays every decision of the members with the engine that nodes run constitutions in. */
export function replayGovernance(): GovernanceReplay {
  for (const flag of requiredV8Flags) setFlagsFromString(flag);
  const engine = createEngine();
  const auditor = new GovernanceAuditor(engine);
  let first: number | undefined;
  let finding: GovernanceFinding | undefined;
  return {
    each: ({ seqno, writeSet }, root) => {
      first ??= seqno;
      // What came before the files at hand decides who may vote and by which law: without it nothing can be said.
      if (first !== 1 || finding !== undefined) return;
      finding = auditor.feed({ seqno, writeSet, root: root() });
    },
    finish: () => {
      engine[Symbol.dispose]();
      if (first === undefined) return { decisions: 0, skipped: 'there are no entries' };
      if (first !== 1)
        return { decisions: 0, skipped: `the files begin at entry ${first}, not at the first` };
      return { decisions: auditor.decisions, ...(finding && { finding }) };
    },
  };
}
