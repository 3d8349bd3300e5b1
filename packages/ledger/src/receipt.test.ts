import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Curve, generateKeyPair, issueCertificate, sha256ByteString } from '@coco/crypto';
import fc from 'fast-check';
import { flippedJson } from '../../../tests/vectors/ledger/ccf-wire.ts';
import {
  nodeCertificate,
  SampleService,
  sampleKeys,
  serviceCertificate,
} from '../../../tests/vectors/ledger/sample-service.ts';
import {
  buildSignatureReceipt,
  LedgerError,
  parseRootSignature,
  type Receipt,
  singletonKey,
  tables,
  verifyReceipt,
} from './index.ts';

function serviceWith(curve: Curve): SampleService {
  const service = new SampleService(sampleKeys({ node: curve, service: curve })).open();
  for (let i = 0; i < 9; i++) service.record(`key ${i}`, `value ${i}`);
  service.sign();
  return service;
}

const services = { 'P-256': serviceWith('P-256'), 'P-384': serviceWith('P-384') };
const service = services['P-256'];
const cert = service.serviceCert.pem;
const first = 4;

/** As it would come over the wire. */
const wire = (receipt: Receipt): Receipt => JSON.parse(JSON.stringify(receipt));

function signatureReceipt(of: SampleService): Receipt {
  const value = of.signatureAfter(first).writeSet.get(tables.signatures)!.get(singletonKey)!;
  return buildSignatureReceipt({ ...parseRootSignature(value), nodeCert: of.nodeCert.pem });
}

for (const curve of ['P-256', 'P-384'] as const) {
  test(`receipts of every transaction verify, with keys on ${curve}`, () => {
    const of = services[curve];
    for (let seqno = 1; seqno < of.history.size - 1; seqno++) {
      const verified = verifyReceipt(wire(of.receipt(seqno)), of.serviceCert.pem, {
        txId: { view: 2, seqno },
      });
      assert.ok(verified.kind === 'transaction');
      assert.equal(verified.leaf, of.entry(seqno).leaf);
      assert.equal(verified.claimsDigest, of.entry(seqno).claimsDigest);
      assert.equal(verified.nodeId, of.nodeId);
    }
  });

  test(`the receipt of a signature transaction verifies, with keys on ${curve}`, () => {
    const of = services[curve];
    const verified = verifyReceipt(wire(signatureReceipt(of)), of.serviceCert.pem);
    assert.equal(verified.kind, 'signature');
    assert.equal(verified.root, of.history.root(of.signatureAfter(first).seqno));
  });
}

test('a disclosed claim takes the place of the digest in the receipt', () => {
  const receipt = wire(service.receipt(first));
  const { claims_digest: _, ...undisclosed } = receipt.leaf_components!;
  const claimsDigest = sha256ByteString('value 0');
  assert.equal(verifyReceipt(receipt, cert, { claimsDigest }).kind, 'transaction');
  assert.equal(
    verifyReceipt({ ...receipt, leaf_components: undisclosed }, cert, { claimsDigest }).kind,
    'transaction',
  );
  assert.throws(() => verifyReceipt({ ...receipt, leaf_components: undisclosed }, cert), { step: 'claims' });
  const other = { claimsDigest: sha256ByteString('value 1') };
  assert.throws(() => verifyReceipt(receipt, cert, other), { step: 'claims' });
  // Without the digest in the receipt the leaf is another, and the signature is not over its root.
  assert.throws(() => verifyReceipt({ ...receipt, leaf_components: undisclosed }, cert, other), {
    step: 'root-signature',
  });
});

