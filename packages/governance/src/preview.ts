import {
  type ByteString,
  byteStringToBytes,
  byteStringToUtf8,
  type MapName,
  type Tx,
  utf8ToByteString,
} from '@coco/kv';
import { applyProposal, type Validation, validateProposal } from './constitution/evaluate.ts';
import { decide, type OpenProposal } from './proposals.ts';
import { standInNode } from './stand-in-node.ts';
import { EIGHT_ZERO_BYTES } from './tables/codec.ts';
import type { MemberId } from './tables/members.ts';
import { type Failure, type ProposalId, proposalInfos, proposals } from './tables/proposals.ts';
import type { GovernanceWorld, NodeActions } from './world.ts';

/** One value that a proposal would write. Text where the bytes are text, else `hex:...`. */
export interface Change {
  readonly table: MapName;
  /** Absent for a table that holds one value. */
  readonly key?: string;
  /** Null: there is none. */
  readonly before: string | null;
  readonly after: string | null;
}

/** What a proposal would come to. */
export interface Preview {
  readonly valid: boolean;
  /** Why it is not valid. */
  readonly description?: string;
  /** What the constitution answers to the ballots given. */
  readonly state?: 'Open' | 'Accepted' | 'Rejected';
  readonly votes?: Readonly<Record<MemberId, boolean>>;
  readonly voteFailures?: Readonly<Record<MemberId, Failure>>;
  /** Why it could not be resolved, or carried out. */
  readonly failure?: Failure;
  /** What it would write once accepted, whatever `state` says. */
  readonly changes?: readonly Change[];
  /** What it would make the node do once accepted, in order. */
  readonly effects?: readonly string[];
  /** What governance code printed on the way. */
  readonly log: readonly string[];
}

/**
 * Carries out a proposal as if it were accepted, and tells what that would change: by the same code as if it
 * were meant, but without any key or secret of the node. `tx` must be discarded afterwards, never committed.
 */
export function preview(
  tx: Tx,
  world: GovernanceWorld,
  proposal: OpenProposal,
  { isNew }: { isNew: boolean },
): Preview {
  const log: string[] = [];
  const effects: string[] = [];
  const rehearsal: GovernanceWorld = {
    ...world,
    node: noting(effects, standInNode(made(tx, world))),
    log: (_, message) => log.push(message),
  };
  const validation = validateProposal(tx, rehearsal, proposal.source);
  const validity = validityOf(validation);
  // One that was submitted was valid then, and is decided whatever would be said of it now.
  if (isNew && !validity.valid) return { ...validity, log };

  proposals.set(tx, proposal.id, utf8ToByteString(proposal.source));
  proposalInfos.set(tx, proposal.id, proposal.info);
  const decided = decide(tx, rehearsal, proposal);
  if ('failure' in decided) return { ...validity, failure: decided.failure, log };
  const { failures: voteFailures, state, votes } = decided;
  const { id, info, source } = proposal;
  proposalInfos.set(tx, id, { ...info, state: 'Accepted', final_votes: votes, vote_failures: voteFailures });
  const failure = applyProposal(tx, rehearsal, { id, source });
  return {
    ...validity,
    state,
    votes,
    voteFailures,
    ...(failure === undefined ? { changes: changesIn(tx, id), effects } : { failure }),
    log,
  };
}

function validityOf(validation: Validation): Pick<Preview, 'valid' | 'description'> {
  switch (validation.kind) {
    case 'valid':
      return { valid: true };
    case 'invalid':
      return { valid: false, description: validation.description };
    case 'failed':
      return { valid: false, description: validation.message };
  }
}

const toBeMade = '(made when the proposal is accepted)';

function made(tx: Tx, world: GovernanceWorld) {
  return {
    ledgerSecretSeqno: () => world.node.latestLedgerSecretSeqno(tx),
    nodeCertificate: () => toBeMade,
    serviceCertificate: () => toBeMade,
  };
}

/** Notes by name what the node is made to do. */
function noting(effects: string[], node: NodeActions): NodeActions {
  const noted = <A extends readonly unknown[], R>(name: string, act: (...args: A) => R) => {
    return (...args: A): R => {
      effects.push(name);
      return act(...args);
    };
  };
  return {
    ...node,
    triggerLedgerRekey: noted('triggerLedgerRekey', node.triggerLedgerRekey),
    transitionServiceToOpen: noted('transitionServiceToOpen', node.transitionServiceToOpen),
    triggerRecoverySharesRefresh: noted('triggerRecoverySharesRefresh', node.triggerRecoverySharesRefresh),
    triggerLedgerChunk: noted('triggerLedgerChunk', node.triggerLedgerChunk),
    triggerSnapshot: noted('triggerSnapshot', node.triggerSnapshot),
    changeAudience: noted('changeAudience', node.changeAudience),
    shredAudience: noted('shredAudience', node.shredAudience),
  };
}

/** What was written, save the proposal itself and what nodes keep for themselves. */
function changesIn(tx: Tx, own: ProposalId): Change[] {
  const changes: Change[] = [];
  for (const [table, writes] of tx.writeSet()) {
    if (!table.startsWith('public:') || table.startsWith('public:ccf.internal.')) continue;
    for (const [key, value] of writes) {
      if (key === own && (table === proposals.name || table === proposalInfos.name)) continue;
      const before = tx.base.get(table, key) ?? null;
      if (before === value) continue;
      changes.push({
        table,
        ...(key === EIGHT_ZERO_BYTES ? {} : { key: shown(key) }),
        before: before === null ? null : shown(before),
        after: value === null ? null : shown(value),
      });
    }
  }
  return changes;
}

function shown(bytes: ByteString): string {
  try {
    return byteStringToUtf8(bytes);
  } catch {
    return `hex:${byteStringToBytes(bytes).toHex()}`;
  }
}
