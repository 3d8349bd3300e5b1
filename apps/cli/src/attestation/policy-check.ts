import type { AttestationOut } from '@coco/api';
import type { Claims, Roots } from '@coco/attestation';
import { get, type Session, versioned } from '@coco/client';
import {
  type NodeInfo,
  type NodePolicy,
  type NodeReview,
  nodeActivations,
  nodeInfos,
  nodePolicies,
  nodeStandings,
  recordReview,
  reviewNodes,
  snpHostData,
  snpMeasurements,
  snpTcbVersions,
  snpUvmEndorsements,
  type TcbVersion,
  type UvmEndorsements,
  virtualHostData,
  virtualMeasurements,
} from '@coco/governance';
import { Store, type Tx } from '@coco/kv';

/** `GET /gov/service/join-policy`: CCF's tables. */
interface JoinPolicy {
  readonly virtual: { readonly measurements: readonly string[]; readonly hostData: readonly string[] };
  readonly snp: {
    readonly measurements: readonly string[];
    readonly hostData: Readonly<Record<string, string>>;
    readonly uvmEndorsements: Readonly<Record<string, UvmEndorsements>>;
    readonly tcbVersions: Readonly<Record<string, TcbVersion>>;
  };
}

/** How a node stands now, and how it would under the proposed policy. */
export interface NodeForecast {
  readonly id: string;
  readonly current: NodeReview;
  readonly proposed: NodeReview;
}

/** What the service publishes about its nodes and their policy. */
export interface PublishedPlatforms {
  readonly joinPolicy: JoinPolicy;
  readonly attestation: AttestationOut;
}

/** Fetches what the members' policy is, and the evidence of the nodes that are in. */
export async function publishedPlatforms(session: Session): Promise<PublishedPlatforms> {
  return {
    joinPolicy: await get<JoinPolicy>(session, versioned('/gov/service/join-policy')),
    attestation: await get<AttestationOut>(session, versioned('/gov/service/attestation')),
  };
}

/**
 * Says which nodes a policy would refuse. The evidence is verified here, by the code that nodes use: the service
 * is believed about its tables, and not about what its nodes' hardware said.
 */
export function forecast(
  published: PublishedPlatforms,
  proposed: NodePolicy,
  options: { readonly now: number; readonly roots: Roots },
): readonly NodeForecast[] {
  const tx = new Store().begin();
  restoreTables(tx, published);
  const current = reviewNodes(tx, options);
  recordReview(tx, current);
  nodePolicies.set(tx, proposed);
  const reviews = new Map(reviewNodes(tx, options).map((review) => [review.id, review]));
  return current.flatMap((review) => {
    const after = reviews.get(review.id);
    return after === undefined ? [] : [{ id: review.id, current: review, proposed: after }];
  });
}

function restoreTables(tx: Tx, { joinPolicy, attestation }: PublishedPlatforms): void {
  const { virtual, snp } = joinPolicy;
  for (const measurement of virtual.measurements) virtualMeasurements.set(tx, measurement, 'AllowedToJoin');
  for (const hostData of virtual.hostData) virtualHostData.add(tx, hostData);
  for (const measurement of snp.measurements) snpMeasurements.set(tx, measurement, 'AllowedToJoin');
  for (const [hostData, policy] of Object.entries(snp.hostData)) snpHostData.set(tx, hostData, policy);
  for (const [did, feeds] of Object.entries(snp.uvmEndorsements)) snpUvmEndorsements.set(tx, did, feeds);
  for (const [cpuid, tcb] of Object.entries(snp.tcbVersions)) snpTcbVersions.set(tx, cpuid, tcb);
  const policy = attestation.policy as NodePolicy;
  if (Object.keys(policy).length > 0) nodePolicies.set(tx, policy);
  for (const node of attestation.nodes) restoreNode(tx, node);
}

function restoreNode(tx: Tx, node: AttestationOut['nodes'][number]): void {
  const { nodeId: id, quote, claims, role, verified, nonce: root, activation } = node;
  const evidence = quote as NodeInfo['quote_info'];
  const info: NodeInfo = {
    node_to_node_interface: { bind_address: '' },
    rpc_interfaces: {},
    quote_info: evidence,
    encryption_pub_key: '',
    status: 'Trusted',
  };
  nodeInfos.set(tx, id, info);
  if (activation !== undefined) nodeActivations.set(tx, id, activation);
  if (role === undefined || verified === undefined) return;
  // Only until the review below: it puts what it verified in their place.
  const stated = claims as Claims;
  const renewal = root === undefined ? {} : { renewal: { evidence, seqno: 0, root } };
  nodeStandings.set(tx, id, { claims: stated, role, verified, ...renewal });
}
