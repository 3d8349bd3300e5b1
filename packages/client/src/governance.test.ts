import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  type Curve,
  generateKeyPair,
  issueCertificate,
  parseSign1,
  rsaOaepWrap,
  toBase64,
  verifySign1,
} from '@coco/crypto';
import { ack, govRequest, plainBallot, propose, submitShare, vote, withdraw } from './governance.ts';
import { Session } from './session.ts';
import { draftMessage, idOf, keySigner, signedRequest, signMessage } from './signing.ts';
import { answered, scripted } from './testing/scripted.ts';

const recordings = join(import.meta.dirname, '../../../../shared/data/ccf-wire/js');
const proposalId = 'ab'.repeat(32);
const accepted = { proposalId, proposerId: 'cd'.repeat(32), proposalState: 'Open', ballotCount: 0 };

function member(curve: Curve = 'P-256') {
  const key = generateKeyPair(curve);
  const { pem } = issueCertificate({
    subject: 'CN=member0',
    publicKey: key.publicKey,
    issuerKey: key,
    issuerCert: 'self',
    notBefore: Date.UTC(2026, 0),
    notAfter: Date.UTC(2036, 0),
    serial: new Uint8Array([7]),
  });
  return { key, signer: keySigner(pem, key.exportPem()), id: idOf(pem) };
}

function session(script: Parameters<typeof scripted>[0]) {
  const wire = scripted(script);
  return {
    ...wire,
    session: new Session(wire.world, { addresses: ['https://a:1'], serviceCertificate: '' }),
  };
}

/** What a service would see of the body of a request. */
function opened(body: Uint8Array | undefined, key: ReturnType<typeof member>['key']) {
  assert.ok(body);
  const message = parseSign1(body);
  const payload = new TextDecoder().decode(verifySign1(message, key.publicKey));
  return { headers: message.protected, payload };
}

describe('a governance message is signed as services expect', () => {
  for (const [curve, alg] of [
    ['P-256', -7],
    ['P-384', -35],
    ['P-521', -36],
  ] as const) {
    test(`by a key on ${curve}`, async () => {
      const { id, key, signer } = member(curve);
      const { seen, session: it } = session([answered(200, accepted)]);
      await propose(it, signer, { actions: [{ name: 'noop', args: {} }] });
      const { headers, payload } = opened(seen[0]?.body, key);
      assert.deepEqual(headers.get(1), alg);
      assert.deepEqual(headers.get(4), new TextEncoder().encode(id));
      assert.equal(headers.get('ccf.gov.msg.type'), 'proposal');
      assert.equal(headers.get('ccf.gov.msg.created_at'), 1000);
      assert.equal(payload, '{"actions":[{"name":"noop","args":{}}]}');
      assert.equal(seen[0]?.headers['content-type'], 'application/cose');
      assert.equal(seen[0]?.url, 'https://a:1/gov/members/proposals:create?api-version=2024-07-01');
    });
  }
});

test('ballots and withdrawals name their proposal in the protected header and the path', async () => {
  const { id, key, signer } = member();
  const { seen, session: it } = session([answered(200, accepted), answered(200, accepted)]);
  await vote(it, signer, proposalId, plainBallot(true));
  await withdraw(it, signer, proposalId);
  const ballot = opened(seen[0]?.body, key);
  assert.equal(ballot.headers.get('ccf.gov.msg.proposal_id'), proposalId);
  assert.match(JSON.parse(ballot.payload).ballot, /^export function vote/);
  assert.ok(seen[0]?.url.includes(`/proposals/${proposalId}/ballots/${id}:submit?`));
  assert.ok(seen[1]?.url.includes(`/proposals/${proposalId}:withdraw?`));
});

test('a member acknowledges the digest it was given', async () => {
  const { id, key, signer } = member();
  const digest = { memberId: id, stateDigest: 'ef'.repeat(32) };
  const { seen, session: it } = session([answered(200, digest), answered(204)]);
  assert.deepEqual(await ack(it, signer), digest);
  assert.equal(opened(seen[1]?.body, key).payload, JSON.stringify({ stateDigest: digest.stateDigest }));
});

test('a recovery share travels encrypted to the member and goes back in the clear, signed', async () => {
  const { id, key, signer } = member();
  const encryption = generateKeyPair({ kind: 'RSA', bits: 2048 });
  const share = new Uint8Array(44).fill(9);
  const encryptedShare = toBase64(rsaOaepWrap(encryption.publicKey, share));
  const { seen, session: it } = session([answered(200, { memberId: id, encryptedShare }), answered(200, {})]);
  await submitShare(it, signer, encryption.exportPem());
  assert.deepEqual(JSON.parse(opened(seen[1]?.body, key).payload), { share: toBase64(share) });
});

test('what is no id never reaches a path', () => {
  for (const id of ['', '../x', 'AB'.repeat(32), `${proposalId}?`]) {
    assert.throws(() => govRequest.withdraw(id, 0), { code: 'InvalidArgument' });
  }
});

test('a message drafted twice is the same message, and an outside signature fits', async () => {
  const { key, signer } = member();
  const { message } = govRequest.propose('{"actions":[]}', 5000);
  const draft = draftMessage(message, signer.certificate);
  const again = draftMessage(message, signer.certificate);
  assert.deepEqual(draft.toBeSigned, again.toBeSigned);
  const envelope = again.assemble(await signer.sign(draft.toBeSigned, draft.algorithm));
  assert.equal(opened(envelope, key).payload, '{"actions":[]}');
});

test('a key that is not that of the certificate is refused before anything is signed', () => {
  const other = member();
  assert.throws(() => keySigner(member().signer.certificate, other.key.exportPem()), {
    code: 'InvalidArgument',
  });
});

test('a user signs a request to a contract', async () => {
  const { key, signer } = member();
  const payload = new TextEncoder().encode('{}');
  const dated = { createdAt: 7, type: 'order' };
  const request = await signedRequest(signer, { method: 'POST', path: '/app/x', payload }, dated);
  assert.equal(opened(request.body, key).headers.get('ccf.msg.created_at'), 7);
});

test('our proposals have the protected header of those that CCF accepted', async (t) => {
  let recorded: Buffer;
  try {
    recorded = readFileSync(join(recordings, 'prop_create_bad_args.req'));
  } catch {
    t.skip('recorded exchanges not present');
    return;
  }
  const theirs = parseSign1(new Uint8Array(recorded.subarray(recorded.indexOf('\r\n\r\n') + 4)));
  const { signer } = member('P-384');
  const ours = parseSign1(await signMessage(govRequest.propose('{}', 0).message, signer));
  const kinds = (headers: typeof ours.protected) =>
    [...headers].map(([label, value]) => `${label}: ${typeof value}`).sort();
  assert.deepEqual(kinds(ours.protected), kinds(theirs.protected));
});
