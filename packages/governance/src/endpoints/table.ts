import { type ApiVersion, versionRefusal } from '../api-version.ts';
import type { GovMessageType } from '../authenticate/caller.ts';
import type { GovResponse } from '../http.ts';
import type { GovContext, GovEndpoint } from '../world.ts';
import { getMember, getNode, getUser, listMembers, listNodes, listUsers } from './participants.ts';
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

type Handle = (context: GovContext) => GovResponse;

/** A read that anybody may make: the state of governance is public. */
function read(
  path: string,
  summary: string,
  handle: Handle,
  since: ApiVersion = '2023-06-01-preview',
): GovEndpoint {
  return { method: 'GET', path, auth: [], mode: 'readonly', summary, handle: versioned(handle, since) };
}

/** A write that an active member signed. */
function signed(path: string, type: GovMessageType, summary: string, handle: Handle): GovEndpoint {
  return signedBy('active_member_cose_sign1', path, type, summary, handle);
}

function signedBy(
  policy: 'active_member_cose_sign1' | 'member_cose_sign1',
  path: string,
  type: GovMessageType,
  summary: string,
  handle: Handle,
): GovEndpoint {
  return {
    method: 'POST',
    path,
    auth: [{ policy, type }],
    mode: 'readwrite',
    summary,
    handle: versioned(handle, '2023-06-01-preview'),
  };
}

function versioned(handle: Handle, since: ApiVersion): Handle {
  return (context) => versionRefusal(context.request, since) ?? handle(context);
}

const proposals = '/gov/members/proposals';
const digests = '/gov/members/state-digests/{memberId}';
const service = '/gov/service';

/** The governance interface, row by row. */
export const govEndpoints: readonly GovEndpoint[] = [
  signed(`${proposals}:create`, 'proposal', 'Propose actions', createProposal),
  read(proposals, 'List the proposals', listProposals),
  read(`${proposals}/{proposalId}`, 'See how a proposal stands', getProposal),
  read(`${proposals}/{proposalId}/actions`, 'Read a proposal as it was signed', getActions),
  signed(
    `${proposals}/{proposalId}:withdraw`,
    'withdrawal',
    'Withdraw a proposal of one’s own',
    withdrawProposal,
  ),
  signed(`${proposals}/{proposalId}/ballots/{memberId}:submit`, 'ballot', 'Vote on a proposal', submitBallot),
  read(`${proposals}/{proposalId}/ballots/{memberId}`, 'Read a ballot', getBallot),

  read(digests, 'See the digest a member is to acknowledge', getStateDigest),
  signedBy(
    'member_cose_sign1',
    `${digests}:update`,
    'state_digest',
    'Ask for the latest digest',
    updateStateDigest,
  ),
  signedBy(
    'member_cose_sign1',
    `${digests}:ack`,
    'ack',
    'Acknowledge the state and become active',
    ackStateDigest,
  ),

  read('/gov/recovery/encrypted-shares/{memberId}', 'Fetch a recovery share', getEncryptedShare),
  signed(
    '/gov/recovery/members/{memberId}:recover',
    'recovery_share',
    'Submit a recovery share',
    submitRecoveryShare,
  ),

  read(`${service}/constitution`, 'Read the constitution', getConstitution),
  read(`${service}/info`, 'See the service and its configuration', getServiceInfo),
  read(`${service}/javascript-app`, 'See the endpoints of the application', getApplication, '2024-07-01'),
  read(`${service}/javascript-modules`, 'List the modules of the application', listModules, '2024-07-01'),
  read(
    `${service}/javascript-modules/{moduleName}`,
    'Read a module of the application',
    getModule,
    '2024-07-01',
  ),
  read(`${service}/join-policy`, 'See which nodes may join', getJoinPolicy),
  read(`${service}/jwk`, 'See the issuers of tokens and their keys', getJwk),
  read(`${service}/members`, 'List the members', listMembers),
  read(`${service}/members/{memberId}`, 'See a member', getMember),
  read(`${service}/users`, 'List the users', listUsers),
  read(`${service}/users/{userId}`, 'See a user', getUser),
  read(`${service}/nodes`, 'List the nodes', listNodes),
  read(`${service}/nodes/{nodeId}`, 'See a node', getNode),
  read(`${service}/transactions/commit`, 'See the latest committed transaction', getCommit),
  read(`${service}/transactions/{transactionId}`, 'See how a transaction stands', getTransaction),
];
