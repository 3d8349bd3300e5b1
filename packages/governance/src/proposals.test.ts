import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { sha256, sha256Hex } from '@coco/crypto';
import {
  coseHistory,
  memberAcks,
  memberInfos,
  type ProposalInfo,
  proposalInfos,
  proposals,
  recentProposals,
} from './index.ts';
import { proposalIdOf } from './proposals.ts';
import { Consortium } from './testing/consortium.ts';
import { testEngine } from './testing/engine.ts';
import { makePerson, type Person, signMessage } from './testing/people.ts';
import { variant } from './testing/texts.ts';

const engine = testEngine();
const constitution = variant();
const yes = 'export function vote() { return true; }';
const no = 'export function vote() { return false; }';
const nobody = '0'.repeat(64);

interface Shown {
  readonly proposalId: string;
  readonly proposalState: string;
  readonly ballotCount: number;
  readonly finalVotes?: Record<string, boolean>;
  readonly voteFailures?: Record<string, { reason: string; trace?: string }>;
}

let service: Consortium;
let [m0, m1, m2]: Person[] = [] as never;
const data = (n: number, member = m0) => ({
  name: 'set_member_data',
  args: { member_id: member?.id, member_data: { n } },
});
const error = (answer: { body: never }) =>
  (answer.body as { error: { code: string; message: string } }).error;
const shown = (answer: { body: never }) => answer.body as Shown;
const stateOf = (id: string) => proposalInfos.get(service.store.begin(), id)?.state;

beforeEach(() => {
  service = new Consortium({ engine, constitution, roles: ['participant', 'none', 'none'] });
  service.activateAll();
  [m0, m1, m2] = service.members as Person[];
});

const propose = (...actions: { name: string; args?: unknown }[]) =>
  shown(service.propose(m0 as Person, ...(actions.length === 0 ? [data(1)] : actions)));
const vote = (member: Person | undefined, id: string, ballot = yes) =>
  service.vote(member as Person, id, ballot);

describe('a proposal', () => {
  test('has an id bound to the state it was made in and to its signature', () => {
    const signature = new Uint8Array(64).fill(1);
    const root = sha256('root');
    const expected = sha256Hex(new Uint8Array([...root, ...sha256(signature)]));
    assert.equal(proposalIdOf(root, signature), expected);
  });

  test('is stored as it was signed, with its envelope for auditors, and shown as open', () => {
    const { proposalId, ...rest } = propose();
    assert.deepEqual(rest, { ballotCount: 0, proposalState: 'Open', proposerId: m0?.id });
    const actions = service.get(`/gov/members/proposals/${proposalId}/actions`);
    assert.equal(actions.text, JSON.stringify({ actions: [data(1)] }));
    assert.equal(actions.headers['content-type'], undefined);
    assert.ok(coseHistory.has(service.store.begin(), m0?.id ?? ''));
    assert.deepEqual(
      [...recentProposals.entries(service.store.begin())].map(([, id]) => id),
      [proposalId],
    );
  });

  const invalid: readonly [string, unknown, number, string, RegExp][] = [
    ['text that is not JSON', '{bad', 500, 'InternalError', /^Failed to execute validation: SyntaxError: /],
    ['no actions', {}, 500, 'InternalError', /^Failed to execute validation: TypeError: /],
    ['null', 'null', 500, 'InternalError', /^Failed to execute validation: TypeError: /],
    [
      'an unknown action',
      { actions: [{ name: 'nonsense' }] },
      400,
      'ProposalFailedToValidate',
      /^Proposal failed to validate: nonsense: no such action$/,
    ],
    [
      'wrong arguments',
      { actions: [{ name: 'remove_js_app' }, { name: 'set_user', args: { cert: 5 } }] },
      400,
      'ProposalFailedToValidate',
      /^Proposal failed to validate: set_user at position 1 failed validation: Error: cert must be a valid X509 certificate \(bundle\) in PEM format$/,
    ],
    [
      'several mistakes, all of which are told',
      { actions: [{ name: 'nonsense' }, { name: 'trigger_ledger_rekey', args: {} }] },
      400,
      'ProposalFailedToValidate',
      /nonsense: no such action, trigger_ledger_rekey at position 1 .*Proposal does not accept any argument/,
    ],
  ];
  for (const [name, payload, status, code, message] of invalid) {
    test(`with ${name} is refused and leaves nothing`, () => {
      const before = service.store.version;
      const answer = service.post('/gov/members/proposals:create', m0 as Person, {
        type: 'proposal',
        payload,
      });
      assert.equal(answer.status, status);
      assert.equal(error(answer).code, code);
      assert.match(error(answer).message, message);
      assert.equal(service.store.version, before);
    });
  }

  test('that is not UTF-8 is refused', () => {
    const payload = Uint8Array.of(0x7b, 0xff, 0x7d);
    const answer = service.post('/gov/members/proposals:create', m0 as Person, { type: 'proposal', payload });
    assert.deepEqual([answer.status, error(answer).code], [400, 'InvalidInput']);
  });

  test('submitted twice is a replay', () => {
    const message = { type: 'proposal', createdAt: 1_795_500_000, payload: { actions: [data(1)] } };
    const body = signMessage(m0 as Person, message);
    const first = service.send('POST', '/gov/members/proposals:create', body);
    const again = service.send('POST', '/gov/members/proposals:create', body);
    assert.equal(again.status, 400);
    assert.deepEqual(error(again), {
      code: 'ProposalReplay',
      message: `Proposal submission replay, already exists as proposal ${shown(first).proposalId}`,
    });
  });

  test('signed before the recent ones is refused', () => {
    propose();
    const answer = service.post('/gov/members/proposals:create', m0 as Person, {
      type: 'proposal',
      createdAt: 1000,
      payload: { actions: [data(1)] },
    });
    assert.deepEqual([answer.status, error(answer).code], [400, 'ProposalCreatedTooLongAgo']);
  });

  test('of the far future is refused', () => {
    for (const createdAt of [10_000_000_000, 2n ** 60n]) {
      const payload = { actions: [data(1)] };
      const answer = service.post('/gov/members/proposals:create', m0 as Person, {
        type: 'proposal',
        createdAt,
        payload,
      });
      assert.deepEqual([answer.status, error(answer).code], [400, 'InvalidCreatedAt']);
    }
  });
});

