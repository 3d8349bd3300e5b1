import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseSign1 } from '@coco/crypto';
import { Store, type Tx, utf8ToByteString } from '@coco/kv';
import {
  type EndpointProperties,
  endpoints,
  memberAcks,
  memberCerts,
  memberEncryptionKeys,
  memberInfos,
  type NodeInfo,
  nodeEndorsedCertificates,
  nodeInfos,
  type ProposalInfo,
  proposalInfos,
  proposals,
  serviceConfiguration,
  serviceInfo,
  userCerts,
} from '../index.ts';
import { route } from '../testing/route.ts';
import { readWire, wireJson, wireMissing } from '../testing/wire.ts';
import type { GovContext, GovernanceWorld } from '../world.ts';

// Every recorded governance exchange that needs no constitution: the state it was recorded in is written into the
// tables, the request is handed to its row, and the answer must be the recorded one, byte for byte.

const zero = 'export function vote (rawProposal, proposerId) { return true }';
const member0 = '62197d86f2dff9d818799303ed9116c5f7f6acd0ac6f301a1e395598ed2a1fcf';
const member1 = '4ab0e8062f8137d4d357750ef204c3ec7a99e4a6d73e1c4bde799afe0940d3e3';
const proposal = 'eee42d3bf331f01198c69858f9bef65a9a80d0249cc043a5d03421414bccf28b';
const withdrawn = '08c842f6fcc8bffc83af4f9a08f36d60a63b5183dd0c3d2de50951dd88e50670';

/** The caller a recorded envelope names; its signature was made with keys that are gone. */
function callerOf(body: Uint8Array): Pick<GovContext, 'caller'> {
  if (body.length === 0) return {};
  const { protected: headers, payload, signature } = parseSign1(body);
  const kid = headers.get(4) as Uint8Array;
  return {
    caller: {
      policy: 'active_member_cose_sign1',
      memberId: new TextDecoder().decode(kid),
      payload: payload as Uint8Array,
      signature,
      envelope: body,
      createdAt: headers.get('ccf.gov.msg.created_at') as number,
      proposalId: headers.get('ccf.gov.msg.proposal_id') as string | undefined,
    },
  };
}

function replay(name: string, prepare: (tx: Tx) => void) {
  const { start, headers, body } = readWire(`${name}.req`);
  const [method = '', target = ''] = start.split(' ');
  const [path = '', search = ''] = target.split('?');
  const { endpoint, params } = route(method, path);
  const tx = new Store().begin();
  prepare(tx);
  const request = { method, path, params, query: new URLSearchParams(search), headers, body };
  // None of these requests reaches the engine or the node.
  const world = {
    lastCommitted: () => ({ view: 2, seqno: 22 }),
    statusOf: () => 'Committed',
  } as unknown as GovernanceWorld;
  const answer = endpoint.handle({ tx, request, world, ...callerOf(body) });
  return { tx, answer, recorded: readWire(`${name}.res`) };
}

const vote = (...members: string[]) => Object.fromEntries(members.map((member) => [member, true]));
const ballots = (...members: string[]) => Object.fromEntries(members.map((member) => [member, zero]));
const open: ProposalInfo = { proposer_id: member0, state: 'Open', ballots: ballots(member0) };
const accepted: ProposalInfo = {
  proposer_id: member0,
  state: 'Accepted',
  ballots: ballots(member0, member1),
  final_votes: vote(member1, member0),
  vote_failures: {},
};

const asIs = (tx: Tx): void => {
  proposalInfos.set(tx, proposal, open);
  proposals.set(tx, proposal, new TextDecoder('latin1').decode(readWire('js/prop_actions.res').body));
  proposalInfos.set(tx, withdrawn, { proposer_id: member0, state: 'Open', ballots: {} });
  serviceInfo.set(tx, { cert: '', status: 'Open' });
};

function listed(name: string): (tx: Tx) => void {
  return (tx) => {
    const [each] = wireJson(`${name}.res`).value as Record<string, string>[];
    const votes = each?.finalVotes as never as Record<string, boolean>;
    proposalInfos.set(tx, each?.proposalId ?? '', {
      proposer_id: each?.proposerId ?? '',
      state: 'Accepted',
      ballots: ballots(...Object.keys(votes)),
      final_votes: votes,
      vote_failures: {},
    });
  };
}

function recordedMember(name: string): (tx: Tx) => void {
  return (tx) => {
    const recorded = wireJson(`${name}.res`) as Record<string, string>;
    const id = recorded.memberId ?? '';
    memberCerts.set(tx, id, recorded.certificate ?? '');
    memberEncryptionKeys.set(tx, id, recorded.publicEncryptionKey ?? '');
    memberInfos.set(tx, id, { status: recorded.status as never, member_data: recorded.memberData });
  };
}

function recordedNode(tx: Tx): void {
  const { nodeId, certificate, quoteInfo, rpcInterfaces } = wireJson<{
    nodeId: string;
    certificate: string;
    quoteInfo: { rawQuote: string };
    rpcInterfaces: { primary_rpc_interface: { publishedAddress: string } };
  }>('js/gov_service_nodes_N0.res');
  const { publishedAddress } = rpcInterfaces.primary_rpc_interface;
  nodeEndorsedCertificates.set(tx, nodeId, certificate);
  nodeInfos.set(tx, nodeId, {
    node_to_node_interface: { bind_address: '' },
    rpc_interfaces: { primary_rpc_interface: { bind_address: '', published_address: publishedAddress } },
    quote_info: { format: 'Insecure_Virtual', quote: quoteInfo.rawQuote, endorsements: '' },
    encryption_pub_key: '',
    status: 'Trusted',
    node_data: null,
    retired_committed: false,
  } satisfies NodeInfo);
}

