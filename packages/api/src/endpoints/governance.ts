import type { GovMessageType, Method } from '../endpoint.ts';
import { type Answer, type Endpoint, type EndpointRow, empty, endpoint, json, raw } from '../endpoint.ts';
import type { ErrorCode } from '../errors.ts';
import {
  anything,
  array,
  base64,
  count,
  dictionary,
  flag,
  hex32,
  type Infer,
  nullable,
  object,
  oneOf,
  pem,
  type Schema,
  text,
  transactionId,
} from '../schema.ts';
import { serviceStatus } from './node.ts';
import { transactionStatus } from './transactions.ts';
import { undoPreviewIn, undoPreviewOut } from './undo.ts';

/** The versions of the governance interface, newest last. */
export const apiVersions = ['2023-06-01-preview', '2024-07-01'] as const;
/** The version that clients of this project speak. */
export const apiVersion = '2024-07-01';

const failure = object({ reason: text() }, { trace: text() }, 'Failure');

/** A proposal and how it stands. */
export const proposalOut = object(
  {
    proposalId: hex32,
    proposerId: hex32,
    proposalState: oneOf('Open', 'Accepted', 'Withdrawn', 'Rejected', 'Failed', 'Dropped'),
    ballotCount: count(),
  },
  { finalVotes: dictionary(flag), voteFailures: dictionary(failure), failure },
  'Proposal',
);
/** A proposal and how it stands. */
export type ProposalOut = Infer<typeof proposalOut>;

/** What a proposal asks for: the payload of `proposals:create`. */
export const proposalIn = object(
  { actions: array(object({ name: text() }, { args: anything }, 'Action')) },
  {},
  'Actions',
);
/** What a proposal asks for. */
export type ProposalIn = Infer<typeof proposalIn>;

/** What is asked of `POST /gov/members/proposals:preview`: a proposal of one's own, or one that is open. */
export const previewIn = object(
  {},
  {
    proposalId: hex32,
    actions: array(object({ name: text() }, { args: anything }, 'Action')),
    ballots: dictionary(text('A module that exports vote(proposal, proposerId), by member id')),
  },
  'PreviewRequest',
);
/** A proposal, open or yet to be made, with ballots that might be cast. */
export type PreviewIn = Infer<typeof previewIn>;

const changeOut = object(
  { table: text(), before: nullable(text()), after: nullable(text()) },
  { key: text() },
  'Change',
);

/** What a proposal would come to. */
export const previewOut = object(
  { valid: flag, log: array(text()) },
  {
    description: text(),
    state: oneOf('Open', 'Accepted', 'Rejected'),
    votes: dictionary(flag),
    voteFailures: dictionary(failure),
    failure,
    changes: array(changeOut),
    effects: array(text()),
  },
  'Preview',
);
/** What a proposal would come to, with the ballots given, and what it would change once accepted. */
export type PreviewOut = Infer<typeof previewOut>;
/** One value that a proposal would write; null where there is none. */
export type ChangeOut = Infer<typeof changeOut>;

/** `GET /gov/service/info`. */
export const serviceInfoOut = object(
  {
    status: serviceStatus,
    certificate: pem,
    recoveryCount: count(),
    serviceData: anything,
    configuration: object({
      recoveryThreshold: count(),
      maximumNodeCertificateValidityDays: count(),
      maximumServiceCertificateValidityDays: count(),
      recentCoseProposalsWindowSize: count(),
    }),
  },
  { creationTransactionId: transactionId, previousServiceCreationTransactionId: transactionId },
  'ServiceInfo',
);
/** The service as governance sees it. */
export type ServiceInfoOut = Infer<typeof serviceInfoOut>;

/** A member of the consortium. */
export const memberOut = object(
  {
    memberId: hex32,
    status: oneOf('Accepted', 'Active'),
    memberData: anything,
    certificate: pem,
    recoveryRole: oneOf('NonParticipant', 'Participant', 'Owner'),
  },
  { publicEncryptionKey: pem },
  'Member',
);
/** A member of the consortium. */
export type MemberOut = Infer<typeof memberOut>;

/** A user of the application. */
export const userOut = object({ userId: hex32, certificate: pem, userData: anything }, {}, 'User');
/** A user of the application. */
export type UserOut = Infer<typeof userOut>;