describe('a ballot', () => {
  const refusals: readonly [string, (id: string) => { status: number; body: never }, number, string][] = [
    [
      'for an id that is none',
      () => service.post(`/gov/members/proposals/xyz/ballots/${m1?.id}:submit`, m1 as Person, ballot('xyz')),
      400,
      'InvalidResourceName',
    ],
    [
      'at the place of another member',
      (id) => service.post(`/gov/members/proposals/${id}/ballots/${m2?.id}:submit`, m1 as Person, ballot(id)),
      400,
      'InvalidResourceName',
    ],
    [
      'signed for another proposal',
      (id) =>
        service.post(`/gov/members/proposals/${id}/ballots/${m1?.id}:submit`, m1 as Person, ballot(nobody)),
      400,
      'InvalidResourceName',
    ],
    [
      'signed for no proposal',
      (id) =>
        service.post(`/gov/members/proposals/${id}/ballots/${m1?.id}:submit`, m1 as Person, {
          type: 'ballot',
          payload: { ballot: yes },
        }),
      400,
      'InvalidResourceName',
    ],
    ['for an unknown proposal', () => vote(m1, nobody), 404, 'ProposalNotFound'],
    [
      'that is not JSON',
      (id) =>
        service.post(`/gov/members/proposals/${id}/ballots/${m1?.id}:submit`, m1 as Person, {
          ...ballot(id),
          payload: 'yes',
        }),
      400,
      'InvalidInput',
    ],
    [
      'without a ballot',
      (id) =>
        service.post(`/gov/members/proposals/${id}/ballots/${m1?.id}:submit`, m1 as Person, {
          ...ballot(id),
          payload: { ballot: 5 },
        }),
      400,
      'InvalidInput',
    ],
    ['that exports no vote', (id) => vote(m1, id, 'export function other() {}'), 500, 'InternalError'],
    ['that does not parse', (id) => vote(m1, id, 'export function vote( {'), 500, 'InternalError'],
  ];
  const ballot = (proposalId: string) => ({ type: 'ballot', proposalId, payload: { ballot: yes } });
  for (const [name, send, status, code] of refusals) {
    test(`${name} is refused and not stored`, () => {
      const { proposalId } = propose();
      const before = service.store.version;
      const answer = send(proposalId);
      assert.deepEqual([answer.status, error(answer).code], [status, code]);
      assert.equal(service.store.version, before);
    });
  }

  test('is one per member: the same again changes nothing, another is refused', () => {
    const { proposalId } = propose();
    assert.equal(shown(vote(m1, proposalId, no)).ballotCount, 1);
    const version = service.store.version;
    assert.equal(vote(m1, proposalId, no).status, 200);
    assert.equal(service.store.version, version);
    const other = vote(m1, proposalId, yes);
    assert.deepEqual([other.status, error(other).code], [400, 'VoteAlreadyExists']);
    assert.equal(service.get(`/gov/members/proposals/${proposalId}/ballots/${m1?.id}`).text, no);
  });

  test('sees the proposal and its proposer, and only exactly true is in favour', () => {
    const { proposalId } = propose();
    const checking = `export function vote(proposal, proposer) {
      return JSON.parse(proposal).actions[0].args.member_data.n === 1 && proposer === "${m0?.id}";
    }`;
    vote(m1, proposalId, checking);
    vote(m2, proposalId, 'export function vote() { return 1; }');
    const last = shown(vote(m0, proposalId));
    assert.equal(last.proposalState, 'Accepted');
    assert.deepEqual(last.finalVotes, { [m0?.id ?? '']: true, [m1?.id ?? '']: true, [m2?.id ?? '']: false });
  });

  test('that throws is no vote, and its failure is on record', () => {
    const { proposalId } = propose();
    vote(m1, proposalId, 'export function vote() { throw new Error("nope"); }');
    vote(m2, proposalId);
    const last = shown(vote(m0, proposalId));
    assert.equal(last.proposalState, 'Accepted');
    assert.deepEqual(Object.keys(last.finalVotes ?? {}), [m0?.id, m2?.id].sort());
    assert.equal(last.voteFailures?.[m1?.id ?? '']?.reason, 'Error: nope');
  });

  test('can read what governance wrote, and write nothing', () => {
    const { proposalId } = propose();
    const writing = `export function vote() { ccf.kv["public:ccf.gov.members.info"].clear(); return true; }`;
    vote(m1, proposalId, writing);
    const reading = 'export function vote() { return ccf.kv["public:ccf.gov.members.info"].size === 3; }';
    vote(m2, proposalId, reading);
    const last = shown(vote(m0, proposalId));
    assert.equal(last.finalVotes?.[m2?.id ?? ''], true);
    assert.match(last.voteFailures?.[m1?.id ?? '']?.reason ?? '', /^TypeError: Cannot call clear on table/);
  });

  test('on a closed proposal is refused', () => {
    const { proposalId } = propose();
    vote(m0, proposalId);
    vote(m1, proposalId);
    const late = vote(m2, proposalId);
    assert.deepEqual([late.status, error(late).code], [400, 'ProposalNotOpen']);
  });
});

