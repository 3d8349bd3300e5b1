import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { type CborValue, decodeCbor, encodeCbor } from './cbor.ts';
import { coseLabel, encodeSign1, parseSign1, verifySign1 } from './cose.ts';
import { concatBytes, fromBase64, fromHex, toHex } from './encoding.ts';
import { sha256 } from './hash.ts';
import { verifyEcdsa, verifyEcdsaDigest } from './sign.ts';
import { parseCertificate, splitPemBundle, verifyIssuedBy } from './x509/certificate.ts';
import { verifyChain } from './x509/chain.ts';

/** Recorded from a running CCF 7; lies beside the checkout and is no part of it. */
const recordings = new URL('../../../../shared/data/ccf-wire/', import.meta.url);

function present(t: TestContext): boolean {
  if (existsSync(recordings)) return true;
  t.skip('shared/data/ccf-wire is not present beside the checkout');
  return false;
}

function body(name: string): Uint8Array {
  const bytes = readFileSync(new URL(name, recordings));
  return new Uint8Array(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4));
}
const json = (name: string) => JSON.parse(new TextDecoder().decode(body(name)));
const serviceOf = (folder: string) =>
  parseCertificate(readFileSync(new URL(`${folder}/service_cert.pem`, recordings), 'utf8'));

interface JsonReceipt {
  cert: string;
  leaf_components: { commit_evidence: string; write_set_digest: string };
  proof: ({ left: string } | { right: string })[];
  signature: string;
}

/**
 * The two halves under the root, and the root: what a node and a service sign (facts of receipts, step 2 and
 * 3).
 */
function rootOf(receipt: JsonReceipt, claims: Uint8Array): { preimage: Uint8Array; root: Uint8Array } {
  const { write_set_digest, commit_evidence } = receipt.leaf_components;
  const evidence = new TextEncoder().encode(commit_evidence);
  let preimage = concatBytes(fromHex(write_set_digest), sha256(evidence), claims);
  for (const step of receipt.proof) {
    const current = sha256(preimage);
    preimage =
      'left' in step ? concatBytes(fromHex(step.left), current) : concatBytes(current, fromHex(step.right));
  }
  return { preimage, root: sha256(preimage) };
}

test('every certificate of the recordings parses, and node certificates are issued by their service', (t) => {
  if (!present(t)) return;
  let parsed = 0;
  let issued = 0;
  for (const folder of ['js', 'extra', 'cpp_logging']) {
    const service = serviceOf(folder);
    assert.equal(verifyIssuedBy(service, service).isCa, true);
    for (const file of readdirSync(new URL(`${folder}/`, recordings))) {
      const text = readFileSync(new URL(`${folder}/${file}`, recordings), 'latin1').replaceAll('\\n', '\n');
      for (const [pem] of text.matchAll(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)) {
        const [certificate] = splitPemBundle(pem);
        parsed += 1;
        if (certificate!.subject !== 'CN=CCF Node') continue;
        // One recording is of a service that was recovered or started anew: only its own nodes count.
        if (toHex(certificate!.raw.issuer) !== toHex(service.raw.subject)) continue;
        assert.equal(verifyChain([certificate!], [service]).length, 2);
        issued += 1;
      }
    }
  }
  assert.ok(parsed >= 15, `${parsed} certificates`);
  assert.ok(issued >= 5, `${issued} node certificates`);
});

test('a recorded receipt verifies, over the digest and over the bytes under it', (t) => {
  if (!present(t)) return;
  const { msg, receipt } = json('cpp_logging/cpp_historical_receipt_claim.res') as {
    msg: string;
    receipt: JsonReceipt;
  };
  const { preimage, root } = rootOf(receipt, sha256(new TextEncoder().encode(msg)));
  const node = verifyIssuedBy(parseCertificate(receipt.cert), serviceOf('cpp_logging'));
  const signature = fromBase64(receipt.signature);
  assert.equal(node.publicKey.curve, 'P-384');
  verifyEcdsaDigest(node.publicKey, signature, root);
  verifyEcdsa(node.publicKey, signature, preimage, { hash: 'SHA-256', format: 'der' });
  const otherRoot = rootOf(receipt, sha256(new TextEncoder().encode('another claim'))).root;
  assert.throws(() => verifyEcdsaDigest(node.publicKey, signature, otherRoot), { code: 'SignatureInvalid' });
});

test('a recorded COSE signature verifies under the service key over the same root', (t) => {
  if (!present(t)) return;
  const { msg, receipt } = json('cpp_logging/cpp_historical_receipt_claim.res') as {
    msg: string;
    receipt: JsonReceipt;
  };
  const { root } = rootOf(receipt, sha256(new TextEncoder().encode(msg)));
  const { publicKey } = serviceOf('cpp_logging');
  const bytes = fromBase64(json('cpp_logging/cpp_cose_signature_claim.res').cose_signature);
  const message = parseSign1(bytes);
  assert.deepEqual(verifySign1(message, publicKey, root), root);
  assert.throws(() => verifySign1(message, publicKey, sha256(root)), { code: 'SignatureInvalid' });
  assert.equal(new TextDecoder().decode(message.protected.get(coseLabel.kid) as Uint8Array), publicKey.id);
  assert.equal(message.protected.get(395), 2);
  assert.deepEqual(encodeSign1(message), bytes);
});

test('a recorded CBOR Merkle proof decodes strictly', (t) => {
  if (!present(t)) return;
  const bytes = body('cpp_logging/cpp_cbor_merkle_proof_claim_first.res');
  const proof = decodeCbor(bytes, 'deterministic') as ReadonlyMap<number, CborValue[]>;
  assert.equal(proof.get(1)?.length, 3);
  assert.deepEqual(encodeCbor(proof), bytes);
});

test('every recorded governance request parses as COSE', (t) => {
  if (!present(t)) return;
  let parsed = 0;
  for (const folder of ['js', 'extra', 'extra2']) {
    for (const file of readdirSync(new URL(`${folder}/`, recordings))) {
      if (!file.endsWith('.req')) continue;
      const bytes = body(`${folder}/${file}`);
      if (bytes[0] !== 0xd2) continue;
      const message = parseSign1(bytes);
      assert.ok(message.protected.size > 0, file);
      parsed += 1;
    }
  }
  assert.ok(parsed >= 5, `${parsed} requests`);
});
