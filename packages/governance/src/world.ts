import type { MembershipChange } from '@coco/access';
import type { Engine } from '@coco/contracts';
import type { ByteString, Tx } from '@coco/kv';
import type { TxId, VersionedSecret } from '@coco/ledger';
import type { Policy } from './authenticate/authenticate.ts';
import type { CertificateCaller, MemberCoseIdentity } from './authenticate/caller.ts';
import type { GovResponse } from './http.ts';
import type { UndoWorld } from './undo/world.ts';

/** Where a transaction stands, as this node knows. */
export type TxStatus = 'Unknown' | 'Pending' | 'Committed' | 'Invalid';

/**
 * What an accepted proposal may make the node do. Each call belongs to the transaction that is given: an
 * effect outside the tables (a new secret in force, a chunk ended) happens when it commits, never if it is
 * discarded. A method that cannot do what is asked throws; the proposal then fails with its message.
 */
export interface NodeActions {
  triggerLedgerRekey(tx: Tx): void;
  /** Both identities are PEM certificates; `previous` only when a lost service is recovered. */
  transitionServiceToOpen(tx: Tx, previous: string | undefined, next: string): void;
  triggerRecoverySharesRefresh(tx: Tx): void;
  triggerLedgerChunk(tx: Tx): void;
  triggerSnapshot(tx: Tx): void;
  /** First seqno of the ledger secret in force. */
  latestLedgerSecretSeqno(tx: Tx): number;
  /** PEM certificate for a node's signing request, endorsed by the service. See `validityPeriod`. */
  endorseNodeCertificate(tx: Tx, csrPem: string, validFrom: string, days: number): string;
  /** PEM certificate of the service, renewed with the same key. */
  renewServiceCertificate(tx: Tx, validFrom: string, days: number): string;
  /** The ledger secret in force: shares submitted during recovery are kept under it. */
  currentLedgerSecret(tx: Tx): VersionedSecret;
  /** Whether this node has begun to read the private part of a recovered ledger. */
  isReadingPrivateLedger(): boolean;
  /** Lets readers in and out of an audience from now on. Answers false when no audience has this id (hex). */
  changeAudience(tx: Tx, id: string, change: MembershipChange): boolean;
  /** Destroys the keys of all that an audience has written. Answers false when no audience has this id (hex). */
  shredAudience(tx: Tx, id: string): boolean;
  /** Enough shares are in (`combineSubmittedShares` opens them). Throws when they do not open the ledger. */
  initiatePrivateRecovery(tx: Tx): void;
}

/** What handlers may ask of the node they run on. */
export interface GovernanceWorld {
  readonly engine: Engine;
  readonly node: NodeActions;
  readonly undo: UndoWorld;
  /** Wall clock in ms, fixed for the request. */
  readonly now: number;
  random(bytes: number): Uint8Array;
  /** Root of the history, 32 bytes, at the version the transaction reads. */
  merkleRoot(): ByteString;
  statusOf(txId: TxId): TxStatus;
  lastCommitted(): TxId;
  /** View in which an entry of the ledger was made; null when it is not known. */
  viewOf(seqno: number): number | null;
  /** A line for the node's log, of what governance code printed or why it failed. */
  log(level: 'info' | 'fail' | 'fatal', message: string): void;
}

/** A request as a handler sees it. */
export interface GovRequest {
  readonly method: string;
  /** Path as requested, without query. */
  readonly path: string;
  /** Raw values of the template's parameters. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: { get(name: string): string | null };
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** All a handler gets. */
export interface GovContext {
  readonly tx: Tx;
  readonly request: GovRequest;
  /** The member who calls; present exactly when the endpoint's policies ask for one. */
  readonly caller?: MemberCoseIdentity | CertificateCaller;
  readonly world: GovernanceWorld;
}

/** One row of the governance interface. */
export interface GovEndpoint {
  readonly method: 'GET' | 'POST';
  /** Template with its frontend: `/gov/members/proposals/{proposalId}:withdraw`. */
  readonly path: string;
  readonly auth: readonly Policy[];
  /** A `readonly` row never writes and may be answered by any node. */
  readonly mode: 'readwrite' | 'readonly';
  readonly summary: string;
  readonly handle: (context: GovContext) => GovResponse;
}
