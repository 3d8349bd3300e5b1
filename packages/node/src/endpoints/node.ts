import { header } from '@coco/api';
import { fromBase64, toHex } from '@coco/crypto';
import {
  membershipOf,
  modules,
  type NodeInfo,
  nodeEndorsedCertificates,
  nodeInfos,
  previousServiceIdentity,
  type QuoteInfo,
  roleNow,
  runtimeOptions,
  serviceConfiguration,
  serviceInfo,
} from '@coco/governance';
import { type Answer, empty, json, refusal, withHeader } from '../frontend/answer.ts';
import { addressOfNode, primaryNotFound } from '../frontend/elsewhere.ts';
import type { BuiltinContext, Handler, NodeView } from './context.ts';

const notFound = (message: string): Answer => refusal(404, 'ResourceNotFound', message);

/** As in CCF, where every trusted node votes; one that does not says so, and what its platform suffices for. */
function nodeOut({ node, tx }: BuiltinContext, id: string, info: NodeInfo): Record<string, unknown> {
  const votes = info.status !== 'Trusted' || membershipOf(tx).voters.includes(id);
  return {
    last_written: tx.versionOf(nodeInfos.name, id) ?? 0,
    node_data: info.node_data ?? null,
    node_id: id,
    primary: node.replica.primary === id,
    rpc_interfaces: info.rpc_interfaces,
    status: info.status,
    ...(votes ? {} : { votes, role: roleNow(tx, id, node.now) }),
  };
}

function nodeAnswer(context: BuiltinContext, id: string): Answer {
  const info = nodeInfos.get(context.tx, id);
  return info ? json(nodeOut(context, id, info)) : notFound('Node not found');
}

function quoteOut(id: string, quote: QuoteInfo): Record<string, unknown> {
  return {
    endorsements: quote.endorsements,
    format: quote.format,
    ...measurementOf(quote),
    node_id: id,
    raw: quote.quote,
    ...(quote.uvm_endorsements === undefined ? {} : { uvm_endorsements: quote.uvm_endorsements }),
  };
}

/** Virtual evidence says its measurement in clear; it is shown as hex, like all others. */
function measurementOf(quote: QuoteInfo): { measurement?: string } {
  if (quote.format !== 'Insecure_Virtual') return {};
  const evidence = JSON.parse(new TextDecoder().decode(fromBase64(quote.quote))) as { measurement?: string };
  return { measurement: toHex(new TextEncoder().encode(evidence.measurement ?? '')) };
}

function quotesOf(context: BuiltinContext): Record<string, unknown>[] {
  return [...nodeInfos.entries(context.tx)]
    .filter(([, info]) => info.status === 'Trusted')
    .map(([id, info]) => quoteOut(id, info.quote_info));
}

const ownQuote: Handler = (context) => {
  const { id } = context.node.identity;
  const info = nodeInfos.get(context.tx, id);
  return info ? json(quoteOut(id, info.quote_info)) : notFound('Could not find node quote.');
};

const getState: Handler = ({ node, tx }) => {
  tx.has(nodeInfos.name, node.identity.id);
  const { recovery } = node;
  return json({
    last_signed_seqno: node.replica.lastSigned,
    ...(recovery ? { last_recovered_seqno: recovery.done } : {}),
    node_id: node.identity.id,
    ...(recovery ? { recovery_target_seqno: recovery.target } : {}),
    startup_seqno: node.startupSeqno,
    state: node.status,
    stop_notice: node.stopNotice,
  });
};

const getNetwork: Handler = ({ node, tx }) => {
  const info = serviceInfo.get(tx);
  if (!info) return notFound('Service state not available.');
  return json({
    current_service_create_txid: info.current_service_create_txid ?? null,
    current_view: node.replica.raft.view,
    primary_id: node.replica.primary,
    recovery_count: info.recovery_count ?? 0,
    service_certificate: info.cert,
    service_data: info.service_data ?? null,
    service_status: info.status,
  });
};

const statuses = ['Pending', 'Trusted', 'Retired'];