describe('a withdrawal', () => {
  test('is the proposer’s alone, and can be repeated', () => {
    const { proposalId } = propose();
    const other = service.withdraw(m1 as Person, proposalId);
    assert.deepEqual([other.status, error(other).code], [403, 'AuthorizationFailed']);
    assert.equal(shown(service.withdraw(m0 as Person, proposalId)).proposalState, 'Withdrawn');
    const version = service.store.version;
    assert.equal(shown(service.withdraw(m0 as Person, proposalId)).proposalState, 'Withdrawn');
    assert.equal(service.store.version, version);
    assert.equal(error(vote(m1, proposalId)).code, 'ProposalNotOpen');
  });

  test('of a proposal nobody knows is done already', () => {
    const answer = service.withdraw(m0 as Person, nobody);
    assert.deepEqual([answer.status, answer.text], [204, '']);
  });

  test('comes too late for one that was accepted', () => {
    const { proposalId } = propose();
    vote(m0, proposalId);
    vote(m1, proposalId);
    const late = service.withdraw(m0 as Person, proposalId);
    assert.deepEqual([late.status, error(late).code], [400, 'ProposalNotOpen']);
  });
});

describe('resolution', () => {
  test('that fails in apply discards the deciding ballot and everything with it', () => {
    const missing = { name: 'set_member_data', args: { member_id: nobody, member_data: {} } };
    const { proposalId } = propose(data(7), missing);
    vote(m0, proposalId);
    const before = service.store.version;
    const answer = vote(m1, proposalId);
    assert.equal(answer.status, 500);
    const { code, message } = error(answer);
    assert.equal(code, 'InternalError');
    assert.match(message, /^Failed to apply\(\): Error: Member 0{64} does not exist\nTrace: /);
    assert.equal(service.store.version, before);
    assert.equal(stateOf(proposalId), 'Open');
    const info = memberInfos.require(service.store.begin(), m0?.id ?? '');
    assert.deepEqual(info.member_data, { name: 'member0' });
    assert.equal(Object.keys(proposalInfos.require(service.store.begin(), proposalId).ballots).length, 1);
  });

  for (const [answer, expected] of [
    ['throw new Error("torn");', /^Failed to resolve\(\): Error: torn/],
    ['return "Withdrawn";', /^resolve\(\) returned invalid status value: "Withdrawn"/],
    ['return 5;', /^resolve\(\) returned invalid status value: "5"/],
  ] as const) {
    test(`of a constitution that says ${answer} is an error and leaves nothing`, () => {
      const law = `${variant().replace(/export function resolve[\s\S]*?\n}/, '')}
        export function resolve(proposal, proposerId, votes) { ${answer} }`;
      const broken = new Consortium({ engine, constitution: law });
      broken.activateAll();
      const before = broken.store.version;
      const result = broken.propose(broken.members[0] as Person);
      assert.equal(result.status, 500);
      assert.match(error(result).message, expected);
      assert.equal(broken.store.version, before);
    });
  }

  test('shows the final votes to apply', () => {
    const law = variant().replace(
      /export function apply[\s\S]*$/,
      `export function apply(proposal, proposalId) {
        const info = ccf.kv["public:ccf.gov.proposals_info"].get(ccf.strToBuf(proposalId));
        ccf.kv["public:seen"].set(ccf.strToBuf("info"), info);
      }`,
    );
    const own = new Consortium({ engine, constitution: law });
    own.activateAll();
    own.pass(data(1));
    const seen = JSON.parse(own.store.begin().get('public:seen', 'info') ?? '{}') as ProposalInfo;
    assert.deepEqual([seen.state, Object.values(seen.final_votes ?? {})], ['Accepted', [true, true]]);
  });

  test('closes a proposal and forgets every other closed one, but none that is open', () => {
    const accepted = propose().proposalId;
    vote(m0, accepted);
    vote(m1, accepted);
    const open = propose().proposalId;
    assert.equal(stateOf(accepted), 'Accepted');
    const withdrawn = propose().proposalId;
    service.withdraw(m0 as Person, withdrawn);
    assert.deepEqual(
      [stateOf(accepted), stateOf(open), stateOf(withdrawn)],
      [undefined, 'Open', 'Withdrawn'],
    );
    assert.equal(proposals.has(service.store.begin(), accepted), false);
    assert.equal(service.get(`/gov/members/proposals/${accepted}`).status, 404);
  });

  test('of two racing proposals: one that changes the constitution drops the other', () => {
    const other = propose().proposalId;
    const change = propose({ name: 'set_constitution', args: { constitution } }).proposalId;
    vote(m0, change);
    vote(m1, change);
    assert.deepEqual([stateOf(change), stateOf(other)], ['Accepted', 'Dropped']);
    assert.equal(error(vote(m1, other)).code, 'ProposalNotOpen');
  });

  test('counts the ballots of members who are still active, and is repeated when members leave', () => {
    const five = new Consortium({
      engine,
      constitution,
      roles: ['participant', 'participant', 'none', 'none', 'none'],
      recoveryThreshold: 1,
    });
    five.open();
    const [a, b, c, d, e] = five.members as [Person, Person, Person, Person, Person];
    const pending = shown(five.propose(a, data(3, a))).proposalId;
    five.vote(a, pending);
    five.vote(b, pending);
    // Two of five is not enough; it would be of three.
    const leave = (member: Person) => ({ name: 'remove_member', args: { member_id: member.id } });
    const removal = five.propose(c, leave(d), leave(e));
    for (const member of [a, b, c]) five.vote(member, shown(removal).proposalId);
    const state = () => proposalInfos.get(five.store.begin(), pending)?.state;
    assert.equal(state(), 'Open');
    five.propose(b, data(9, b));
    const before = five.store.version;
    five.reconsiderAll();
    assert.equal(five.store.version, before + 1, 'a proposal that stays open is not written again');
    assert.equal(state(), 'Accepted');

    // A removed member's ballot no longer counts.
    const second = shown(five.propose(a, data(4, a))).proposalId;
    five.vote(b, second);
    const removeB = shown(five.propose(a, leave(b))).proposalId;
    five.vote(a, removeB);
    five.vote(c, removeB);
    const last = shown(five.vote(a, second));
    assert.equal(last.proposalState, 'Open');
    assert.deepEqual(shown(five.vote(c, second)).finalVotes, { [a.id]: true, [c.id]: true });
  });
});

