import type { AppWorld } from '@coco/contracts';
import { tableAccess } from '@coco/governance';
import type { TxId } from '@coco/ledger';
import type { NodeView } from '../endpoints/context.ts';
import type { Random } from '../identity.ts';

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
        node.historical.request(`app ${handle}`, start, end, expirySeconds * 1000),
      drop: (handle) => node.historical.drop(`app ${handle}`),
    },
    random,
    access: tableAccess,
  };
}
