import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Policy, virtualMeasurement } from '@coco/attestation';
import { type Certificate, generateKeyPair, issueCertificate, type PrivateKey } from '@coco/crypto';
import type { Answer } from './answer.ts';
import { attestNode, type NodeExpectation } from './attestation.ts';
import { Session } from './session.ts';
import { answered, scripted } from './testing/scripted.ts';

const period = { notBefore: 0, notAfter: 1e12 };
const serviceKey = generateKeyPair('P-256');
const nodeKey = generateKeyPair('P-256');
const service = issue(serviceKey, 'CN=service');

function issue(key: PrivateKey, subject: string, by?: { key: PrivateKey; certificate: Certificate }) {
  return issueCertificate({
    subject,
    publicKey: key.publicKey,
    issuerKey: by?.key ?? key,
    issuerCert: by?.certificate ?? 'self',
    isCa: by === undefined,
    serial: Uint8Array.of(1),
    ...period,
  });
}

const peer = issue(nodeKey, 'CN=node', { key: serviceKey, certificate: service });
const virtual: Policy = { platforms: ['virtual'] };

/** What a node states of itself: honest, but for what a test changes. */
function stated(boundTo: string, more: object = {}) {
  const statement = {
    measurement: virtualMeasurement,
    host_data: 'ab'.repeat(32),
    report_data: Uint8Array.fromHex(boundTo).toBase64(),
  };
  const quote = new TextEncoder().encode(JSON.stringify(statement)).toBase64();
  return {
    nodeId: nodeKey.publicKey.id,
    quote: { format: 'Insecure_Virtual', quote, endorsements: '' },
    counts: true,
    role: 'vote',
    verified: 500_000,
    ...more,
  };
}

interface Told {
  readonly node?: object;
  readonly peer?: Certificate | undefined;
  readonly laterPeer?: Certificate;
  readonly service?: Certificate;
  readonly pinned?: string;
  readonly expected?: NodeExpectation;
}

async function attest(told: Told = {}) {
  const from = (answer: Answer, certificate: Certificate | undefined): Answer =>
    certificate === undefined ? answer : { ...answer, peerCertificate: certificate.der };
  const first = 'peer' in told ? told.peer : peer;
  const { world } = scripted([
    from(answered(200, { policy: {}, nodes: [told.node ?? stated(nodeKey.publicKey.id)] }), first),
    from(answered(200, { service_certificate: (told.service ?? service).pem }), told.laterPeer ?? first),
  ]);
  const pinned = told.pinned ?? '';
  const session = new Session(world, { addresses: ['https://node'], serviceCertificate: pinned });
  return attestNode(session, told.expected ?? { policy: virtual });
}

test('a node whose evidence binds the key of its TLS is known, and so is its service', async () => {
  const { id, claims, serviceCertificate } = await attest();
  assert.equal(id, nodeKey.publicKey.id);
  assert.equal(claims.assurance, 'none');
  assert.equal(serviceCertificate, service.pem);
  assert.equal((await attest({ pinned: service.pem })).id, id);
});

describe('a node is not trusted', () => {
  const otherKey = generateKeyPair('P-256');
  const other = issue(otherKey, 'CN=node', { key: serviceKey, certificate: service });
  const stranger = issue(otherKey, 'CN=service');
  const id = nodeKey.publicKey.id;
  const facts: readonly [string, Told, RegExp][] = [
    ['when the policy does not name its platform', { expected: { policy: {} } }, /platform-accepted/],
    ['with the evidence of another key', { node: stated(otherKey.publicKey.id) }, /report-data/],
    ['with a replayed challenge', { node: stated(id, { nonce: 'cd'.repeat(32) }) }, /report-data/],
    ['when TLS proved the key of another', { peer: other }, /is none that its service trusts/],
    ['when the transport does not tell the key', { peer: undefined }, /does not tell the key/],
    ['when another node answers the second question', { laterPeer: other }, /another node answered/],
    ['when its service does not count it', { node: stated(id, { counts: false }) }, /does not count it/],
    [
      'when its evidence is old',
      { expected: { policy: virtual, ageMsMax: 1000 } },
      /1970-01-01T00:08:20.000Z, which is too old/,
    ],
    ['when the service it names did not certify it', { service: stranger }, /does not certify it/],
    ['when it is of another service than the pinned one', { pinned: stranger.pem }, /another service/],
  ];
  for (const [name, told, message] of facts) {
    test(name, () => assert.rejects(attest(told), { code: 'UntrustedService', message }));
  }
});