describe('state digests', () => {
  const path = (member: Person) => `/gov/members/state-digests/${member.id}`;
  const ack = (member: Person, stateDigest: unknown) =>
    service.post(`${path(member)}:ack`, member, { type: 'ack', payload: { stateDigest } });

  test('are refreshed by their member, shown to everybody, and acknowledged exactly', () => {
    service.sign();
    const update = service.post(`${path(m0 as Person)}:update`, m0 as Person, { type: 'state_digest' });
    const shownDigest = service.get(path(m0 as Person));
    assert.deepEqual(shownDigest.body, update.body);
    const wrong = ack(m0 as Person, '0'.repeat(64));
    assert.deepEqual([wrong.status, error(wrong).code], [400, 'StateDigestMismatch']);
    const missing = ack(m0 as Person, undefined);
    assert.deepEqual([missing.status, error(missing).code], [400, 'InvalidInput']);
    assert.equal(ack(m0 as Person, (update.body as { stateDigest: string }).stateDigest).status, 204);
    assert.ok(memberAcks.require(service.store.begin(), m0?.id ?? '').cose_sign1_req);
  });

  test('of strangers do not exist', () => {
    assert.equal(service.get(`/gov/members/state-digests/${nobody}`).status, 404);
    const stranger = makePerson('stranger');
    assert.equal(service.post(`${path(stranger)}:ack`, stranger, { type: 'ack' }).status, 401);
  });

  test('of a member whose record is gone cannot be acknowledged', () => {
    service.write((tx) => memberAcks.delete(tx, m0?.id ?? ''));
    const answer = ack(m0 as Person, '');
    assert.deepEqual([answer.status, error(answer).code], [403, 'AuthorizationFailed']);
  });

  test('that were never asked for cannot be acknowledged', () => {
    service.write((tx) => memberAcks.set(tx, m0?.id ?? '', { state_digest: '' }));
    assert.equal(error(ack(m0 as Person, '')).code, 'StateDigestMismatch');
  });

  test('of another member cannot be touched', () => {
    const answer = service.post(`${path(m1 as Person)}:update`, m0 as Person, { type: 'state_digest' });
    assert.deepEqual([answer.status, error(answer).code], [400, 'InvalidAuthenticationInfo']);
  });
});

