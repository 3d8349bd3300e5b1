import { type Endpoint, empty, endpoint, json, raw } from '../endpoint.ts';
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
  text,
  transactionId,
} from '../schema.ts';

import { contractEndpoints } from './contract.ts';
/** Life cycle of a node. */
export const nodeState = oneOf(
  'Uninitialized',
  'Initialized',
  'Pending',
  'PartOfPublicNetwork',
  'PartOfNetwork',
  'ReadingPublicLedger',
  'ReadingPrivateLedger',
);
/** Life cycle of a node. */
export type NodeState = Infer<typeof nodeState>;

/** `GET /node/state`. */
export const stateOut = object(
  { node_id: hex32, state: nodeState, last_signed_seqno: count(), startup_seqno: count() },
  { stop_notice: flag, recovery_target_seqno: count(), last_recovered_seqno: count() },
  'State',
);
/** Where the contacted node stands. */
export type StateOut = Infer<typeof stateOut>;

/** `GET /node/version`. */
export const versionOut = object(
  { ccf_version: text(), quickjs_version: text(), unsafe: flag },
  { coco_version: text(), engine_version: text() },
  'Version',
);

/** Life cycle of a service. */
export const serviceStatus = oneOf('Opening', 'Open', 'WaitingForRecoveryShares', 'Recovering');
/** Life cycle of a service. */
export type ServiceStatus = Infer<typeof serviceStatus>;

/** `GET /node/network`. */
export const networkOut = object(
  {
    service_status: serviceStatus,
    service_certificate: pem,
    current_view: nullable(count()),
    primary_id: nullable(hex32),
    recovery_count: count(),
    service_data: anything,
    current_service_create_txid: transactionId,
  },
  {},
  'Network',
);
/** The service as one of its nodes sees it. */
export type NetworkOut = Infer<typeof networkOut>;

/** A node of the service, as `/node/network/nodes` lists it. */
export const nodeOut = object(
  {
    node_id: hex32,
    status: oneOf('Pending', 'Trusted', 'Retired'),
    primary: flag,
    rpc_interfaces: dictionary(
      object({ bind_address: text(), published_address: text() }, { protocol: text() }),
    ),
    node_data: anything,
    last_written: count('Seqno of the last change of its record'),
  },
  { role: oneOf('vote', 'secrets', 'verify'), votes: flag },
  'Node',
);
/** A node of the service. */
export type NodeOut = Infer<typeof nodeOut>;
const nodesOut = object({ nodes: array(nodeOut) }, {}, 'Nodes');
/** The nodes of a service. */
export type NodesOut = Infer<typeof nodesOut>;

/** Evidence that a node runs the code it should. */
export const quoteOut = object(
  {
    node_id: hex32,
    raw: base64,
    endorsements: base64,
    format: oneOf('OE_SGX_v1', 'Insecure_Virtual', 'AMD_SEV_SNP_v1'),
  },
  { measurement: text('hexadecimal'), uvm_endorsements: base64 },
  'Quote',
);
/** Evidence that a node runs the code it should. */
export type QuoteOut = Infer<typeof quoteOut>;

/** `GET /node/consensus`. */
export const consensusOut = object(
  {
    details: object(
      {
        configs: array(
          object({ idx: count(), nodes: dictionary(object({ address: text() })), rid: count() }),
        ),
        acks: dictionary(object({ seqno: count(), last_received_ms: count() })),
        membership_state: oneOf('Active', 'Retired'),
        primary_id: nullable(hex32),
        current_view: count(),
        ticking: flag,
      },
      {
        leadership_state: nullable(oneOf('None', 'Leader', 'Follower', 'PreVoteCandidate', 'Candidate')),
        retirement_phase: nullable(oneOf('Ordered', 'Signed', 'Completed', 'RetiredCommitted')),
        learners: anything,
        reconfiguration_type: anything,
      },
    ),
  },
  {},
  'Consensus',
);
/** Replication as a node sees it. */
export type ConsensusOut = Infer<typeof consensusOut>;

const sessionCounts = { active: count(), peak: count() };
/** `GET /node/metrics`. */
export const metricsOut = object(
  {
    sessions: object({
      ...sessionCounts,
      interfaces: dictionary(
        object({
          ...sessionCounts,
          soft_cap: count(),
          hard_cap: count(),
          errors: object({
            parsing: count(),
            request_payload_too_large: count(),
            request_header_too_large: count(),
          }),
        }),
      ),
    }),
  },
  {},
  'Metrics',
);

const scriptMetricsOut = object(
  {
    bytecode_size: count(),
    bytecode_used: flag,
    max_heap_size: count(),
    max_stack_size: count(),
    max_execution_time: count(),
    max_cached_interpreters: count(),
  },
  {},
  'ScriptMetrics',
);

/** `POST /node/join`: what the joiner says about itself. */
export const joinIn = object(
  {
    node_info_network: anything,
    quote_info: object(
      { format: text(), quote: base64, endorsements: base64 },
      { uvm_endorsements: base64, endorsed_tcb: text() },
    ),
    public_encryption_key: pem,
    encryption_key_signature: base64,
    startup_seqno: count(),
    certificate_signing_request: pem,
  },
  { node_data: anything },
  'JoinIn',
);

