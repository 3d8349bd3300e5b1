import type { AppWorld, HistoricalState } from '@coco/contracts';
import { tableAccess } from '@coco/governance';
import type { TxId } from '@coco/ledger';
import type { NodeView } from '../endpoints/context.ts';
import type { PastState } from '../historical.ts';
import type { Random } from '../identity.ts';

/** A past state with its receipt in the form that contracts know. */
export function shownToApp({ transactionId, receipt, writeSet }: PastState): HistoricalState {
  const { signature, cert, node_id, leaf, proof, leaf_components } = receipt;
  const common = { signature, cert, node_id, is_signature_transaction: leaf !== undefined };
  const shown = leaf === undefined ? { ...common, proof, leaf_components } : { ...common, root_hex: leaf };
  return { transactionId, receipt: shown, writeSet };
}

/** What contracts may ask of the node beside their transaction. */
export function appWorld(parts: {
  readonly node: NodeView;
  readonly random: Random;
  readonly statusOf: (txId: TxId) => 'Unknown' | 'Pending' | 'Committed' | 'Invalid';
}): AppWorld {
  const { node, random, statusOf } = parts;
  return {
    consensus: {
      lastCommitted: () => node.replica.committed ?? { view: 0, seqno: 0 },
      statusOf,
      viewOf: (seqno) =>
        seqno >= 1 && seqno <= node.replica.store.version ? node.replica.viewAt(seqno) : null,
    },
    historical: {
      stateRange: (handle, start, end, expirySeconds) =>
        node.historical.request(`app ${handle}`, start, end, expirySeconds * 1000)?.map(shownToApp) ?? null,
      drop: (handle) => node.historical.drop(`app ${handle}`),
    },
    indexes: { open: (name) => node.indexer.open(name) },
    random,
    access: tableAccess,
  };
}
