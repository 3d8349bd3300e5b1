import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseCertificate } from '@coco/crypto';
import { Store, type Tx } from '@coco/kv';
import { memberCerts, memberInfos } from '../tables/members.ts';
import { nodeInfos } from '../tables/nodes.ts';
import { userCerts, userInfos } from '../tables/users.ts';
import { makePerson, testNow } from '../testing/people.ts';
import { authenticate, type Policy } from './authenticate.ts';

const user = makePerson('user');
const member = makePerson('member');
const stranger = makePerson('stranger');
const userCertificate = parseCertificate(user.certificate);
const memberCertificate = parseCertificate(member.certificate);
const strangerCertificate = parseCertificate(stranger.certificate);
const dayMs = 24 * 60 * 60 * 1000;
const seconds = (ms: number): number => Math.floor(ms / 1000);

function tables(): Tx {
  const tx = new Store().begin();
  userCerts.set(tx, user.id, user.certificate);
  userInfos.set(tx, user.id, { user_data: { isAdmin: true } });
  memberCerts.set(tx, member.id, member.certificate);
  memberInfos.set(tx, member.id, { status: 'Accepted', member_data: { n: 1 } });
  nodeInfos.set(tx, stranger.key.publicKey.id, {} as never);
  return tx;
}

function ask(policies: readonly Policy[], certificate: typeof userCertificate | null, now = testNow) {
  return authenticate(tables(), policies, { headers: {}, body: new Uint8Array(0), certificate }, now);
}

const userCaller = { policy: 'user_cert', id: user.id, data: { isAdmin: true }, cert: user.certificate };
const memberCaller = { policy: 'member_cert', id: member.id, data: { n: 1 }, cert: member.certificate };
const afterwards = testNow + 2 * dayMs;
const tooLate = `Current time ${seconds(afterwards)} is after certificate's Not After validity period`;
const tooEarly = `Current time ${seconds(testNow - 2 * dayMs)} is before certificate's Not Before validity period`;

describe('certificate policies', () => {
  const admitted: readonly [string, Policy[], typeof userCertificate | null, number, unknown][] = [
    ['an endpoint without policies is open to everybody, and nobody is named', [], null, testNow, null],
    ['no_auth admits everybody', ['no_auth'], null, testNow, { policy: 'no_auth' }],
    ['user_cert admits a known user', ['user_cert'], userCertificate, testNow, userCaller],
    [
      'member_cert admits a member who is only accepted',
      ['member_cert'],
      memberCertificate,
      testNow,
      memberCaller,
    ],
    ['member_cert does not look at dates', ['member_cert'], memberCertificate, afterwards, memberCaller],
    [
      'any_cert admits a stranger',
      ['any_cert'],
      strangerCertificate,
      testNow,
      { policy: 'any_cert', cert: stranger.certificate },
    ],
    [
      'node_cert admits a node by its key',
      ['node_cert'],
      strangerCertificate,
      testNow,
      { policy: 'node_cert', id: stranger.key.publicKey.id },
    ],
    [
      'the first policy that holds wins',
      ['member_cert', 'user_cert', 'any_cert'],
      userCertificate,
      testNow,
      userCaller,
    ],
    [
      'all_of names everybody, in order of the policies’ names',
      [{ all_of: ['user_cert', 'any_cert'] }],
      userCertificate,
      testNow,
      {
        policy: ['any_cert', 'user_cert'],
        any_cert: { policy: 'any_cert', cert: user.certificate },
        user_cert: userCaller,
      },
    ],
  ];
  for (const [name, policies, certificate, now, caller] of admitted) {
    test(name, () => assert.deepEqual(ask(policies, certificate, now), { kind: 'authenticated', caller }));
  }

  const refused: readonly [string, Policy, typeof userCertificate | null, number, string][] = [
    ['user_cert', 'user_cert', null, testNow, 'No caller user certificate'],
    ['member_cert', 'member_cert', null, testNow, 'No caller member certificate'],
    ['any_cert', 'any_cert', null, testNow, 'No caller certificate'],
    ['node_cert', 'node_cert', null, testNow, 'No caller node certificate'],
    ['user_cert', 'user_cert', memberCertificate, testNow, 'Could not find matching user certificate'],
    ['member_cert', 'member_cert', userCertificate, testNow, 'Could not find matching member certificate'],
    ['node_cert', 'node_cert', userCertificate, testNow, 'Could not find matching node certificate'],
    ['user_cert', 'user_cert', userCertificate, afterwards, tooLate],
    ['any_cert', 'any_cert', userCertificate, testNow - 2 * dayMs, tooEarly],
    [
      'any_cert+member_cert',
      { all_of: ['member_cert', 'any_cert'] },
      userCertificate,
      testNow,
      'member_cert:Could not find matching member certificate',
    ],
  ];
  for (const [name, policy, certificate, now, message] of refused) {
    test(`${name} refuses: ${message}`, () => {
      const result = ask([policy], certificate, now);
      assert.ok(result.kind === 'refused' && result.status === 401);
      assert.equal(result.details?.[0]?.auth_policy, name);
      assert.ok(result.details?.[0]?.message.startsWith(message), result.details?.[0]?.message);
    });
  }

  test('a certificate is valid through the whole of its last second', () => {
    const { notAfter } = userCertificate;
    assert.equal(ask(['user_cert'], userCertificate, notAfter + 999).kind, 'authenticated');
    assert.equal(ask(['user_cert'], userCertificate, notAfter + 1000).kind, 'refused');
  });

  test('every policy that failed is told, in order; the last one alone may challenge', () => {
    const result = ask(['jwt', 'user_cert'], null);
    assert.ok(result.kind === 'refused');
    assert.deepEqual(
      result.details?.map((detail) => [detail.auth_policy, detail.message]),
      [
        ['jwt', 'Missing authorization header'],
        ['user_cert', 'No caller user certificate'],
      ],
    );
    assert.equal(result.challenge, undefined);
    const last = ask(['user_cert', 'jwt'], null);
    const challenge = 'Bearer realm="JWT bearer token access", error="invalid_token"';
    assert.equal(last.kind === 'refused' && last.challenge, challenge);
  });

  test('a policy nobody knows is an error, also the ones only members may be asked for', () => {
    for (const name of ['nonsense', 'member_cose_sign1', 'constructor', '']) {
      assert.throws(() => ask([name], null), {
        code: 'UnknownPolicy',
        message: `Unknown auth policy: ${name}`,
      });
    }
  });
});
