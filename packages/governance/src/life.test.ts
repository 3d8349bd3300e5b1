import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromBase64, generateKeyPair, parseCertificate, rsaOaepUnwrap, toBase64 } from '@coco/crypto';
import {
  endpoints,
  jwtSigningKeys,
  memberInfos,
  modules,
  nodeEndorsedCertificates,
  nodeInfos,
  proposalInfos,
  recoveryShares,
  serviceConfiguration,
  serviceInfo,
  userCerts,
} from './index.ts';
import { Consortium, nodeRecord } from './testing/consortium.ts';
import { testEngine } from './testing/engine.ts';
import { makePerson, type Person } from './testing/people.ts';
import { stockConstitution, stockMissing, variant } from './testing/texts.ts';

const engine = testEngine();
const bundle = {
  modules: [{ name: 'src/app.js', module: 'export function get() { return { body: "hello" }; }' }],
  metadata: {
    endpoints: {
      '/hello': {
        get: {
          js_module: 'src/app.js',
          js_function: 'get',
          mode: 'readonly',
          forwarding_required: 'sometimes',
          authn_policies: ['user_cert'],
        },
      },
    },
  },
};

interface Outcome {
  readonly proposalState: string;
  readonly proposalId: string;
}

/** The life of a service from its first transaction, whatever the constitution. */
function lifeOf(constitution: string): void {
  const service = new Consortium({ engine, constitution, roles: ['participant', 'participant', 'none'] });
  const [m0, m1, m2] = service.members as [Person, Person, Person];
  const user = makePerson('user');
  const state = () => service.store.begin();
  const accepted = (answer: { status: number; body: never; text: string }): void => {
    assert.equal(answer.status, 200, answer.text);
    assert.equal((answer.body as Outcome).proposalState, 'Accepted', answer.text);
  };

  // Nobody may propose before having acknowledged a state of the service, and there is none yet.
  assert.equal(service.propose(m0).status, 401);
  const early = service.post(`/gov/members/state-digests/${m0.id}:update`, m0, { type: 'state_digest' });
  assert.equal(early.status, 500);
  service.activateAll();
  assert.deepEqual(
    [...memberInfos.entries(state())].map(([, info]) => info.status),
    ['Active', 'Active', 'Active'],
  );

  accepted(
    service.pass({ name: 'set_user', args: { cert: user.certificate, user_data: { role: 'buyer' } } }),
  );
  assert.equal(userCerts.get(state(), user.id), user.certificate);

  accepted(service.pass({ name: 'set_js_app', args: { bundle } }));
  assert.deepEqual([...modules.keys(state())], ['/src/app.js']);
  assert.equal(endpoints.get(state(), 'GET /hello')?.js_module, '/src/app.js');

  // The service opens under the identity the members saw.
  const next_service_identity = serviceInfo.require(state()).cert;
  accepted(service.pass({ name: 'transition_service_to_open', args: { next_service_identity } }));
  assert.equal(serviceInfo.require(state()).status, 'Open');
  assert.deepEqual(
    Object.keys(recoveryShares.require(state()).encrypted_shares).sort(),
    [m0.id, m1.id].sort(),
  );

  // One proposal brings in a member and its first node.
  const newcomer = makePerson('newcomer', 2);
  const nodeId = 'b'.repeat(64);
  service.write((tx) => nodeInfos.set(tx, nodeId, nodeRecord(service.nodeKey.publicKey.pem)));
  const encryption_pub_key = newcomer.encryptionKey?.publicKey.pem;
  accepted(
    service.pass(
      { name: 'set_member', args: { cert: newcomer.certificate, encryption_pub_key, member_data: { n: 9 } } },
      { name: 'transition_node_to_trusted', args: { node_id: nodeId, valid_from: '261123000000Z' } },
    ),
  );
  assert.equal(nodeInfos.require(state(), nodeId).status, 'Trusted');
  const endorsed = parseCertificate(nodeEndorsedCertificates.require(state(), nodeId));
  assert.equal(endorsed.notAfter - endorsed.notBefore, 365 * 86_400_000 - 1000);
  assert.equal(service.propose(newcomer).status, 401);
  assert.equal(service.activate(newcomer).status, 204);
  assert.ok(Object.hasOwn(recoveryShares.require(state()).encrypted_shares, newcomer.id));

  // It now takes part, and counts: three of four must agree.
  const open = service.propose(newcomer, { name: 'set_recovery_threshold', args: { recovery_threshold: 3 } });
  const { proposalId } = open.body as Outcome;
  for (const member of [m0, m2]) {
    assert.equal((service.vote(member, proposalId).body as Outcome).proposalState, 'Open');
  }
  accepted(service.vote(newcomer, proposalId));
  assert.equal(serviceConfiguration.require(state()).recovery_threshold, 3);

  // With a threshold of three nobody who holds a share can leave.
  const leave = { name: 'remove_member', args: { member_id: m1.id } };
  const refused = service.pass(leave);
  assert.equal(refused.status, 500);
  assert.match(
    refused.text,
    /Failed to apply\(\): Error: .*\(2\) would be less than recovery threshold \(3\)/,
  );
  accepted(service.pass({ name: 'set_recovery_threshold', args: { recovery_threshold: 2 } }, leave));
  assert.equal(service.effects.at(-1), 'rekey');
  const removed = service.propose(m1);
  assert.match(removed.text, /Signer is not a known member/);
}