/** `POST /node/join`: with `network_info` once the joiner is trusted; the secrets in it only the joiner can open. */
export const joinOut = object(
  { node_status: oneOf('Pending', 'Trusted') },
  {
    node_id: hex32,
    network_info: object(
      {
        public_only: flag,
        last_recovered_signed_idx: count(),
        ledger_begins_after: count(),
        service_status: serviceStatus,
        identity: object({ cert: pem }),
        endorsed_certificate: pem,
        cose_signatures_config: object({ issuer: text(), subject: text() }),
        nodes: array(object({ id: hex32, address: text(), rpc: text() })),
        sealed_secrets: base64,
      },
      { previous_service_identity: pem },
    ),
  },
  'JoinOut',
);

const identityEndpoints: readonly Endpoint[] = [
  endpoint('GET', '/node/state', {
    forwarding: 'never',
    summary: 'Where the contacted node stands',
    answers: [json(stateOut)],
  }),
  endpoint('GET', '/node/version', {
    forwarding: 'never',
    summary: 'What the contacted node runs',
    answers: [json(versionOut)],
  }),
  endpoint('GET', '/node/self_signed_certificate', {
    forwarding: 'never',
    summary: 'The certificate the contacted node made for itself',
    answers: [json(object({ self_signed_certificate: pem }, {}, 'SelfSignedCertificate'))],
  }),
  endpoint('GET', '/node/quotes/self', {
    forwarding: 'never',
    summary: 'Attestation of the contacted node',
    answers: [json(quoteOut)],
    errors: ['ResourceNotFound'],
  }),
  endpoint('GET', '/node/quotes', {
    forwarding: 'sometimes',
    summary: 'Attestations of all trusted nodes',
    answers: [json(object({ quotes: array(quoteOut) }, {}, 'Quotes'))],
  }),
  endpoint('GET', '/node/attestations/self', {
    forwarding: 'never',
    summary: 'Attestation of the contacted node',
    answers: [json(quoteOut)],
    errors: ['ResourceNotFound'],
  }),
  endpoint('GET', '/node/attestations', {
    forwarding: 'sometimes',
    summary: 'Attestations of all trusted nodes',
    answers: [json(object({ attestations: array(quoteOut) }, {}, 'Attestations'))],
  }),
];

const networkEndpoints: readonly Endpoint[] = [
  endpoint('GET', '/node/network', {
    forwarding: 'sometimes',
    summary: 'The service: status, identity, primary',
    answers: [json(networkOut)],
    errors: ['ResourceNotFound'],
  }),
  endpoint('GET', '/node/network/nodes', {
    forwarding: 'sometimes',
    summary: 'The nodes of the service',
    query: { host: text(), port: text(), status: oneOf('Pending', 'Trusted', 'Retired') },
    answers: [json(nodesOut)],
    errors: ['InvalidQueryParameterValue'],
  }),
  endpoint('GET', '/node/network/nodes/self', {
    forwarding: 'never',
    summary: 'The contacted node',
    answers: [json(nodeOut)],
  }),
  endpoint('GET', '/node/network/nodes/primary', {
    forwarding: 'sometimes',
    summary: 'The primary',
    answers: [json(nodeOut)],
    errors: ['InternalError'],
  }),
  endpoint('GET', '/node/network/nodes/{node_id}', {
    forwarding: 'sometimes',
    summary: 'One node',
    answers: [json(nodeOut)],
    errors: ['ResourceNotFound'],
  }),
  endpoint('DELETE', '/node/network/nodes/{node_id}', {
    forwarding: 'always',
    summary: 'Forget a node whose retirement is committed',
    answers: [json(flag)],
    errors: ['ResourceNotFound', 'NodeNotRetiredCommitted'],
  }),
  endpoint('GET', '/node/network/removable_nodes', {
    forwarding: 'sometimes',
    summary: 'Retired nodes whose process may be stopped and record deleted',
    answers: [json(nodesOut)],
  }),
  endpoint('GET', '/node/primary', {
    forwarding: 'never',
    summary: 'Is the contacted node the primary?',
    answers: [empty(200, 'It is')],
    errors: ['ResourceNotFound'],
  }),
  endpoint('HEAD', '/node/primary', {
    forwarding: 'never',
    summary: 'Is the contacted node the primary? If not, who is?',
    answers: [empty(200, 'It is'), empty(308, 'The primary is at `location`')],
    errors: ['NodeCannotHandleRequest'],
  }),
  endpoint('GET', '/node/backup', {
    forwarding: 'never',
    summary: 'Is the contacted node a backup?',
    answers: [empty(200, 'It is')],
    errors: ['ResourceNotFound'],
  }),
  endpoint('GET', '/node/config', {
    forwarding: 'never',
    summary: 'The nodes of the active configuration',
    answers: [json(dictionary(object({ address: text() })))],
  }),
  endpoint('GET', '/node/consensus', {
    forwarding: 'never',
    summary: 'Replication as the contacted node sees it',
    answers: [json(consensusOut)],
  }),
  endpoint('GET', '/node/ready/app', {
    forwarding: 'never',
    summary: 'Can the contacted node take application requests?',
    answers: [empty(204, 'It can')],
    errors: ['FrontendNotOpen'],
  }),
  endpoint('GET', '/node/ready/gov', {
    forwarding: 'never',
    summary: 'Can the contacted node take governance requests?',
    answers: [empty(204, 'It can')],
    errors: ['FrontendNotOpen'],
  }),
];

