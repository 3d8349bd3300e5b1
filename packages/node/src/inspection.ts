import type { Entry } from '@coco/consensus';
import type { Store } from '@coco/kv';
import {
  AuditState,
  type DecodedEntry,
  decodeEntry,
  formatTxId,
  type History,
  hasPrivatePart,
  isSignature,
  tables,
  verifySignatureEntry,
} from '@coco/ledger';
import { NodeError } from './errors.ts';

/** What replicated entries are measured against. */
export interface InspectionGrounds {
  readonly store: Store;
  readonly history: History;
  /** View of an entry that is held here. */
  viewAt(seqno: number): number;
  /** Digest of the service's public key: once its epoch has begun, no other service may sign. */
  readonly serviceKeyId: string;
}

/**
 * Verifies what a leader replicates before it is appended and acknowledged: the chain of leaves, every signature under
 * the nodes and the service of its place, and that consensus was told the truth about each entry.
 */
export class Inspector {
  readonly #grounds: InspectionGrounds;
  /** Nodes and service as of the latest entry; null when that has to be read again. */
  #state: AuditState | null = null;

  constructor(grounds: InspectionGrounds) {
    this.#grounds = grounds;
    for (const table of [tables.nodesInfo, tables.nodesEndorsedCertificates, tables.serviceInfo]) {
      grounds.store.onWrite(table, () => {
        this.#state = null;
      });
    }
    grounds.store.onRollback(() => {
      this.#state = null;
    });
  }

  /** Reads the public part of entries that are to follow `after`. Throws for the first that is not sound. */
  inspect(after: number, entries: readonly Entry[]): readonly DecodedEntry[] {
    const history = this.#grounds.history.branch(after + 1);
    let state = this.#stateAt(after);
    return entries.map((entry) => {
      const decoded = decodeEntry(entry.bytes);
      if (decoded.seqno !== entry.seqno || decoded.view !== entry.view) {
        throw unsound(decoded, `stands where ${formatTxId(entry)} was announced`);
      }
      if (AuditState.concerns(decoded.writeSet)) state = this.#carryOn(state, decoded);
      const signs = isSignature(decoded.writeSet);
      if (signs !== entry.committable) throw unsound(decoded, 'is not what the leader says of it');
      if (signs) inspectSignature(decoded, entry.bytes, history, state);
      history.append(decoded.leaf);
      return decoded;
    });
  }

  #stateAt(seqno: number): AuditState {
    const { store, viewAt } = this.#grounds;
    if (seqno === store.version && this.#state) return this.#state;
    const tables = store.at(seqno);
    const state = new AuditState();
    state.load((map) => tables.range(map), viewAt);
    if (seqno === store.version) this.#state = state;
    return state;
  }

  #carryOn(before: AuditState, entry: DecodedEntry): AuditState {
    const state = before.branch();
    state.apply(entry.writeSet, entry.view);
    const { serviceKeyId } = this.#grounds;
    const isOurs = (at: AuditState): boolean =>
      at.serviceCert !== undefined && at.serviceKey.id === serviceKeyId;
    if (isOurs(before) && !isOurs(state)) throw unsound(entry, 'replaces the service by another');
    return state;
  }
}

/**
 * Verifies a signature entry of this service, as of its place: `history` holds what is before it. Throws a `NodeError`,
 * or the `LedgerError` that names the step.
 */
export function inspectSignature(
  entry: DecodedEntry,
  bytes: Uint8Array,
  history: History,
  state: AuditState,
): void {
  if (hasPrivatePart(bytes)) throw unsound(entry, 'is a signature and writes in private');
  const verified = verifySignatureEntry(entry, history, state);
  if (!verified.node) throw unsound(entry, 'is a signature of no node');
}

function unsound(entry: DecodedEntry, what: string): NodeError {
  return new NodeError('ReplicationUnsound', `entry ${formatTxId(entry)} ${what}`);
}