const getNodes: Handler = (context) => {
  const { query, tx } = context;
  const status = query.get('status');
  if (status !== null && !statuses.includes(status)) {
    return refusal(
      400,
      'InvalidQueryParameterValue',
      `Query parameter '${status.slice(0, 64)}' is not a valid node status`,
    );
  }
  const host = query.get('host');
  const port = query.get('port');
  const matches = (info: NodeInfo): boolean =>
    Object.values(info.rpc_interfaces).some((rpc) => {
      const address = rpc.published_address ?? rpc.bind_address;
      const colon = address.lastIndexOf(':');
      return (
        (host ?? address.slice(0, colon)) === address.slice(0, colon) &&
        (port ?? address.slice(colon + 1)) === address.slice(colon + 1)
      );
    });
  const nodes = [...nodeInfos.entries(tx)]
    .filter(([, info]) => (status === null || info.status === status) && matches(info))
    .map(([id, info]) => nodeOut(context, id, info));
  return json({ nodes });
};

const getRemovable: Handler = (context) => {
  const nodes = [...nodeInfos.entries(context.tx)]
    .filter(([, info]) => info.status === 'Retired' && info.retired_committed === true)
    .map(([id, info]) => nodeOut(context, id, info));
  return json({ nodes });
};

const deleteNode: Handler = ({ params, tx }) => {
  const id = params.node_id ?? '';
  const info = nodeInfos.get(tx, id);
  if (!info) return notFound('No such node');
  if (info.status !== 'Retired' || info.retired_committed !== true) {
    return refusal(400, 'NodeNotRetiredCommitted', 'Node is not completely retired');
  }
  nodeInfos.delete(tx, id);
  nodeEndorsedCertificates.delete(tx, id);
  return json(true);
};

const getPrimaryNode: Handler = (context) => {
  const { primary } = context.node.replica;
  return primary === null ? refusal(500, 'InternalError', 'Primary unknown') : nodeAnswer(context, primary);
};

const getPrimary: Handler = ({ node }) =>
  node.replica.isPrimary ? empty(200) : notFound('Node is not primary');

const headPrimary: Handler = (context) => {
  const { node, tx } = context;
  if (node.replica.isPrimary) return empty(200);
  const { primary } = node.replica;
  const address = addressOfNode(tx, primary, context.session.interface);
  if (address === undefined) return primaryNotFound();
  return withHeader(empty(308), header.location, `https://${address}/node/primary`);
};

const getBackup: Handler = ({ node }) =>
  node.replica.isPrimary ? notFound('Node is not a backup') : empty(200);

function addressOf(info: NodeInfo | undefined): { address: string } {
  const at = info?.node_to_node_interface;
  return { address: at?.published_address ?? at?.bind_address ?? '' };
}

const getConfig: Handler = ({ node, tx }) => {
  const [current] = node.replica.raft.status().configurations;
  return json(
    Object.fromEntries((current?.voters ?? []).map((id) => [id, addressOf(nodeInfos.get(tx, id))])),
  );
};

const getConsensus: Handler = ({ node }) => {
  const status = node.replica.raft.status();
  const state = node.replica.store.begin();
  const acks = Object.fromEntries(
    [...status.peers].map(([id, peer]) => [id, { last_received_ms: peer.silentTicks, seqno: peer.seqno }]),
  );
  const configs = status.configurations.map((configuration) => ({
    idx: configuration.seqno,
    nodes: Object.fromEntries(configuration.voters.map((id) => [id, addressOf(nodeInfos.get(state, id))])),
    rid: configuration.seqno,
  }));
  const details = {
    acks,
    configs,
    current_view: status.view,
    leadership_state: status.role,
    learners: Object.fromEntries((status.configurations.at(-1)?.learners ?? []).map((id) => [id, {}])),
    membership_state: status.membership,
    primary_id: status.leader,
    reconfiguration_type: 'OneTransaction',
    ...(status.retirementPhase ? { retirement_phase: status.retirementPhase } : {}),
    ticking: status.ticking,
  };
  return json({ details });
};

const getVersion: Handler = ({ node }) =>
  json({ ccf_version: node.versions.product, quickjs_version: node.versions.engine, unsafe: false });

const getMemory: Handler = ({ node }) => {
  const memory = node.hostFacts?.memory ?? { limit: 0, used: 0, peak: 0 };
  return json({
    current_allocated_heap_size: memory.used,
    max_total_heap_size: memory.limit,
    peak_allocated_heap_size: memory.peak,
  });
};