describe('the version of the interface', () => {
  const codes: readonly [string, number, string][] = [
    ['/gov/service/info?x=1', 400, 'MissingApiVersionParameter'],
    ['/gov/service/info?api-version=2030-01-01', 400, 'UnsupportedApiVersionValue'],
    ['/gov/service/javascript-app?api-version=2023-06-01-preview', 400, 'UnsupportedApiVersionValue'],
    ['/gov/service/javascript-app?api-version=2024-07-01&case=upper', 400, 'InvalidQueryParameterValue'],
    ['/gov/service/transactions/0.7?api-version=2024-07-01', 400, 'InvalidQueryParameterValue'],
    ['/gov/service/javascript-modules/%2Fnone?api-version=2024-07-01', 404, 'ResourceNotFound'],
    ['/gov/service/javascript-modules/%zz?api-version=2024-07-01', 404, 'ResourceNotFound'],
  ];
  for (const [path, status, code] of codes) {
    test(`${path} is answered ${status} ${code}`, () => {
      const answer = service.get(path);
      assert.deepEqual([answer.status, error(answer).code], [status, code]);
    });
  }
  test('may be the older one where the older one had the endpoint', () => {
    assert.equal(service.get('/gov/service/info?api-version=2023-06-01-preview').status, 200);
  });
});
