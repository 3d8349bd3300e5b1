import type { AttestationOut } from '@coco/api';
import { nodePolicy } from '../attestation/node-policy.ts';
import { endOfStanding, nodeCounts, roleNow } from '../attestation/review.ts';
import { type GovResponse, json } from '../http.ts';
import { nodeActivations, nodeInfos, nodeStandings } from '../tables/nodes.ts';
import type { GovContext } from '../world.ts';

/** `GET /gov/service/attestation`: as recorded; whoever doubts verifies the evidence it gives. */
export function getAttestation(context: GovContext): GovResponse {
  const { tx } = context;
  const trusted = [...nodeInfos.entries(tx)].filter(([, { status }]) => status === 'Trusted');
  const nodes = trusted.map(([id, info]) => nodeOut(context, id, info.quote_info));
  const out: AttestationOut = { policy: nodePolicy(tx), nodes };
  return json(out);
}

type NodeOut = AttestationOut['nodes'][number];

function nodeOut({ tx, world }: GovContext, id: string, recorded: NodeOut['quote']): NodeOut {
  const standing = nodeStandings.get(tx, id);
  const until = endOfStanding(nodePolicy(tx), standing);
  const counts = nodeCounts(tx, id, world.now);
  if (standing === undefined) return { nodeId: id, quote: recorded, counts };
  const { claims, role, member, verified, renewal, refused } = standing;
  const current = roleNow(tx, id, world.now);
  const activation = nodeActivations.get(tx, id);
  return {
    nodeId: id,
    quote: renewal?.evidence ?? recorded,
    counts,
    role: current,
    ...(current === role ? {} : { loweredTo: role }),
    verified,
    claims,
    ...(renewal === undefined ? {} : { nonce: renewal.root }),
    ...(until === null ? {} : { until }),
    ...(member === undefined ? {} : { memberId: member }),
    ...(claims.platformId === null ? {} : { platformId: claims.platformId }),
    ...(activation === undefined ? {} : { activation }),
    ...(refused === undefined ? {} : { refusal: { code: refused.refusal, message: refused.message } }),
  };
}