const serviceEndpoints: readonly Endpoint[] = [
  endpoint('GET', '/node/service/previous_identity', {
    forwarding: 'sometimes',
    summary: 'The identity of the service that this one recovered',
    answers: [json(object({ previous_service_identity: pem }, {}, 'PreviousIdentity'))],
    errors: ['ResourceNotFound'],
  }),
  endpoint('GET', '/node/service/configuration', {
    forwarding: 'never',
    summary: 'The configuration of the service',
    answers: [json(anything)],
  }),
  endpoint('GET', '/node/memory', {
    forwarding: 'never',
    summary: 'Memory of the contacted node, in bytes',
    answers: [
      json(
        object(
          {
            max_total_heap_size: count(),
            current_allocated_heap_size: count(),
            peak_allocated_heap_size: count(),
          },
          {},
          'Memory',
        ),
      ),
    ],
  }),
  endpoint('GET', '/node/metrics', {
    forwarding: 'never',
    summary: 'Sessions of the contacted node',
    answers: [json(metricsOut)],
  }),
  endpoint('GET', '/node/js_metrics', {
    forwarding: 'sometimes',
    summary: 'Size and limits of the deployed contract',
    answers: [json(scriptMetricsOut)],
  }),
  endpoint('GET', '/node/jwt_keys/refresh/metrics', {
    forwarding: 'sometimes',
    summary: 'How fetching the keys of JWT issuers went',
    answers: [json(object({ attempts: count(), successes: count(), failures: count() }, {}, 'JwtRefresh'))],
  }),
  ...contractEndpoints,
];

const snapshotAnswers = [empty(308, 'The newest committed snapshot is at `location`')] as const;
const snapshotEndpoints: readonly Endpoint[] = (['GET', 'HEAD'] as const).flatMap((method) => [
  endpoint(method, '/node/snapshot', {
    forwarding: 'never',
    summary: 'Where the newest committed snapshot is',
    query: { since: count('Only one of this seqno or later') },
    answers: snapshotAnswers,
    errors: ['ResourceNotFound', 'NodeCannotHandleRequest'],
  }),
  endpoint(method, '/node/snapshot/{name}', {
    forwarding: 'never',
    summary: 'The bytes of a snapshot; a range may be asked for',
    headers: { range: text('bytes=<from>-<to>, the end is exclusive') },
    answers:
      method === 'GET'
        ? [raw('application/octet-stream', 'The bytes asked for', 206)]
        : [empty(200, 'Its length is in `content-length`')],
    errors: ['ResourceNotFound', 'InvalidHeaderValue'],
  }),
]);

const internalEndpoints: readonly Endpoint[] = [
  endpoint('POST', '/node/join', {
    forwarding: 'never',
    audience: 'hidden',
    summary: 'A node asks to be part of the service; its client certificate is its identity',
    request: { contentType: 'application/json', schema: joinIn },
    answers: [json(joinOut)],
    errors: [
      'InternalError',
      'StartupSeqnoIsOld',
      'NodeCannotHandleRequest',
      'InvalidQuote',
      'CSRPublicKeyInvalid',
      'NodeAlreadyExists',
      'InvalidNodeState',
      'ConsensusTypeMismatch',
    ],
  }),
  endpoint('POST', '/node/create', {
    forwarding: 'always',
    audience: 'internal',
    summary: 'The first transaction of a service',
    request: { contentType: 'application/json' },
    answers: [json(flag)],
    errors: ['InternalError'],
  }),
  endpoint('POST', '/node/jwt_keys/refresh', {
    forwarding: 'always',
    audience: 'internal',
    auth: ['node_cert'],
    summary: 'Store the fetched keys of a JWT issuer',
    request: { contentType: 'application/json' },
    answers: [json(flag)],
    errors: ['InternalError'],
  }),
  endpoint('POST', '/node/network/nodes/set_retired_committed', {
    forwarding: 'always',
    audience: 'internal',
    auth: ['node_cert'],
    summary: 'Record that the retirement of nodes is committed',
    request: { contentType: 'application/json' },
    answers: [json(flag)],
    errors: ['InternalError'],
  }),
];

/** The endpoints of `/node`, save those that every frontend has. */
export const nodeEndpoints: readonly Endpoint[] = [
  ...identityEndpoints,
  ...networkEndpoints,
  ...serviceEndpoints,
  ...snapshotEndpoints,
  ...internalEndpoints,
];
