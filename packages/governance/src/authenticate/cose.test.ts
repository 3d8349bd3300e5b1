import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CborTag, decodeCbor, encodeCbor } from '@coco/crypto';
import { Store, type Tx } from '@coco/kv';
import { memberCerts, memberInfos } from '../tables/members.ts';
import { userCerts, userInfos } from '../tables/users.ts';
import { makePerson, signMessage, testNow } from '../testing/people.ts';
import { readWire, wireJson, wireMissing } from '../testing/wire.ts';
import { authenticate } from './authenticate.ts';

const member = makePerson('member');
const novice = makePerson('novice');
const user = makePerson('user');
const stranger = makePerson('stranger');
const createdAt = 1_795_400_000;

function tables(): Tx {
  const tx = new Store().begin();
  memberCerts.set(tx, member.id, member.certificate);
  memberInfos.set(tx, member.id, { status: 'Active' });
  memberCerts.set(tx, novice.id, novice.certificate);
  memberInfos.set(tx, novice.id, { status: 'Accepted' });
  userCerts.set(tx, user.id, user.certificate);
  return tx;
}

const active = { policy: 'active_member_cose_sign1', type: 'proposal' } as const;
const cose = { 'content-type': 'application/cose' };
const proposal = signMessage(member, { type: 'proposal', createdAt, payload: { actions: [] } });

function ask(
  body: Uint8Array,
  headers: Record<string, string> = cose,
  policy: typeof active | string = active,
) {
  return authenticate(tables(), [policy], { headers, body, certificate: null }, testNow);
}

function tampered(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[copy.length - 1] = (copy[copy.length - 1] ?? 0) ^ 1;
  return copy;
}

describe('a member’s signature', () => {
  test('of the expected type by an active member says who proposes, and what', () => {
    const result = ask(proposal);
    assert.ok(result.kind === 'authenticated' && result.caller?.policy === 'active_member_cose_sign1');
    const { memberId, payload, createdAt: at, envelope } = result.caller as never as Record<string, unknown>;
    assert.equal(memberId, member.id);
    assert.equal(new TextDecoder().decode(payload as Uint8Array), '{"actions":[]}');
    assert.equal(at, createdAt);
    assert.equal(envelope, proposal);
  });

  const refusals: readonly [string, Uint8Array, Record<string, string>, string][] = [
    ['without a content type', proposal, {}, 'Missing content-type header'],
    [
      'as JSON',
      proposal,
      { 'content-type': 'application/json' },
      'Content type is not set to application/cose',
    ],
    [
      'as COSE with a parameter',
      proposal,
      { 'content-type': 'application/cose; cose-type="cose-sign1"' },
      'Content type is not set to application/cose',
    ],
    [
      'by a member nobody knows',
      signMessage(stranger, { type: 'proposal', createdAt }),
      cose,
      'Signer is not a known member',
    ],
    ['by a user', signMessage(user, { type: 'proposal', createdAt }), cose, 'Signer is not a known member'],
    [
      'in another member’s name',
      signMessage(stranger, { type: 'proposal', createdAt, kid: member.id }),
      cose,
      'Failed to validate COSE Sign1',
    ],
    ['with one flipped bit', tampered(proposal), cose, 'Failed to validate COSE Sign1'],
    [
      'without a type',
      signMessage(member, { createdAt }),
      cose,
      'Missing ccf.gov.msg.type, expected ccf.gov.msg.type to be proposal',
    ],
    [
      'of another type',
      signMessage(member, { type: 'ballot', createdAt }),
      cose,
      'Found ccf.gov.msg.type set to ballot, expected ccf.gov.msg.type to be proposal',
    ],
    [
      'by a member who has not acknowledged',
      signMessage(novice, { type: 'proposal', createdAt }),
      cose,
      'Signer is not an ACTIVE member',
    ],
  ];
  for (const [name, body, headers, message] of refusals) {
    test(`${name} is refused: ${message}`, () => {
      assert.deepEqual(ask(body, headers), {
        kind: 'refused',
        status: 401,
        code: 'InvalidAuthenticationInfo',
        message: 'Invalid authentication credentials.',
        details: [{ auth_policy: 'active_member_cose_sign1', code: 'InvalidAuthenticationInfo', message }],
        challenge: 'COSE-SIGN1 realm="Signed request access"',
      });
    });
  }

  test('the algorithm is looked at before the signer, and the signature before the type', () => {
    const parts = (decodeCbor(proposal, 'any') as CborTag).value as Uint8Array[];
    const headers = new Map(decodeCbor(parts[0] as Uint8Array, 'any') as Map<number | string, unknown>);
    headers.set(1, -8);
    headers.set(4, new TextEncoder().encode(stranger.id));
    const bent = encodeCbor(new CborTag(18, [encodeCbor(headers as never), ...parts.slice(1)]));
    assert.match(JSON.stringify(ask(bent)), /Unsupported algorithm: -8/);
    const wrongTypeAndSignature = tampered(signMessage(member, { type: 'ballot', createdAt }));
    assert.match(JSON.stringify(ask(wrongTypeAndSignature)), /Failed to validate COSE Sign1/);
  });

  const malformed: readonly [string, Uint8Array, string][] = [
    ['no bytes', new Uint8Array(0), 'Failed to parse COSE_Sign1 outer array'],
    ['text', new TextEncoder().encode('not cose at all'), 'Failed to parse COSE_Sign1 outer array'],
    ['no tag', proposal.subarray(1), 'COSE_Sign1 is not tagged'],
    ['another tag', Uint8Array.of(0xd1, ...proposal.subarray(1)), 'COSE_Sign1 is not tagged'],
    [
      'no created_at',
      signMessage(member, { type: 'proposal' }),
      'Protected header ccf.gov.msg.created_at is missing.',
    ],
    [
      'a negative created_at',
      signMessage(member, { type: 'proposal', createdAt: -1 }),
      'Protected header ccf.gov.msg.created_at is not a whole number of seconds.',
    ],
    [
      'a created_at that is text',
      signMessage(member, { type: 'proposal', createdAt: '1' }),
      'Protected header ccf.gov.msg.created_at is not a whole number of seconds.',
    ],
  ];
  for (const [name, body, message] of malformed) {
    test(`an envelope with ${name} is an error of its own: ${message}`, () => {
      assert.deepEqual(ask(body), { kind: 'refused', status: 500, code: 'InternalError', message });
    });
  }

  test('random bytes never do more than be refused', () => {
    let state = 7;
    for (let round = 0; round < 300; round++) {
      const bytes = Uint8Array.from(proposal);
      for (let flips = 0; flips <= round % 5; flips++) {
        state = (state * 1103515245 + 12345) % 2147483648;
        bytes[state % bytes.length] = state % 256;
      }
      const result = ask(bytes.subarray(0, round % 3 === 0 ? state % bytes.length : bytes.length));
      if (result.kind === 'authenticated') assert.deepEqual(bytes, proposal);
    }
  });
});

