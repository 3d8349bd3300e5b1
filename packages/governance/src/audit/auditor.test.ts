import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sha256ByteString } from '@coco/crypto';
import type { WriteSet } from '@coco/kv';
import {
  constitution as constitutionTable,
  GovernanceAuditor,
  nodeInfos,
  proposalInfos,
  serviceInfo,
} from '../index.ts';
import { Consortium, nodeRecord } from '../testing/consortium.ts';
import { testEngine } from '../testing/engine.ts';
import { makePerson, type Person } from '../testing/people.ts';
import { variant } from '../testing/texts.ts';

const engine = testEngine();
const singleton = '\0'.repeat(8);

interface Recorded {
  readonly seqno: number;
  readonly writeSet: WriteSet;
}

/** Everything a consortium wrote while it did what it does. */
function recordLife(): Recorded[] {
  const service = new Consortium({
    engine,
    constitution: variant(),
    roles: ['participant', 'participant', 'none', 'none', 'none'],
    recoveryThreshold: 1,
  });
  const [m0, m1, m2, m3, m4] = service.members as [Person, Person, Person, Person, Person];
  const idOf = (answer: { body: never }) => (answer.body as { proposalId: string }).proposalId;
  const node = 'b'.repeat(64);

  service.open();
  service.pass({ name: 'set_user', args: { cert: makePerson('user').certificate } });
  service.write((tx) => nodeInfos.set(tx, node, nodeRecord(service.nodeKey.publicKey.pem)));
  service.pass({ name: 'transition_node_to_trusted', args: { node_id: node, valid_from: '261123000000Z' } });
  service.pass({ name: 'set_service_certificate_validity', args: { valid_from: '261123000000Z' } });
  const withdrawn = idOf(service.propose(m1, { name: 'remove_js_app' }));
  service.vote(m0, withdrawn);
  service.withdraw(m1, withdrawn);

  const waiting = idOf(service.propose(m0, { name: 'remove_js_app' }));
  service.vote(m0, waiting);
  service.vote(m1, waiting);
  const leave = (member: Person) => ({ name: 'remove_member', args: { member_id: member.id } });
  const removal = idOf(service.propose(m2, leave(m3), leave(m4)));
  for (const member of [m0, m1, m2]) service.vote(member, removal);
  service.reconsiderAll();
  service.pass({ name: 'trigger_ledger_rekey' });
  service.pass({ name: 'set_constitution', args: { constitution: variant('unanimous') } });
  return service.written;
}

const life = recordLife();

function audit(entries: readonly Recorded[]) {
  const auditor = new GovernanceAuditor(engine);
  for (const { seqno, writeSet } of entries) {
    const finding = auditor.feed({ seqno, writeSet, root: sha256ByteString(`root at ${seqno - 1}`) });
    if (finding !== undefined) return finding;
  }
  return undefined;
}

/** The life with one written value changed, at the first entry in which `change` finds something to change. */
function tamper(
  map: string,
  change: (value: string, key: string) => string | undefined,
): { entries: Recorded[]; at: number } {
  let at = -1;
  const entries = life.map(({ seqno, writeSet }) => {
    const writes = writeSet.get(map);
    if (at >= 0 || writes === undefined) return { seqno, writeSet };
    const changed = [...writes].map(
      ([key, value]) => [key, value === null ? null : (change(value, key) ?? value)] as const,
    );
    if (changed.every(([key, value]) => writes.get(key) === value)) return { seqno, writeSet };
    at = seqno;
    return { seqno, writeSet: new Map(writeSet).set(map, new Map(changed)) };
  });
  assert.ok(at > 0, 'nothing was tampered with');
  return { entries, at };
}

describe('the audit of governance', () => {
  test('finds nothing in a ledger that was governed by its members', () => {
    assert.equal(audit(life), undefined);
    assert.ok(life.length > 40);
  });

  const forgeries: readonly [string, string, (value: string) => string | undefined, RegExp][] = [
    [
      'a ballot that was turned around',
      proposalInfos.name,
      (value) => (value.includes('return true') ? value.replace('return true', 'return false') : undefined),
      /proposals_info does not follow from the decision/,
    ],
    [
      'a vote that was counted and never cast',
      proposalInfos.name,
      (value) => (value.includes('"final_votes":{') ? value.replace(':true', ':false') : undefined),
      /proposals_info does not follow/,
    ],
    [
      'a proposal accepted before enough agreed',
      proposalInfos.name,
      (value) =>
        value.includes('"Open"') && value.includes('vote()')
          ? value.replace('"Open"', '"Accepted"')
          : undefined,
      /proposals_info does not follow/,
    ],
    [
      'a changed envelope',
      'public:ccf.gov.cose_history',
      (value) => `${value.slice(0, -8)}AAAA${value.slice(-4)}`,
      /does not hold: Failed to validate COSE Sign1/,
    ],
    [
      'another proposal than the one that was signed',
      'public:ccf.gov.proposals',
      (value) => value.replace('next_service_identity', 'other_service_identity'),
      /proposals does not follow/,
    ],
    [
      'another user than the one voted in',
      'public:ccf.gov.users.certs',
      () => makePerson('intruder').certificate,
      /users.certs does not follow/,
    ],
    [
      'another constitution than the one voted for',
      constitutionTable.name,
      (value) => (value.includes('Rejected') ? JSON.stringify(variant('sandbox')) : undefined),
      /constitution does not follow/,
    ],
  ];
  for (const [name, map, change, problem] of forgeries) {
    test(`finds ${name}, where it is`, () => {
      const { entries, at } = tamper(map, change);
      const finding = audit(entries);
      assert.equal(finding?.seqno, at);
      assert.match(finding?.problem ?? '', problem);
    });
  }

  /** The life, and one more entry. */
  const followedBy = (map: string, key: string, value: string): Recorded[] => {
    const seqno = (life.at(-1)?.seqno ?? 0) + 1;
    return [...life, { seqno, writeSet: new Map([[map, new Map([[key, value]])]]) }];
  };
  const trusted = JSON.stringify({ ...nodeRecord('pem'), status: 'Trusted' });
  const intrusions: readonly [string, Recorded[], RegExp][] = [
    [
      'a constitution that nobody voted for',
      followedBy(constitutionTable.name, singleton, '"law"'),
      /constitution was written without any decision/,
    ],
    [
      'a member nobody voted in',
      followedBy('public:ccf.gov.members.info', 'x', '{"status":"Active"}'),
      /members.info was written without any decision/,
    ],
    [
      'a node nobody trusted',
      followedBy(nodeInfos.name, 'x', trusted),
      /node x became trusted without a decision/,
    ],
    [
      'a service identity nobody asked for',
      followedBy(serviceInfo.name, singleton, '{"cert":"x","status":"Open"}'),
      /service changed without a decision/,
    ],
  ];
  for (const [name, entries, problem] of intrusions) {
    test(`finds ${name}`, () => assert.match(audit(entries)?.problem ?? '', problem));
  }

  test('lets nodes do what nodes may do by themselves', () => {
    const pending = JSON.stringify(nodeRecord('pem'));
    assert.equal(audit(followedBy(nodeInfos.name, 'x', pending)), undefined);
    const keys = 'public:ccf.gov.jwt.public_signing_keys_metadata_v2';
    assert.equal(audit(followedBy(keys, 'kid', '[]')), undefined);
    assert.equal(audit(followedBy('private', 'x', 'y')), undefined);
  });
});
