import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { byteStringToUtf8 } from '@coco/kv';
import type { Preview } from './index.ts';
import { governanceLimits } from './limits.ts';
import { Consortium } from './testing/consortium.ts';
import { testEngine } from './testing/engine.ts';
import { makePerson, type Person, testNow } from './testing/people.ts';
import { variant } from './testing/texts.ts';

const engine = testEngine();
const yes = 'export function vote() { return true; }';
const user = makePerson('user');
const newcomer = makePerson('newcomer');

function opened(): { service: Consortium; members: [Person, Person, Person] } {
  const service = new Consortium({ engine, constitution: variant(), recoveryThreshold: 1 });
  service.open();
  return { service, members: service.members as [Person, Person, Person] };
}

const told = (answer: { status: number; text: string; body: never }): Preview => {
  assert.equal(answer.status, 200, answer.text);
  return answer.body as Preview;
};
const proposalIdIn = (answer: { body: never }) => (answer.body as { proposalId: string }).proposalId;

/** Tables that a proposal writes because it is one, whatever it asks for. */
const ofEveryProposal = /proposals$|proposals_info$|cose_history$|cose_recent_proposals$/;

const asks: readonly [string, (members: readonly Person[]) => { name: string; args?: unknown }][] = [
  ['a user', () => ({ name: 'set_user', args: { cert: user.certificate, user_data: { role: 'buyer' } } })],
  ['a member', () => ({ name: 'set_member', args: { cert: newcomer.certificate } })],
  ['less of the members', ([, m1]) => ({ name: 'remove_member', args: { member_id: m1?.id } })],
  ['another law', () => ({ name: 'set_constitution', args: { constitution: variant('unanimous') } })],
  ['a threshold', () => ({ name: 'set_recovery_threshold', args: { recovery_threshold: 2 } })],
  ['new shares', () => ({ name: 'trigger_recovery_shares_refresh' })],
  ['nothing', () => ({ name: 'remove_js_app' })],
];

