import { fromHex } from '@coco/crypto';
import {
  type Admission,
  dueChallenge,
  type NodeId,
  nodePolicies,
  type Renewal,
  recordReview,
  renewChallenge,
  renewLease,
  reviewNodes,
  settleSuspensions,
  signatures,
  snpHostData,
  snpMeasurements,
  snpTcbVersions,
  snpUvmEndorsements,
  virtualHostData,
  virtualMeasurements,
} from '@coco/governance';
import type { Tx } from '@coco/kv';
import type { Attested, Attester } from './attester.ts';
import { limits } from './limits.ts';
import type { Outbox } from './outbox.ts';
import type { Replica } from './replica.ts';
import { encodeWire } from './wire.ts';

/** What the keeper works with. */
export interface StandingKeeperParts {
  readonly id: NodeId;
  readonly replica: Replica;
  readonly attester: Attester;
  readonly outbox: Outbox;
  readonly now: () => number;
}

const changeText = {
  accepted: 'is accepted',
  lowered: 'may do less than it did, after the grace period',
  refused: 'is no longer accepted',
} as const;

/** Tables whose change may let nodes in or out. */
const policyTables = [
  nodePolicies,
  virtualHostData,
  virtualMeasurements,
  snpHostData,
  snpMeasurements,
  snpTcbVersions,
  snpUvmEndorsements,
];

/**
 * Keeps this node's evidence fresh, and on the primary the standing of all: nodes are looked at again when the
 * policy changes, and those that no longer count take no part in consensus until they do.
 */
export class StandingKeeper {
  readonly #parts: StandingKeeperParts;
  #reviewWanted = true;
  #sinceLookMs = 0;
  /** The challenge evidence was last made for: a refused one is not answered twice. */
  #answered = '';

  constructor(parts: StandingKeeperParts) {
    this.#parts = parts;
    const want = (): void => {
      this.#reviewWanted = true;
    };
    const { store } = parts.replica;
    for (const table of policyTables) store.onWrite(table.name, want);
  }

  /** Looks after leases, now and then. */
  tick(elapsedMs: number): void {
    this.#sinceLookMs += elapsedMs;
    if (this.#sinceLookMs < limits.standingLookMs) return;
    this.#sinceLookMs = 0;
    this.#renewOwn();
    if (this.#parts.replica.isPrimary) this.#write((tx, now) => this.#keepLeases(tx, now));
  }

  /** Looks at all nodes again, if the policy changed since the last time. */
  step(): void {
    if (!this.#reviewWanted || !this.#parts.replica.isPrimary) return;
    this.#reviewWanted = false;
    this.#write((tx, now) => {
      for (const { id, change, message } of recordReview(tx, reviewNodes(tx, { now }))) {
        const level = change === 'accepted' ? 'info' : 'fail';
        this.#parts.outbox.log(level, `Node ${id} ${changeText[change]}: ${message}`);
      }
    });
  }

  /** Fresh evidence of another node. */
  received(from: NodeId, renewal: Renewal): void {
    if (this.#parts.replica.isPrimary) this.#accept(from, renewal);
  }

  #keepLeases(tx: Tx, now: number): void {
    const latest = signatures.get(tx);
    if (latest !== undefined) renewChallenge(tx, { seqno: latest.seqno, root: latest.root }, now);
    const { suspended, resumed } = settleSuspensions(tx, now);
    const { outbox } = this.#parts;
    for (const id of suspended) {
      outbox.log('fail', `Node ${id} does not count any more: its lease or its grace has run out.`);
    }
    for (const id of resumed) outbox.log('info', `Node ${id} counts again.`);
  }

  /** Asks the platform for evidence over the challenge, when half of the lease has passed. */
  #renewOwn(): void {
    const { replica, id, attester, now } = this.#parts;
    const challenge = dueChallenge(replica.store.begin(), id, now());
    if (challenge === undefined || challenge.root === this.#answered) return;
    this.#answered = challenge.root;
    attester.ask(fromHex(challenge.root), (result) => this.#renewed(result, challenge.root));
  }

  #renewed(result: Attested, root: string): void {
    const { replica, id, outbox } = this.#parts;
    if ('error' in result) {
      outbox.log('fail', `This node could not renew its evidence: ${result.error}`);
      return;
    }
    const renewal = { evidence: result.evidence.quote, root };
    if (replica.isPrimary) this.#accept(id, renewal);
    else if (replica.primary !== null) {
      const message = encodeWire({ kind: 'evidence', ...renewal });
      outbox.push({ kind: 'send', to: replica.primary, message });
    }
  }

  #accept(from: NodeId, renewal: Renewal): void {
    let admission: Admission | undefined;
    this.#write((tx, now) => {
      admission = renewLease(tx, from, renewal, { now });
    });
    if (admission?.kind !== 'refused') return;
    const { refusal, message } = admission;
    this.#parts.outbox.log('fail', `The evidence of node ${from} is refused: ${refusal}: ${message}`);
  }

  #write(change: (tx: Tx, now: number) => void): void {
    const { replica, now } = this.#parts;
    const tx = replica.store.begin();
    change(tx, now());
    replica.commit(tx);
  }
}