/** A node as governance sees it. */
export const governedNodeOut = object(
  {
    nodeId: hex32,
    status: oneOf('Pending', 'Trusted', 'Retired'),
    nodeData: anything,
    retiredCommitted: flag,
    quoteInfo: object(
      { format: text('What the platform attests itself with; the other fields depend on it') },
      {
        rawQuote: base64,
        details: object({}, { measurement: text(), reportData: text(), hostData: text() }),
        quote: base64,
        endorsements: base64,
        uvmEndorsements: base64,
        endorsedTcb: text(),
      },
    ),
    rpcInterfaces: dictionary(object({ publishedAddress: text() }, { protocol: text() })),
  },
  { certificate: pem },
  'GovernedNode',
);

const contractEndpoint = object(
  {
    jsModule: text(),
    jsFunction: text(),
    forwardingRequired: oneOf('sometimes', 'always', 'never'),
    authnPolicies: array(anything),
    mode: oneOf('readwrite', 'readonly', 'historical'),
  },
  { redirectionStrategy: oneOf('none', 'to_primary', 'to_backup'), openApi: anything },
  'ContractEndpoint',
);
const contractOut = object({ endpoints: dictionary(dictionary(contractEndpoint)) }, {}, 'Contract');

const joinPolicyOut = object(
  {
    sgx: object({ measurements: array(text()) }),
    virtual: object({ measurements: array(text()), hostData: array(text()) }),
    snp: object({
      measurements: array(text()),
      hostData: dictionary(text()),
      uvmEndorsements: dictionary(dictionary(object({ svn: anything }))),
      tcbVersions: dictionary(anything),
    }),
  },
  {},
  'JoinPolicy',
);
/** Which nodes may join, as of the tables that CCF has for it. */
export type JoinPolicyOut = Infer<typeof joinPolicyOut>;

/** A node's platform: the evidence it last gave, when that was verified, and how the node stands. */
const nodeAttestationOut = object(
  {
    nodeId: hex32,
    quote: object(
      { format: text(), quote: base64, endorsements: text() },
      { uvm_endorsements: text(), endorsed_tcb: text() },
    ),
    counts: flag,
  },
  {
    role: oneOf('vote', 'secrets', 'verify'),
    loweredTo: oneOf('vote', 'secrets', 'verify'),
    verified: count(),
    claims: anything,
    nonce: hex32,
    until: count(),
    memberId: hex32,
    platformId: text(),
    refusal: object({ code: text(), message: text() }),
    activation: object({ certificates: text('PEM'), endorsement_key: hex32, attestation_key: text() }),
  },
  'NodeAttestation',
);

/** `GET /gov/service/attestation`: what the consortium asks of platforms, and how its nodes stand. */
export const attestationOut = object(
  { policy: anything, nodes: array(nodeAttestationOut) },
  {},
  'Attestation',
);
/** What the consortium asks of platforms, and how its nodes stand. */
export type AttestationOut = Infer<typeof attestationOut>;

const jwkOut = object(
  {
    issuers: dictionary(object({ autoRefresh: flag }, { caCertBundleName: text() })),
    keys: dictionary(array(object({ publicKey: pem, issuer: text() }, { constraint: text() }))),
    caCertBundles: dictionary(pem),
  },
  {},
  'JwtIssuers',
);

/** `POST /gov/recovery/members/{memberId}:recover`. */
export const recoveryOut = object(
  { message: text(), submittedCount: count(), recoveryThreshold: count(), fullKeySubmitted: flag },
  {},
  'Recovery',
);
/** How far the submission of recovery shares is. */
export type RecoveryOut = Infer<typeof recoveryOut>;

/** `GET /gov/members/state-digests/{memberId}`. */
export const stateDigestOut = object({ memberId: hex32, stateDigest: hex32 }, {}, 'StateDigest');
/** The digest that a member is asked to acknowledge. */
export type StateDigestOut = Infer<typeof stateDigestOut>;

/** `GET /gov/recovery/encrypted-shares/{memberId}`. */
export const encryptedShareOut = object({ memberId: hex32, encryptedShare: base64 }, {}, 'EncryptedShare');
/** A member's recovery share, encrypted to its key. */
export type EncryptedShareOut = Infer<typeof encryptedShareOut>;

const versioned = { 'api-version': { type: 'string', enum: apiVersions } };

type GovernedRow = Omit<EndpointRow, 'forwarding' | 'requiredQuery'> &
  Partial<Pick<EndpointRow, 'forwarding'>>;

function governed(method: Method, path: string, row: GovernedRow) {
  return endpoint(method, path, {
    forwarding: method === 'GET' ? 'sometimes' : 'always',
    ...row,
    requiredQuery: versioned,
    errors: ['MissingApiVersionParameter', 'UnsupportedApiVersionValue', ...(row.errors ?? [])],
  });
}

interface Signed {
  readonly messageType: GovMessageType;
  readonly payload?: Schema;
  readonly answers: readonly [Answer, ...Answer[]];
  readonly errors: readonly ErrorCode[];
  /** Members that have not acknowledged the state yet may sign as well. */
  readonly anyMember?: boolean;
}