describe('the life of a service', () => {
  test('under our default constitution', () => lifeOf(variant()));
  test('under the stock constitution of CCF, unchanged', { skip: stockMissing }, () =>
    lifeOf(stockConstitution()),
  );
  test('under the stock sandbox constitution every proposal is accepted at once', {
    skip: stockMissing,
  }, () => {
    const service = new Consortium({ engine, constitution: stockConstitution('sandbox') });
    service.activateAll();
    const answer = service.propose(service.members[0] as Person, { name: 'remove_js_app' });
    assert.equal((answer.body as Outcome).proposalState, 'Accepted');
  });
});

describe('a recovery member who is removed', () => {
  test('gets no share of the new key', () => {
    const service = new Consortium({ engine, constitution: variant(), recoveryThreshold: 2 });
    service.open();
    const leaver = service.members[2] as Person;
    service.pass({ name: 'remove_member', args: { member_id: leaver.id } });
    assert.equal(service.effects.at(-1), 'rekey');
    assert.equal(service.get(`/gov/recovery/encrypted-shares/${leaver.id}`).status, 404);
  });
});

describe('disaster recovery', () => {
  test('members vote the service open, give their shares back, and the old secret is there again', () => {
    const service = new Consortium({ engine, constitution: variant(), recoveryThreshold: 2 });
    service.open();
    const [m0, m1, m2] = service.members as [Person, Person, Person];
    const lost = service.secret;
    const shares = service.members.map((member) => {
      const fetched = service.get(`/gov/recovery/encrypted-shares/${member.id}`);
      const { encryptedShare } = fetched.body as { encryptedShare: string };
      return toBase64(rsaOaepUnwrap(member.encryptionKey as never, fromBase64(encryptedShare)));
    });
    const give = (member: Person, share: string | undefined) => {
      const path = `/gov/recovery/members/${member.id}:recover`;
      return service.post(path, member, { type: 'recovery_share', payload: { share } });
    };
    assert.equal(give(m0, shares[0]).status, 403);

    service.secret = { from: 1000, raw: service.random(32) };
    service.write((tx) =>
      serviceInfo.set(tx, { ...serviceInfo.require(tx), status: 'WaitingForRecoveryShares' }),
    );
    assert.equal(give(m0, '!').status, 400);
    assert.equal(give(m0, undefined).status, 400);
    assert.equal(give(m0, toBase64(new Uint8Array(44).fill(255))).status, 400);
    const stolen = service.post(`/gov/recovery/members/${m1.id}:recover`, m0, {
      type: 'recovery_share',
      payload: { share: shares[1] },
    });
    assert.equal(stolen.status, 400);

    assert.deepEqual(give(m0, shares[0]).body, {
      message: '1/2 recovery shares successfully submitted',
      submittedCount: 1,
      recoveryThreshold: 2,
      fullKeySubmitted: false,
    });
    // The share of another member does not fit together with that member's own: all are cleared, for good.
    const spoiled = give(m1, shares[0]);
    assert.equal(spoiled.status, 500);
    assert.match(spoiled.text, /Failed to initiate private recovery\./);
    assert.equal((give(m2, shares[2]).body as { submittedCount: number }).submittedCount, 1);
    const last = give(m1, shares[1]);
    assert.equal(
      (last.body as { message: string }).message,
      '2/2 recovery shares successfully submitted\nEnd of recovery procedure initiated',
    );
    assert.deepEqual(service.recovered, lost.raw);
    assert.match(give(m0, shares[0]).text, /NodeAlreadyRecovering/);
  });

  test('an owner recovers alone', () => {
    const roles = ['participant', 'participant', 'owner'] as const;
    const service = new Consortium({ engine, constitution: variant(), roles });
    service.open();
    const lost = service.secret;
    const owner = service.members[2] as Person;
    const fetched = service.get(`/gov/recovery/encrypted-shares/${owner.id}`).body as {
      encryptedShare: string;
    };
    const share = toBase64(rsaOaepUnwrap(owner.encryptionKey as never, fromBase64(fetched.encryptedShare)));
    service.secret = { from: 1000, raw: service.random(32) };
    service.write((tx) =>
      serviceInfo.set(tx, { ...serviceInfo.require(tx), status: 'WaitingForRecoveryShares' }),
    );
    const path = `/gov/recovery/members/${owner.id}:recover`;
    const answer = service.post(path, owner, { type: 'recovery_share', payload: { share } });
    const message = 'Full recovery key successfully submitted\nEnd of recovery procedure initiated';
    assert.deepEqual(answer.body, {
      message,
      submittedCount: 1,
      recoveryThreshold: 2,
      fullKeySubmitted: true,
    });
    assert.deepEqual(service.recovered, lost.raw);
  });

  test('a recovery member cannot become active in between', () => {
    const service = new Consortium({
      engine,
      constitution: variant(),
      roles: ['participant', 'participant'],
    });
    service.sign();
    service.write((tx) => serviceInfo.set(tx, { ...serviceInfo.require(tx), status: 'Recovering' }));
    const answer = service.activate(service.members[0] as Person);
    assert.equal(answer.status, 400);
    assert.match(answer.text, /Recovery members cannot be activated during recovery/);
  });
});

