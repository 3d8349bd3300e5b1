import { type Endpoint, governanceEndpoints } from '@coco/api';
import { type ApiVersion, versionRefusal } from '../api-version.ts';
import type { Policy } from '../authenticate/authenticate.ts';
import { GovernanceError } from '../errors.ts';
import type { GovResponse } from '../http.ts';
import type { GovContext, GovEndpoint } from '../world.ts';
import { getAttestation } from './attestation.ts';
import { getMember, getNode, getUser, listMembers, listNodes, listUsers } from './participants.ts';
import { previewProposal } from './preview.ts';
import {
  createProposal,
  getActions,
  getBallot,
  getProposal,
  listProposals,
  submitBallot,
  withdrawProposal,
} from './proposals.ts';
import { getEncryptedShare, submitRecoveryShare } from './recovery.ts';
import {
  getApplication,
  getCommit,
  getConstitution,
  getJoinPolicy,
  getJwk,
  getModule,
  getServiceInfo,
  getTransaction,
  listModules,
} from './service.ts';
import { ackStateDigest, getStateDigest, updateStateDigest } from './state-digests.ts';

import { previewUndo } from './undo.ts';

type Handle = (context: GovContext) => GovResponse;

const proposals = '/gov/members/proposals';
const digests = '/gov/members/state-digests/{memberId}';
const service = '/gov/service';

/** Who answers each row of the governance interface. */
const handlers: Readonly<Record<string, Handle>> = {
  [`POST ${proposals}:create`]: createProposal,
  [`POST ${proposals}:preview`]: previewProposal,
  [`GET ${proposals}`]: listProposals,
  [`GET ${proposals}/{proposalId}`]: getProposal,
  [`GET ${proposals}/{proposalId}/actions`]: getActions,
  [`POST ${proposals}/{proposalId}:withdraw`]: withdrawProposal,
  [`POST ${proposals}/{proposalId}/ballots/{memberId}:submit`]: submitBallot,
  [`GET ${proposals}/{proposalId}/ballots/{memberId}`]: getBallot,

  [`GET ${digests}`]: getStateDigest,
  [`POST ${digests}:update`]: updateStateDigest,
  [`POST ${digests}:ack`]: ackStateDigest,

  'GET /gov/recovery/encrypted-shares/{memberId}': getEncryptedShare,
  'POST /gov/recovery/members/{memberId}:recover': submitRecoveryShare,

  [`GET ${service}/constitution`]: getConstitution,
  [`GET ${service}/info`]: getServiceInfo,
  [`GET ${service}/javascript-app`]: getApplication,
  [`GET ${service}/javascript-modules`]: listModules,
  [`GET ${service}/javascript-modules/{moduleName}`]: getModule,
  [`GET ${service}/join-policy`]: getJoinPolicy,
  [`GET ${service}/attestation`]: getAttestation,
  [`GET ${service}/jwk`]: getJwk,
  [`GET ${service}/members`]: listMembers,
  [`GET ${service}/members/{memberId}`]: getMember,
  [`GET ${service}/users`]: listUsers,
  [`GET ${service}/users/{userId}`]: getUser,
  [`GET ${service}/nodes`]: listNodes,
  [`GET ${service}/nodes/{nodeId}`]: getNode,
  [`POST ${service}/undo:preview`]: previewUndo,
  [`GET ${service}/transactions/commit`]: getCommit,
  [`GET ${service}/transactions/{transactionId}`]: getTransaction,
};

/** What the older version of the interface does not have yet. */
const sinceLatest = `${service}/javascript-`;

/** The governance interface: every row the interface declares, with who answers it. */
export const govEndpoints: readonly GovEndpoint[] = governanceEndpoints.map((row): GovEndpoint => {
  const { method, path, summary } = row;
  const handle = handlers[`${method} ${path}`];
  if (handle === undefined || (method !== 'GET' && method !== 'POST')) {
    throw new GovernanceError('UnknownPolicy', `Nobody answers ${method} ${path}.`);
  }
  const since: ApiVersion = path.startsWith(sinceLatest) ? '2024-07-01' : '2023-06-01-preview';
  return {
    method,
    path,
    auth: policiesOf(row),
    mode: row.forwarding === 'always' ? 'readwrite' : 'readonly',
    summary,
    handle: (context) => versionRefusal(context.request, since) ?? handle(context),
  };
});

/** Reads are open to everybody, because the state of governance is public; writes are signed by a member. */
function policiesOf({ auth, request }: Endpoint): Policy[] {
  return auth.map((policy) => {
    if (policy !== 'active_member_cose_sign1' && policy !== 'member_cose_sign1') return policy;
    if (request?.messageType === undefined)
      throw new GovernanceError('UnknownPolicy', `${policy} needs a type.`);
    return { policy, type: request.messageType };
  });
}