describe('a preview', () => {
  for (const [what, ask] of asks) {
    test(`of a proposal that asks for ${what} tells what carrying it out then writes`, () => {
      const { members, service } = opened();
      const action = ask(members);
      const { changes = [] } = told(service.preview(members[0], { actions: [action] }));
      const past = service.store.begin();
      service.pass(action);
      // Resolving by the last ballot writes everything in one transaction.
      const { writeSet } = service.written.at(-1) ?? assert.fail();
      const written = [...writeSet].flatMap(([table, writes]) =>
        /^public:ccf\.internal\./.test(table) || ofEveryProposal.test(table)
          ? []
          : [...writes].flatMap(([key, value]) =>
              value === (past.get(table, key) ?? null)
                ? []
                : [[table, key.replaceAll('\0', ''), value && byteStringToUtf8(value)]],
            ),
      );
      const foretold = changes.map(({ after, key = '', table }) => [table, key, after]);
      assert.deepEqual(foretold.sort(), written.sort());
    });
  }

  test('leaves no trace', () => {
    const { members, service } = opened();
    const version = service.store.version;
    const actions = [
      { name: 'trigger_ledger_rekey' },
      { name: 'set_user', args: { cert: user.certificate } },
    ];
    const shred = { name: 'shred_audience', args: { audience: 'ab'.repeat(16) } };
    const { effects } = told(service.preview(members[0], { actions: [...actions, shred] }));
    assert.deepEqual(effects, ['triggerLedgerRekey', 'shredAudience']);
    assert.equal(service.store.version, version);
    assert.deepEqual(service.effects, ['opened']);
  });

  test('counts ballots that might be cast', () => {
    const { members, service } = opened();
    const [m0, m1, m2] = members;
    const actions = [{ name: 'remove_js_app' }];
    const state = (ballots: object) => told(service.preview(m0, { actions, ballots })).state;
    assert.equal(state({}), 'Open');
    assert.equal(state({ [m1.id]: yes }), 'Open');
    assert.equal(state({ [m1.id]: yes, [m2.id]: yes }), 'Accepted');
    const odd = { [m1.id]: 'export function vote() { throw new Error("no"); }', [newcomer.id]: yes };
    const { voteFailures, votes } = told(service.preview(m0, { actions, ballots: odd }));
    assert.deepEqual([votes, Object.keys(voteFailures ?? {})], [{}, [m1.id]]);
  });

  test('of an open proposal goes on from the ballots that are there, and says which others it would drop', () => {
    const { members, service } = opened();
    const [m0, m1, m2] = members;
    const other = proposalIdIn(service.propose(m1, { name: 'remove_js_app' }));
    const law = { name: 'set_constitution', args: { constitution: variant('unanimous') } };
    const proposalId = proposalIdIn(service.propose(m1, law));
    service.vote(m1, proposalId);
    const { changes, state } = told(service.preview(m0, { proposalId, ballots: { [m2.id]: yes } }));
    assert.equal(state, 'Accepted');
    const dropped = changes?.find(({ key }) => key === other);
    assert.match(dropped?.before ?? '', /"Open"/);
    assert.match(dropped?.after ?? '', /"Dropped"/);
    assert.equal(
      changes?.some(({ key }) => key === proposalId),
      false,
    );
  });

  test('says why a proposal is not valid, and why it could not be carried out', () => {
    const { members, service } = opened();
    const [m0] = members;
    const invalid = told(service.preview(m0, { actions: [{ name: 'no_such_thing' }] }));
    assert.deepEqual([invalid.valid, invalid.changes], [false, undefined]);
    assert.match(invalid.description ?? '', /no such action/);
    const args = { member_id: 'f'.repeat(64), member_data: {} };
    const failing = told(service.preview(m0, { actions: [{ name: 'set_member_data', args }] }));
    assert.equal(failing.valid, true);
    assert.match(failing.failure?.reason ?? '', /Failed to apply\(\)/);
  });

  test('gives away no certificate of the service', () => {
    const { members, service } = opened();
    const action = { name: 'set_service_certificate_validity', args: { valid_from: '261123000000Z' } };
    const { changes } = told(service.preview(members[0], { actions: [action] }));
    assert.match(changes?.[0]?.after ?? '', /made when the proposal is accepted/);
    assert.doesNotMatch(changes?.[0]?.after ?? '', /BEGIN CERTIFICATE/);
  });

  test('is for members, by certificate or by signature', () => {
    const { members, service } = opened();
    const asked = { actions: [{ name: 'remove_js_app' }] };
    assert.equal(service.preview(user, asked).status, 401);
    const signed = { type: 'preview', payload: asked };
    const path = '/gov/members/proposals:preview';
    assert.equal(service.post(path, members[0], signed).status, 200);
    // What was signed to be looked at can never be submitted.
    assert.equal(service.post('/gov/members/proposals:create', members[0], signed).status, 401);
  });

  test('of nonsense is refused', () => {
    const { members, service } = opened();
    const [m0] = members;
    const refused = (asked: object) => service.preview(m0, asked).status;
    assert.equal(refused([]), 400);
    assert.equal(refused({ actions: [], ballots: [] }), 400);
    assert.equal(refused({ actions: [], ballots: { [m0.id]: 5 } }), 400);
    assert.equal(refused({ proposalId: 'f'.repeat(64) }), 404);
    assert.equal(refused({ proposalId: 5 }), 404);
    const closed = proposalIdIn(service.propose(m0, { name: 'remove_js_app' }));
    service.withdraw(m0, closed);
    assert.equal(refused({ proposalId: closed }), 400);
    // No actions at all: the constitution throws, and that is told.
    assert.equal(told(service.preview(m0, {})).valid, false);
  });
});

describe('a signed preview', () => {
  const now = Math.floor(testNow / 1000);
  const most = governanceLimits.signedReadSecondsMax;
  const asked = [
    ['/gov/members/proposals:preview', { actions: [{ name: 'remove_js_app' }] }],
    ['/gov/service/undo:preview', { transactions: ['2.1'], policy: 'restore' }],
  ] as const;
  for (const [path, payload] of asked) {
    test(`at ${path} is answered while it is fresh, by the clock of the node`, () => {
      const { members, service } = opened();
      for (const [createdAt, status] of [
        [now - most, 200],
        [now + most, 200],
        [now - most - 1, 400],
        [now + most + 1, 400],
        [0, 400],
        [2 ** 53 - 1, 400],
      ] as const) {
        const answer = service.post(path, members[0], { type: 'preview', payload, createdAt });
        assert.equal(answer.status, status, answer.text);
        if (status === 400) assert.match(answer.text, /InvalidCreatedAt.*sign the request anew/);
      }
    });
  }
});
