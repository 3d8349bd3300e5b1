import type { Engine } from '@coco/contracts';
import { countingBytes, standInNode } from '../stand-in-node.ts';
import { EIGHT_ZERO_BYTES, json } from '../tables/codec.ts';
import { type NodeInfo, nodeInfos } from '../tables/nodes.ts';
import { type ServiceInfo, serviceInfo } from '../tables/service.ts';
import type { GovernanceWorld, NodeActions } from '../world.ts';
import type { AuditedEntry } from './auditor.ts';

/**
 * The world a decision was carried out in, as far as the ledger tells: what only the node could make then
 * (certificates, secrets) is taken from what it wrote.
 */
export function replayWorld(engine: Engine, entry: AuditedEntry): GovernanceWorld {
  return {
    engine,
    node: replayNode(entry),
    undo: { kind: 'recorded', writes: entry.writeSet },
    now: 0,
    random: countingBytes(),
    merkleRoot: () => entry.root,
    statusOf: () => 'Committed',
    lastCommitted: () => ({ view: 1, seqno: Math.max(entry.seqno - 1, 1) }),
    viewOf: () => null,
    log: () => {},
  };
}

function replayNode({ writeSet }: AuditedEntry): NodeActions {
  return standInNode({
    ledgerSecretSeqno: () => {
      for (const value of writeSet.get(nodeInfos.name)?.values() ?? []) {
        const seqno = value === null ? undefined : json<NodeInfo>().decode(value).ledger_secret_seqno;
        if (seqno !== undefined) return seqno;
      }
      return 0;
    },
    nodeCertificate: () => '',
    serviceCertificate: () => {
      const info = writeSet.get(serviceInfo.name)?.get(EIGHT_ZERO_BYTES);
      return typeof info === 'string' ? json<ServiceInfo>().decode(info).cert : '';
    },
  });
}