describe('token issuers', () => {
  test('come and go with their keys, by vote', () => {
    const service = new Consortium({ engine, constitution: variant() });
    service.activateAll();
    const key = generateKeyPair('P-256').publicKey;
    const jwk = { kid: 'k1', kty: 'EC', ...publicPart(key.pem) };
    const issuer = 'https://issuer.example.com';
    service.pass({ name: 'set_jwt_issuer', args: { issuer, jwks: { keys: [jwk] } } });
    assert.equal(jwtSigningKeys.require(service.store.begin(), 'k1')[0]?.issuer, issuer);
    const shown = service.get('/gov/service/jwk').body as { keys: { k1: [{ publicKey: string }] } };
    assert.equal(shown.keys.k1[0].publicKey, key.pem);
    const foreign = { ...jwk, issuer: 'https://elsewhere.example' };
    const bad = service.pass({
      name: 'set_jwt_public_signing_keys',
      args: { issuer, jwks: { keys: [foreign] } },
    });
    assert.match(bad.text, /Failed to apply\(\): Error: set_jwt_public_signing_keys\(\) failed/);
    service.pass({ name: 'remove_jwt_issuer', args: { issuer } });
    assert.equal(jwtSigningKeys.size(service.store.begin()), 0);
    assert.equal(proposalInfos.size(service.store.begin()), 2);
  });
});

function publicPart(pem: string): { crv: string; x: string; y: string } {
  const der = fromBase64(pem.split('\n').slice(1, -2).join(''));
  const point = der.subarray(der.length - 64);
  const url = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');
  return { crv: 'P-256', x: url(point.subarray(0, 32)), y: url(point.subarray(32)) };
}