function signed(path: string, summary: string, row: Signed): Endpoint {
  return governed('POST', path, {
    summary,
    auth: [row.anyMember === true ? 'member_cose_sign1' : 'active_member_cose_sign1'],
    request: {
      contentType: 'application/cose',
      messageType: row.messageType,
      ...(row.payload === undefined ? {} : { schema: row.payload }),
    },
    answers: row.answers,
    errors: row.errors,
  });
}

/** A question of a member, signed or over a connection with its certificate. */
function askedByMember(schema: Schema): Pick<EndpointRow, 'auth' | 'request'> {
  return {
    // In this order: a signed body over a connection with a certificate is the signer's.
    auth: ['member_cose_sign1', 'member_cert'],
    request: {
      contentType: 'application/cose',
      unsigned: 'application/json',
      messageType: 'preview',
      schema,
    },
  };
}

function list(items: Schema, title: string): Answer {
  return json(object({ value: array(items) }, {}, title));
}

const proposal = '/gov/members/proposals/{proposalId}';
const proposalEndpoints: readonly Endpoint[] = [
  signed('/gov/members/proposals:create', 'Propose actions', {
    messageType: 'proposal',
    payload: proposalIn,
    answers: [json(proposalOut)],
    errors: [
      'ProposalFailedToValidate',
      'ProposalReplay',
      'ProposalCreatedTooLongAgo',
      'InvalidCreatedAt',
      'InvalidInput',
      'UndoNotReady',
      'UndoRefused',
      'InternalError',
    ],
  }),
  governed('POST', '/gov/members/proposals:preview', {
    summary: 'What a proposal would change, and what ballots would decide, without any of it happening',
    forwarding: 'sometimes',
    ...askedByMember(previewIn),
    answers: [json(previewOut)],
    errors: ['InvalidInput', 'InvalidCreatedAt', 'ProposalNotFound', 'ProposalNotOpen', 'UndoNotReady'],
  }),
  governed('GET', '/gov/members/proposals', {
    summary: 'The proposals',
    answers: [list(proposalOut, 'Proposals')],
  }),
  governed('GET', proposal, {
    summary: 'One proposal',
    answers: [json(proposalOut)],
    errors: ['ProposalNotFound', 'InvalidResourceName'],
  }),
  governed('GET', `${proposal}/actions`, {
    summary: 'A proposal as its proposer submitted it',
    answers: [json(proposalIn)],
    errors: ['ProposalNotFound', 'InvalidResourceName'],
  }),
  signed(`${proposal}:withdraw`, 'Withdraw a proposal', {
    messageType: 'withdrawal',
    answers: [json(proposalOut), empty(204, 'There is no such proposal')],
    errors: ['AuthorizationFailed', 'ProposalNotOpen', 'InvalidResourceName'],
  }),
  signed(`${proposal}/ballots/{memberId}:submit`, 'Vote on a proposal', {
    messageType: 'ballot',
    payload: object({ ballot: text('A module that exports vote(proposal, proposerId)') }, {}, 'Ballot'),
    answers: [json(proposalOut)],
    errors: [
      'ProposalNotFound',
      'ProposalNotOpen',
      'InvalidInput',
      'VoteAlreadyExists',
      'InvalidResourceName',
      'UndoNotReady',
      'UndoRefused',
      'InternalError',
    ],
  }),
  governed('GET', `${proposal}/ballots/{memberId}`, {
    summary: 'The ballot of a member',
    answers: [raw('text/javascript', 'The source of the ballot')],
    errors: ['ProposalNotFound', 'VoteNotFound', 'InvalidResourceName'],
  }),
];

const memberEndpoints: readonly Endpoint[] = [
  governed('GET', '/gov/members/state-digests/{memberId}', {
    summary: 'The digest that a member is asked to acknowledge',
    answers: [json(stateDigestOut)],
    errors: ['ResourceNotFound', 'InvalidResourceName'],
  }),
  signed('/gov/members/state-digests/{memberId}:update', 'Ask for the digest of the latest state', {
    messageType: 'state_digest',
    anyMember: true,
    answers: [json(stateDigestOut)],
    errors: ['InvalidAuthenticationInfo', 'InternalError'],
  }),
  signed('/gov/members/state-digests/{memberId}:ack', 'Acknowledge the state: the member becomes active', {
    messageType: 'ack',
    anyMember: true,
    payload: object({ stateDigest: hex32 }, {}, 'Acknowledgement'),
    answers: [empty(204, 'The member is active')],
    errors: ['StateDigestMismatch', 'AuthorizationFailed', 'InvalidInput', 'InvalidAuthenticationInfo'],
  }),
  governed('GET', '/gov/recovery/encrypted-shares/{memberId}', {
    summary: 'The recovery share of a member, encrypted to its key',
    answers: [json(encryptedShareOut)],
    errors: ['ResourceNotFound', 'InvalidResourceName'],
  }),
  signed('/gov/recovery/members/{memberId}:recover', 'Submit the decrypted recovery share', {
    messageType: 'recovery_share',
    payload: object({ share: base64 }, {}, 'Share'),
    answers: [json(recoveryOut)],
    errors: [
      'ServiceNotWaitingForRecoveryShares',
      'NodeAlreadyRecovering',
      'InvalidInput',
      'InvalidResourceName',
      'InternalError',
    ],
  }),
];