describe('a user’s signature', () => {
  test('gives the caller and the signed content', () => {
    const tx = tables();
    userInfos.set(tx, user.id, { user_data: { role: 'buyer' } });
    const body = signMessage(user, { payload: 'order 7' });
    const result = authenticate(tx, ['user_cose_sign1'], { headers: cose, body, certificate: null }, testNow);
    assert.deepEqual(result, {
      kind: 'authenticated',
      caller: {
        policy: 'user_cose_sign1',
        id: user.id,
        data: { role: 'buyer' },
        cert: user.certificate,
        cose: { content: { $bytes: 'order 7' } },
      },
    });
  });

  test('of a member is not a user’s', () => {
    assert.match(JSON.stringify(ask(proposal, cose, 'user_cose_sign1')), /Signer is not a known user/);
  });
});

describe('envelopes recorded from members and users of CCF', { skip: wireMissing }, () => {
  test('a user’s envelope authenticates with the recorded certificate', () => {
    const { headers, body } = readWire('js/app_multi_auth_usercose.req');
    const users = wireJson('js/gov_service_users.res').value as { userId: string; certificate: string }[];
    const tx = new Store().begin();
    for (const each of users) userCerts.set(tx, each.userId, each.certificate);
    const result = authenticate(tx, ['user_cose_sign1'], { headers, body, certificate: null }, testNow);
    assert.ok(result.kind === 'authenticated');
    assert.equal((result.caller as { id: string }).id, users[0]?.userId);
  });

  test('a member’s proposal authenticates while the member is there, and no longer once removed', () => {
    const { headers, body } = readWire('extra/member_removed_propose.req');
    const recorded = wireJson('extra/member_active_get.res') as { memberId: string; certificate: string };
    const tx = new Store().begin();
    memberCerts.set(tx, recorded.memberId, recorded.certificate);
    memberInfos.set(tx, recorded.memberId, { status: 'Active' });
    const known = authenticate(tx, [active], { headers, body, certificate: null }, testNow);
    assert.ok(known.kind === 'authenticated');
    memberCerts.delete(tx, recorded.memberId);
    const removed = authenticate(tx, [active], { headers, body, certificate: null }, testNow);
    const { error } = wireJson('extra/member_removed_propose.res') as { error: { details: unknown } };
    assert.deepEqual(removed.kind === 'refused' && removed.details, error.details);
  });

  for (const name of [
    'cose_empty_body',
    'cose_malformed_garbage',
    'cose_no_content_type',
    'cose_unknown_kid',
    'cose_unsupported_alg',
    'cose_untagged',
    'cose_user_not_member',
    'cose_with_membercert_json',
    'cose_wrong_content_type',
  ]) {
    test(`${name} is refused alike`, () => {
      const { headers, body } = readWire(`js/${name}.req`);
      const answer = readWire(`js/${name}.res`);
      const { error } = wireJson(`js/${name}.res`) as {
        error: { code: string; message: string; details?: unknown };
      };
      const result = ask(body, headers);
      assert.ok(result.kind === 'refused');
      assert.equal(String(result.status), answer.start.split(' ')[1]);
      assert.deepEqual(
        { code: result.code, message: result.message, details: result.details },
        { code: error.code, message: error.message, details: error.details },
      );
      assert.equal(result.challenge, answer.headers['www-authenticate']);
    });
  }
});