function recordedService(tx: Tx): void {
  const recorded = wireJson<Record<string, string>>('js/gov_service_info.res');
  serviceInfo.set(tx, {
    cert: recorded.certificate ?? '',
    status: 'Open',
    service_data: null,
    current_service_create_txid: recorded.creationTransactionId ?? '',
  });
  serviceConfiguration.set(tx, { recovery_threshold: 3 });
}

function recordedApp(tx: Tx): void {
  const { endpoints: recorded } = wireJson<{
    endpoints: Record<string, Record<string, Record<string, unknown>>>;
  }>('js/gov_service_javascript_app.res');
  for (const [path, methods] of Object.entries(recorded)) {
    for (const [method, shown] of Object.entries(methods)) {
      endpoints.set(tx, `${method} ${path}`, {
        js_module: shown.jsModule,
        js_function: shown.jsFunction,
        forwarding_required: shown.forwardingRequired,
        redirection_strategy: shown.redirectionStrategy,
        authn_policies: shown.authnPolicies,
        mode: shown.mode,
        openapi: shown.openApi,
      } as unknown as EndpointProperties);
    }
  }
}

function recordedUsers(tx: Tx): void {
  const users = wireJson('js/gov_service_users.res').value as { userId: string; certificate: string }[];
  for (const { userId, certificate } of users) userCerts.set(tx, userId, certificate);
}

const exchanges: readonly [string, (tx: Tx) => void][] = [
  ['js/gov_api_no_version', asIs],
  ['js/gov_members_proposals', listed('js/gov_members_proposals')],
  ['extra/proposal_drops_others_list_before', listed('extra/proposal_drops_others_list_before')],
  ['js/gov_members_proposals_UNKNOWN', asIs],
  ['js/gov_recovery_encrypted_shares_UNKNOWN', asIs],
  ['js/gov_service_info', recordedService],
  ['js/gov_service_javascript_app', recordedApp],
  ['js/gov_service_jwk', asIs],
  ['js/gov_service_members_xyz', asIs],
  ['js/gov_service_nodes_N0', recordedNode],
  ['js/gov_service_transactions_commit', asIs],
  ['js/gov_service_users_UNKNOWN', asIs],
  ['extra/member_accepted_get', recordedMember('extra/member_accepted_get')],
  ['extra/member_active_get', recordedMember('extra/member_active_get')],
  ['js/gov_digest_other_member', asIs],
  ['js/prop_actions', asIs],
  ['js/prop_actions_unknown', asIs],
  ['js/prop_ballot_get', asIs],
  ['js/prop_ballot_get_missing', asIs],
  ['js/prop_ballot_member0_again_same', asIs],
  ['js/prop_ballot_pid_mismatch', asIs],
  ['js/prop_ballot_wrong_member_path', asIs],
  ['js/prop_get_accepted', (tx) => proposalInfos.set(tx, proposal, accepted)],
  ['js/prop_withdraw_nonproposer', asIs],
  ['js/recover_not_recovering', asIs],
];

describe('recorded governance exchanges', { skip: wireMissing }, () => {
  for (const [name, prepare] of exchanges) {
    test(`${name} is answered alike`, () => {
      const { answer, recorded } = replay(name, prepare);
      assert.equal(String(answer.status), recorded.start.split(' ')[1]);
      const [contentType] = answer.headers.filter(([header]) => header === 'content-type');
      assert.equal(contentType?.[1], recorded.headers['content-type']);
      const recordedText = new TextDecoder().decode(recorded.body);
      assert.equal(answer.body, utf8ToByteString(recordedText));
    });
  }

  test('js/gov_service_users is answered alike, in order of the ids', () => {
    const { answer } = replay('js/gov_service_users', recordedUsers);
    const byId = (users: readonly { userId: string }[]) =>
      users.toSorted((a, b) => (a.userId < b.userId ? -1 : 1));
    const { value } = JSON.parse(String(answer.body)) as { value: { userId: string }[] };
    assert.deepEqual(value, byId(wireJson('js/gov_service_users.res').value as { userId: string }[]));
  });

  test('js/gov_digest_ack_badbody is refused alike, in words of our own', () => {
    const { answer, recorded } = replay('js/gov_digest_ack_badbody', (tx) =>
      memberAcks.set(tx, member1, { state_digest: 'ab' }),
    );
    assert.equal(String(answer.status), recorded.start.split(' ')[1]);
    assert.equal(JSON.parse(String(answer.body)).error.code, 'InvalidInput');
  });

  test('js/gov_digest_ack makes the member active', () => {
    const digest = '919fdf4d10a8374313a57ebca755b8f0d1592acc20d2f7fe537ccd11789267bd';
    const { tx, answer } = replay('js/gov_digest_ack', (tx) => {
      memberAcks.set(tx, member1, { state_digest: digest });
      memberInfos.set(tx, member1, { status: 'Accepted', member_data: null });
      serviceInfo.set(tx, { cert: '', status: 'Opening' });
    });
    assert.deepEqual([answer.status, answer.body], [204, '']);
    assert.equal(memberInfos.require(tx, member1).status, 'Active');
    assert.equal(memberAcks.require(tx, member1).state_digest, digest);
  });
});