const original = { case: oneOf('original') };
const service = '/gov/service';
const stateEndpoints: readonly Endpoint[] = [
  governed('GET', `${service}/constitution`, {
    summary: 'The constitution in force',
    answers: [raw('text/javascript', 'Its source')],
  }),
  governed('GET', `${service}/info`, { summary: 'The service', answers: [json(serviceInfoOut)] }),
  governed('GET', `${service}/javascript-app`, {
    summary: 'The deployed contract: its endpoints',
    query: original,
    answers: [json(contractOut)],
    errors: ['InvalidQueryParameterValue', 'ResourceNotFound'],
  }),
  governed('GET', `${service}/javascript-modules`, {
    summary: 'The deployed contract: its modules',
    query: original,
    answers: [list(object({ moduleName: text() }, {}, 'Module'), 'Modules')],
  }),
  governed('GET', `${service}/javascript-modules/{moduleName}`, {
    summary: 'The source of one module',
    query: original,
    answers: [raw('text/javascript', 'Its source')],
    errors: ['ResourceNotFound'],
  }),
  governed('GET', `${service}/join-policy`, {
    summary: 'The code and platforms that nodes may join with',
    answers: [json(joinPolicyOut)],
  }),
  governed('GET', `${service}/attestation`, {
    summary: 'What nodes must show of their platforms, what they showed, and how they stand',
    answers: [json(attestationOut)],
  }),
  governed('GET', `${service}/jwk`, { summary: 'Trusted JWT issuers and keys', answers: [json(jwkOut)] }),
  governed('GET', `${service}/members`, { summary: 'The members', answers: [list(memberOut, 'Members')] }),
  governed('GET', `${service}/members/{memberId}`, {
    summary: 'One member',
    answers: [json(memberOut)],
    errors: ['ResourceNotFound', 'InvalidResourceName'],
  }),
  governed('GET', `${service}/users`, { summary: 'The users', answers: [list(userOut, 'Users')] }),
  governed('GET', `${service}/users/{userId}`, {
    summary: 'One user',
    answers: [json(userOut)],
    errors: ['ResourceNotFound', 'InvalidResourceName'],
  }),
  governed('GET', `${service}/nodes`, {
    summary: 'The nodes',
    answers: [list(governedNodeOut, 'GovernedNodes')],
  }),
  governed('GET', `${service}/nodes/{nodeId}`, {
    summary: 'One node',
    answers: [json(governedNodeOut)],
    errors: ['ResourceNotFound', 'InvalidResourceName'],
  }),
  governed('GET', `${service}/transactions/commit`, {
    summary: 'The highest committed transaction',
    answers: [json(object({ transactionId, status: transactionStatus }, {}, 'GovernedTransaction'))],
  }),
  governed('GET', `${service}/transactions/{transactionId}`, {
    summary: 'What became of a transaction',
    answers: [json(object({ transactionId, status: transactionStatus }, {}, 'GovernedTransaction'))],
    errors: ['InvalidQueryParameterValue'],
  }),
];

const undoEndpoints: readonly Endpoint[] = [
  governed('POST', '/gov/service/undo:preview', {
    summary: 'What undoing transactions would change, and what hangs on them, without any of it happening',
    forwarding: 'sometimes',
    ...askedByMember(undoPreviewIn),
    answers: [
      json(undoPreviewOut),
      raw('text/plain', 'Past values are being read: ask again after `retry-after`', 202),
    ],
    errors: ['InvalidInput', 'InvalidCreatedAt', 'UndoNotReady'],
  }),
];

/** The endpoints of `/gov`, save those that every frontend has. */
export const governanceEndpoints: readonly Endpoint[] = [
  ...proposalEndpoints,
  ...memberEndpoints,
  ...stateEndpoints,
  ...undoEndpoints,
];
