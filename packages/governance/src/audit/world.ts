import type { Engine } from '@coco/contracts';
import { GovernanceError } from '../errors.ts';
import { openService } from '../service-life.ts';
import { EIGHT_ZERO_BYTES, json } from '../tables/codec.ts';
import { type NodeInfo, nodeInfos } from '../tables/nodes.ts';
import { type ServiceInfo, serviceInfo } from '../tables/service.ts';
import type { GovernanceWorld, NodeActions } from '../world.ts';
import type { AuditedEntry } from './auditor.ts';

/** Stands for every secret: what is made of it goes to tables that are not compared. */
const noSecret = new Uint8Array(32);
const nothing = (): void => {};

/**
 * The world a decision was carried out in, as far as the ledger tells: what only the node could make then
 * (certificates, secrets) is taken from what it wrote.
 */
export function replayWorld(engine: Engine, entry: AuditedEntry): GovernanceWorld {
  return {
    engine,
    node: replayNode(entry),
    now: 0,
    random: counting(),
    merkleRoot: () => entry.root,
    statusOf: () => 'Committed',
    lastCommitted: () => ({ view: 1, seqno: Math.max(entry.seqno - 1, 1) }),
    viewOf: () => null,
    log: nothing,
  };
}

function replayNode({ writeSet }: AuditedEntry): NodeActions {
  return {
    triggerLedgerRekey(tx) {
      const { status } = serviceInfo.require(tx);
      if (status !== 'Open')
        throw new GovernanceError('WrongServiceState', `Cannot rekey: service is ${status}`);
    },
    transitionServiceToOpen(tx, previous, next) {
      openService(tx, { previous, next, ledgerSecret: noSecret, random: counting() });
    },
    triggerRecoverySharesRefresh: nothing,
    triggerLedgerChunk: nothing,
    triggerSnapshot: nothing,
    latestLedgerSecretSeqno() {
      for (const value of writeSet.get(nodeInfos.name)?.values() ?? []) {
        const seqno = value === null ? undefined : json<NodeInfo>().decode(value).ledger_secret_seqno;
        if (seqno !== undefined) return seqno;
      }
      return 0;
    },
    endorseNodeCertificate: () => '',
    renewServiceCertificate() {
      const info = writeSet.get(serviceInfo.name)?.get(EIGHT_ZERO_BYTES);
      return typeof info === 'string' ? json<ServiceInfo>().decode(info).cert : '';
    },
    currentLedgerSecret: () => ({ from: 1, raw: noSecret }),
    isReadingPrivateLedger: () => false,
    initiatePrivateRecovery: nothing,
  };
}

/** Bytes that differ from call to call, for what must be drawn but is never compared. */
function counting(): (bytes: number) => Uint8Array {
  let drawn = 0;
  return (bytes) => Uint8Array.from({ length: bytes }, () => (drawn = (drawn * 167 + 13) % 251));
}
