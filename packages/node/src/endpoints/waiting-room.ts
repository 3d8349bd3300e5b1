import type { NodeInfo } from '@coco/governance';
import { type Answer, json, refusal } from '../frontend/answer.ts';
import { parseTarget } from '../frontend/target.ts';
import type { NodeIdentity } from '../identity.ts';
import type { NodeStatus } from './context.ts';

/** What a node can tell before it holds a ledger. */
export interface NodeInWaiting {
  readonly status: NodeStatus;
  readonly identity: NodeIdentity;
  readonly info: Pick<NodeInfo, 'rpc_interfaces' | 'node_data'>;
  readonly startupSeqno: number;
  readonly stopNotice: boolean;
  readonly versions: { readonly product: string; readonly engine: string };
}

/** Answers for a node that reads its ledger or waits to be admitted: who it is and how far; all else comes later. */
export function answerInWaiting(node: NodeInWaiting, method: string, target: string): Answer {
  const { frontend, path } = parseTarget(target);
  const { identity, info, versions } = node;
  if (frontend === 'node' && method === 'GET') {
    switch (path) {
      case '/state':
        return json({
          last_signed_seqno: 0,
          node_id: identity.id,
          startup_seqno: node.startupSeqno,
          state: node.status,
          stop_notice: node.stopNotice,
        });
      case '/network/nodes/self':
        return json({
          last_written: 0,
          node_data: info.node_data ?? null,
          node_id: identity.id,
          primary: false,
          rpc_interfaces: info.rpc_interfaces,
          status: 'Pending',
        });
      case '/self_signed_certificate':
        return json({ self_signed_certificate: identity.selfSignedPem });
      case '/version':
        return json({ ccf_version: versions.product, quickjs_version: versions.engine, unsafe: false });
    }
  }
  const message =
    node.status === 'Pending'
      ? 'The node is not part of the service yet: members have to trust it (transition_node_to_trusted).'
      : 'The node is reading the ledger; try again shortly.';
  return refusal(503, 'FrontendNotOpen', message);
}