const getMetrics: Handler = ({ node }) =>
  json({ sessions: node.hostFacts?.sessions ?? { active: 0, interfaces: {}, peak: 0 } });

const getJsMetrics: Handler = ({ tx }) => {
  const options = runtimeOptions.get(tx);
  let size = 0;
  for (const [, source] of modules.entries(tx)) size += source.length;
  return json({
    // There is no bytecode here; what is kept compiled are the modules themselves.
    bytecode_size: size,
    bytecode_used: size > 0,
    max_cached_interpreters: options?.max_cached_interpreters ?? 10,
    max_execution_time: options?.max_execution_time_ms ?? 5000,
    max_heap_size: options?.max_heap_bytes ?? 100 * 1024 * 1024,
    max_stack_size: options?.max_stack_bytes ?? 1024 * 1024,
  });
};

const getPreviousIdentity: Handler = ({ tx }) => {
  const previous = previousServiceIdentity.get(tx);
  if (previous === undefined) return notFound('This service is not a recovery of a previous service.');
  return json({ previous_service_identity: previous });
};

const getServiceConfiguration: Handler = ({ tx }) => {
  const configuration = serviceConfiguration.get(tx);
  return configuration ? json(configuration) : notFound('Service state not available.');
};

/** Whether a part of the service takes requests. */
export function isOpen(node: NodeView, frontend: 'app' | 'gov'): boolean {
  const status = node.serviceStatus;
  if (node.isRetired) return false;
  if (frontend === 'gov') return status !== undefined;
  return status === 'Open' && node.status === 'PartOfNetwork';
}

const ready =
  (frontend: 'app' | 'gov'): Handler =>
  ({ node }) =>
    isOpen(node, frontend) ? empty(204) : refusal(503, 'FrontendNotOpen', 'Frontend is not open.');

const getContractLog: Handler = ({ node, query, session, request }) => {
  const refused = node.contractLog.refuse({ session, request }, node.now);
  if (refused) return refused;
  const after = query.get('after') ?? '0';
  if (!/^[0-9]{1,15}$/.test(after))
    return refusal(400, 'InvalidQueryParameterValue', `Query parameter 'after' is not a number`);
  return json({ calls: node.contractLog.after(Number(after)) });
};

/** Handlers of `/node`, by method and path as in the endpoint table. */
export const nodeHandlers: Readonly<Record<string, Handler>> = {
  'GET /node/state': getState,
  'GET /node/version': getVersion,
  'GET /node/self_signed_certificate': ({ node }) =>
    json({ self_signed_certificate: node.identity.selfSignedPem }),
  'GET /node/quotes/self': ownQuote,
  'GET /node/attestations/self': ownQuote,
  'GET /node/quotes': (context) => json({ quotes: quotesOf(context) }),
  'GET /node/attestations': (context) => json({ attestations: quotesOf(context) }),
  'GET /node/network': getNetwork,
  'GET /node/network/nodes': getNodes,
  'GET /node/network/nodes/self': (context) => nodeAnswer(context, context.node.identity.id),
  'GET /node/network/nodes/primary': getPrimaryNode,
  'GET /node/network/nodes/{node_id}': (context) => nodeAnswer(context, context.params.node_id ?? ''),
  'DELETE /node/network/nodes/{node_id}': deleteNode,
  'GET /node/network/removable_nodes': getRemovable,
  'GET /node/primary': getPrimary,
  'HEAD /node/primary': headPrimary,
  'GET /node/backup': getBackup,
  'GET /node/config': getConfig,
  'GET /node/consensus': getConsensus,
  'GET /node/ready/app': ready('app'),
  'GET /node/ready/gov': ready('gov'),
  'GET /node/service/previous_identity': getPreviousIdentity,
  'GET /node/service/configuration': getServiceConfiguration,
  'GET /node/memory': getMemory,
  'GET /node/metrics': getMetrics,
  'GET /node/js_metrics': getJsMetrics,
  'GET /node/jwt_keys/refresh/metrics': () => json({ attempts: 0, failures: 0, successes: 0 }),
  'GET /node/contract/log': getContractLog,
  'GET /node/index/strategies': ({ node }) => json(node.indexer.status()),
  'POST /node/join': (context) => context.node.joinDoor.answer(context),
  'POST /node/create': () => refusal(403, 'InternalError', 'Node is not in initial state.'),
};