test('each thing that can be wrong is refused at its step', () => {
  const receipt = wire(service.receipt(first));
  const other = services['P-384'];
  const components = receipt.leaf_components!;
  const stranger = generateKeyPair('P-256');
  const selfMade = nodeCertificate(service.keys.node, stranger, serviceCertificate(stranger));
  const cases: [string, unknown, string][] = [
    ['no object', 'receipt', 'shape'],
    ['unknown field', { ...receipt, extra: 1 }, 'shape'],
    ['leaf and components', { ...receipt, leaf: '00'.repeat(32) }, 'shape'],
    ['neither leaf nor components', { ...receipt, leaf_components: undefined }, 'shape'],
    ['proof of a signature', { ...signatureReceipt(service), proof: receipt.proof }, 'shape'],
    ['contradiction', { ...receipt, is_signature_transaction: true }, 'shape'],
    ['upper case digits', { ...receipt, proof: [{ left: 'AB'.repeat(32) }] }, 'shape'],
    ['both sides', { ...receipt, proof: [{ left: '00'.repeat(32), right: '00'.repeat(32) }] }, 'shape'],
    ['too long a proof', { ...receipt, proof: Array(54).fill({ left: '00'.repeat(32) }) }, 'shape'],
    ['signature not base64', { ...receipt, signature: '*' }, 'shape'],
    [
      'evidence of no form',
      { ...receipt, leaf_components: { ...components, commit_evidence: 'ce:2.4' } },
      'transaction-id',
    ],
    ['shorter proof', { ...receipt, proof: receipt.proof.slice(1) }, 'root-signature'],
    ['signature of another', { ...receipt, signature: other.receipt(first).signature }, 'root-signature'],
    ['node ID of another', { ...receipt, node_id: other.nodeId }, 'node'],
    ['certificate of another node', { ...receipt, cert: other.nodeCert.pem }, 'node'],
    ['certificate issued by a stranger', { ...receipt, cert: selfMade.pem }, 'node-certificate'],
    ['certificate with text before it', { ...receipt, cert: `x\n${receipt.cert}` }, 'shape'],
  ];
  for (const [what, json, step] of cases) assert.throws(() => verifyReceipt(json, cert), { step }, what);
  assert.throws(() => verifyReceipt(receipt, cert, { txId: { view: 2, seqno: 5 } }), {
    step: 'transaction-id',
  });
  assert.throws(() => verifyReceipt(signatureReceipt(service), cert, { txId: { view: 2, seqno: 5 } }), {
    step: 'transaction-id',
  });
  assert.throws(() => verifyReceipt(receipt, 'no certificate'), { step: 'service-key' });
});

test('a receipt outlives its service through endorsements, each issued by the next', () => {
  const [second, third] = [generateKeyPair('P-384'), generateKeyPair('P-256')];
  const secondCert = serviceCertificate(second, 5);
  const thirdCert = serviceCertificate(third, 6);
  const endorse = (key: typeof second, by: typeof second, issuer: typeof secondCert) =>
    issueCertificate({
      subject: 'CN=Sample Service',
      publicKey: key.publicKey,
      issuerKey: by,
      issuerCert: issuer,
      notBefore: 0,
      notAfter: 1000,
      isCa: true,
      serial: Uint8Array.of(9),
    }).pem;
  const firstBySecond = endorse(service.keys.service, second, secondCert);
  const secondByThird = endorse(second, third, thirdCert);
  const receipt = wire(service.receipt(first));
  const endorsed = { ...receipt, service_endorsements: [firstBySecond, secondByThird] };
  assert.equal(verifyReceipt(endorsed, thirdCert.pem).kind, 'transaction');
  const one = { ...receipt, service_endorsements: [firstBySecond] };
  assert.equal(verifyReceipt(one, secondCert.pem).kind, 'transaction');
  assert.throws(() => verifyReceipt(one, thirdCert.pem), { step: 'service-endorsement' });
  const reversed = { ...receipt, service_endorsements: [secondByThird, firstBySecond] };
  assert.throws(() => verifyReceipt(reversed, thirdCert.pem), { step: 'node-certificate' });
});

test('a node cannot vouch for another key', () => {
  const intruder = generateKeyPair('P-256');
  // What a node would have to pretend to its own tools to get such a certificate made.
  const pretended = issueCertificate({
    subject: 'CN=Sample Node',
    publicKey: service.keys.node.publicKey,
    issuerKey: service.keys.node,
    issuerCert: 'self',
    notBefore: 0,
    notAfter: 1000,
    isCa: true,
    serial: Uint8Array.of(7),
  });
  const forged = {
    ...wire(service.receipt(first)),
    cert: nodeCertificate(intruder, service.keys.node, pretended).pem,
    node_id: intruder.publicKey.id,
  };
  for (const endorsement of [service.nodeCert.pem, pretended.pem]) {
    const receipt = { ...forged, service_endorsements: [endorsement] };
    assert.throws(() => verifyReceipt(receipt, cert), { code: 'VerificationFailed' });
  }
});

test('no receipt verifies with a bit flipped (sample)', () => {
  for (const { json, near } of flippedJson(service.receipt(first), 31)) {
    assert.throws(() => verifyReceipt(json, cert), LedgerError, near);
  }
});

test('hostile JSON is refused with a LedgerError', () => {
  const receipt = wire(service.receipt(first));
  const fields = fc.constantFrom(...Object.keys(receipt), 'service_endorsements', 'leaf');
  const hostile = fc.oneof(
    fc.jsonValue(),
    fc
      .tuple(fields, fc.jsonValue())
      // An empty list of endorsements is as good as none.
      .filter(([field, value]) => field !== 'service_endorsements' || JSON.stringify(value) !== '[]')
      .map(([field, value]) => ({ ...receipt, [field]: value })),
    fc.jsonValue().map((value) => ({
      ...receipt,
      leaf_components: { ...receipt.leaf_components, commit_evidence: value },
    })),
  );
  fc.assert(
    fc.property(hostile, (json) => {
      assert.throws(() => verifyReceipt(json, cert), LedgerError);
    }),
    { numRuns: 300 },
  );
});
