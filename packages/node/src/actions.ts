import { audienceIdFromHex, changeMembers, type MembershipChange, shredAudience } from '@coco/access';
import { parseCsr, verifyCsr } from '@coco/crypto';
import {
  combineSubmittedShares,
  concernsMembership,
  encryptedLedgerSecrets,
  encryptToTrustedNodes,
  GovernanceError,
  type NodeActions,
  openService,
  refreshShares,
  rekeyLedger,
  settleMembership,
  validityPeriod,
} from '@coco/governance';
import type { Tx } from '@coco/kv';
import type { VersionedSecret } from '@coco/ledger';
import { endorseNode, type Random, renewServiceIdentity, type ServiceIdentity } from './identity.ts';
import type { Reopening } from './lifecycle/reopening.ts';
import type { CommitOutcome, Replica } from './replica.ts';

/** What a committed governance transaction changes outside the tables. */
interface Consequences {
  newSecret?: Uint8Array;
  endChunk?: boolean;
  takeSnapshot?: boolean;
  opened?: boolean;
  /** Every ledger secret of the lost service, newest first. */
  recovered?: readonly VersionedSecret[];
}

/** Where consequences go once their transaction is committed locally. */
export interface ConsequenceListener {
  serviceOpened(): void;
  snapshotWanted(): void;
}

/** What accepted proposals may make this node do; see `NodeActions`. Effects wait for the commit. */
export class GovernanceActions implements NodeActions {
  readonly #replica: Replica;
  readonly #service: () => ServiceIdentity;
  readonly #random: Random;
  readonly #now: () => number;
  readonly #reopening: Reopening;
  readonly #listener: ConsequenceListener;
  readonly #pending = new WeakMap<Tx, Consequences>();

  constructor(parts: {
    readonly replica: Replica;
    readonly service: () => ServiceIdentity;
    readonly random: Random;
    readonly now: () => number;
    readonly reopening: Reopening;
    readonly listener: ConsequenceListener;
  }) {
    this.#replica = parts.replica;
    this.#service = parts.service;
    this.#random = parts.random;
    this.#now = parts.now;
    this.#reopening = parts.reopening;
    this.#listener = parts.listener;
  }

  /** Completes a governance transaction. Throws GovernanceError when what it decided cannot be done. */
  prepare(tx: Tx): void {
    if (concernsMembership(tx.writeSet())) settleMembership(tx, this.#replica.store.begin());
  }

  /** Commits a governance transaction and does what it decided. */
  commit(tx: Tx): CommitOutcome {
    const consequences = this.#pending.get(tx);
    const outcome = this.#replica.commit(tx);
    if (outcome.kind === 'committed' && consequences) this.#apply(consequences, outcome.txId.seqno);
    return outcome;
  }

  /** Forgets what a transaction would have done. */
  discard(tx: Tx): void {
    this.#pending.delete(tx);
  }

  triggerLedgerRekey(tx: Tx): void {
    const next = this.#random(32);
    rekeyLedger(tx, { current: this.currentLedgerSecret(), next, random: this.#random });
    this.#of(tx).newSecret = next;
    this.#of(tx).endChunk = true;
  }

  transitionServiceToOpen(tx: Tx, previous: string | undefined, next: string): void {
    const ledgerSecret = this.currentLedgerSecret().raw;
    const opening = openService(tx, { previous, next, ledgerSecret, random: this.#random });
    if (opening !== 'opened') return;
    this.#of(tx).opened = true;
    this.#of(tx).endChunk = true;
    this.#of(tx).takeSnapshot = true;
  }

  triggerRecoverySharesRefresh(tx: Tx): void {
    refreshShares(tx, { ledgerSecret: this.currentLedgerSecret().raw, random: this.#random });
  }

  triggerLedgerChunk(tx: Tx): void {
    this.#of(tx).endChunk = true;
  }

  triggerSnapshot(tx: Tx): void {
    this.#of(tx).takeSnapshot = true;
    this.#of(tx).endChunk = true;
  }

  latestLedgerSecretSeqno(): number {
    return this.currentLedgerSecret().from;
  }

  endorseNodeCertificate(_tx: Tx, csrPem: string, validFrom: string, days: number): string {
    const period = validityPeriod(validFrom, days);
    return endorseNode(this.#service(), verifyCsr(parseCsr(csrPem)), period, this.#random).pem;
  }

  renewServiceCertificate(_tx: Tx, validFrom: string, days: number): string {
    const { key, certificate } = this.#service();
    const period = validityPeriod(validFrom, days);
    return renewServiceIdentity({ key, subject: certificate.subject }, period, this.#random).certificate.pem;
  }

  changeAudience(tx: Tx, id: string, change: MembershipChange): boolean {
    return changeMembers(tx, audienceIdFromHex(id), change, this.#random);
  }

  shredAudience(tx: Tx, id: string): boolean {
    return shredAudience(tx, audienceIdFromHex(id), this.#random);
  }

  currentLedgerSecret(): VersionedSecret {
    const latest = this.#replica.secrets.latest();
    if (!latest) throw new GovernanceError('WrongServiceState', 'This node holds no ledger secret.');
    return latest;
  }

  isReadingPrivateLedger(): boolean {
    return this.#reopening.status === 'ReadingPrivateLedger';
  }

  initiatePrivateRecovery(tx: Tx): void {
    const latest = combineSubmittedShares(tx, this.currentLedgerSecret());
    const recovered = this.#reopening.unwind(latest);
    encryptedLedgerSecrets.set(tx, encryptToTrustedNodes(tx, recovered));
    this.#of(tx).recovered = recovered;
  }

  #of(tx: Tx): Consequences {
    let consequences = this.#pending.get(tx);
    if (!consequences) {
      consequences = {};
      this.#pending.set(tx, consequences);
    }
    return consequences;
  }

  #apply(consequences: Consequences, seqno: number): void {
    const { newSecret, endChunk, takeSnapshot, opened, recovered } = consequences;
    if (newSecret) this.#replica.secrets.add(seqno + 1, newSecret);
    if (endChunk) this.#replica.forceChunk();
    if (opened) this.#listener.serviceOpened();
    if (takeSnapshot) this.#listener.snapshotWanted();
    if (recovered) this.#reopening.read(recovered);
  }
}
