import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromBase64, parseCertificate, sha256, splitPemBundle, toBase64 } from '@coco/crypto';
import { collateralFromJson } from './intel/collateral-forms.ts';
import { readQuoteInfo } from './quote-info.ts';
import { capturedAbsent, capturedFolder, fileOf, readerOf } from './testing/folders.test.ts';
import { parsePublicArea } from './tpm/public-area.ts';
import { type Policy, type TrustMaterial, vendorRoots } from './trust.ts';
import { readEvidence } from './vectors/assemble.ts';
import { withoutTail } from './vectors/assemble-intel.ts';
import { vectorPolicy } from './vectors/policy.ts';
import { verify } from './verify.ts';

const file = (name: string) => fileOf(capturedFolder, name);
const text = (name: string) => new TextDecoder().decode(file(name));
const at = (iso: string) => Date.parse(iso);
const trust = (policy: Policy = {}, more: Partial<TrustMaterial> = {}): TrustMaterial => ({
  roots: vendorRoots,
  policy,
  ...more,
});
const ders = (pem: string) => splitPemBundle(pem).map(({ der }) => der);

describe('captured evidence, by itself', { skip: capturedAbsent ?? false }, () => {
  const container = () => ({
    evidence: { platform: 'snp', report: file('snp/caci-milan-v3/report.bin') } as const,
    endorsements: {
      certificates: ders(text('snp/caci-milan-v3/chain.pem')),
      uvm: file('snp/caci-milan-v3/uvm.cose'),
      securityPolicy: fromBase64(text('snp/caci-milan-v3/security-policy-base64').trim()),
    },
  });
  const summer = at('2025-06-01T00:00:00Z');

  test('the claims of a confidential container are what is known of it', () => {
    const { evidence, endorsements } = container();
    const { claims } = verify(evidence, endorsements, trust(), summer);
    assert.equal(claims.product, 'AMD EPYC Milan');
    assert.equal(claims.configuration, '4f4448c67f3c8dfc8de8a5e37125d807dadcc41f06cf23f615dbd52eec777d10');
    assert.deepEqual([claims.firmware.uvmSvn, claims.firmware.version], [101, '1.55.29']);
    assert.equal(claims.reportData.slice(0, 16), '7a6a68c0a2b85b8a');
    assert.deepEqual(JSON.parse(JSON.stringify(claims)), claims);
  });

  test('an endorsed utility machine needs an issuer that is trusted, with its feed', () => {
    const { evidence, endorsements } = container();
    const accept = (did: string, feed: string) =>
      verify(evidence, endorsements, trust({ snp: { uvmEndorsers: [{ did, feed, svn: 100 }] } }), summer);
    const did =
      'did:x509:0:sha256:I__iuL25oXEVFdTP_aBLx_eT1RPHbCQ_ECBQfYZpt9s::eku:1.3.6.1.4.1.311.76.59.1.2';
    accept(did, 'ContainerPlat-AMD-UVM');
    assert.throws(() => accept(did, 'ConfAKS-AMD-UVM'), { code: 'uvm-issuer' });
    assert.throws(() => accept(did.replace('59.1.2', '59.1.5'), 'ContainerPlat-AMD-UVM'), {
      code: 'uvm-issuer',
    });
    const { uvm: _left, ...without } = endorsements;
    const endorsers = [{ did, feed: 'ContainerPlat-AMD-UVM', svn: 100 }];
    assert.throws(() => verify(evidence, without, trust({ snp: { uvmEndorsers: endorsers } }), summer), {
      code: 'uvm-issuer',
    });
  });

  test('the evidence of a node is read from the form in which it is kept', () => {
    const info = {
      format: 'AMD_SEV_SNP_v1',
      quote: toBase64(file('snp/caci-milan-v3/report.bin')),
      endorsements: toBase64(file('snp/caci-milan-v3/chain.pem')),
      uvm_endorsements: toBase64(file('snp/caci-milan-v3/uvm.cose')),
    };
    const { evidence, endorsements } = readQuoteInfo(info);
    assert.equal(verify(evidence, endorsements, trust(), summer).claims.signer?.slice(0, 8), 'did:x509');
    const node = readQuoteInfo({
      format: 'OE_SGX_v1',
      quote: toBase64(file('sgx/v3-ccf-node-2023/evidence.bin')),
      endorsements: toBase64(file('sgx/v3-ccf-node-2023/oe-endorsements.bin')),
    });
    assert.throws(() => verify(node.evidence, node.endorsements, trust(), at('2023-03-15T14:01:26Z')), {
      code: 'collateral-freshness',
    });
    assert.throws(() => readQuoteInfo({ ...info, format: 'other' }), { code: 'evidence-shape' });
  });

  test('an SGX node of CCF binds its key through the claims beside the quote', () => {
    const { evidence } = readQuoteInfo({
      format: 'OE_SGX_v1',
      quote: toBase64(file('sgx/v3-ccf-node-2023/evidence.bin')),
    });
    const endorsements = { collateral: collateralFromJson(file('sgx/collateral/00606a000000-2025-08.json')) };
    const publicKey = file('sgx/v3-ccf-node-2023/node.pub.der');
    const policy: Policy = { intel: { statuses: ['UpToDate', 'OutOfDate'] } };
    const when = at('2025-08-20T00:00:00Z');
    const { claims } = verify(evidence, endorsements, trust(policy, { expected: { publicKey } }), when);
    assert.equal(claims.tcbStatus, 'OutOfDate');
    assert.throws(
      () => verify(evidence, endorsements, trust({}, { expected: { publicKey } }), when),
      (error: { code?: string; claims?: { tcbStatus: string } }) =>
        error.code === 'tcb-status' && error.claims?.tcbStatus === 'OutOfDate',
    );
  });

  test('a quote of 2022 reaches no TCB level, once what follows it is cut off', () => {
    const quote = withoutTail(file('tdx/v4-no-tcb-level/quote.bin'));
    const endorsements = { collateral: collateralFromJson(file('tdx/collateral/50806f000000-2023-06.json')) };
    const when = at('2023-07-01T00:00:00Z');
    assert.throws(() => verify({ platform: 'tdx', quote }, endorsements, trust(vectorPolicy), when), {
      code: 'tcb-level',
    });
  });

  test("Intel's own sample gets past its signatures once its root is the pinned one", () => {
    const folder = 'tdx/v4-untrusted-root';
    const names = [
      'quote.dat',
      'pckCert.pem',
      'pckSignChain.pem',
      'tcbInfo.json',
      'qeIdentity.json',
      'tcbSignChain.pem',
    ]
      .concat(['intermediateCaCrl.der', 'rootCaCrl.der', 'trustedRootCaCert.pem'])
      .map((name) => `${folder}/${name}`);
    const when = at('2022-01-01T00:00:00Z');
    const { evidence, endorsements } = readEvidence(names, readerOf(capturedFolder), when);
    const root = parseCertificate(text(`${folder}/trustedRootCaCert.pem`)).publicKey.id;
    const own = trust(vectorPolicy, { roots: { ...vendorRoots, intel: [root] } });
    // Its identity of the quoting enclave is random data, which is how far it can get.
    assert.throws(() => verify(evidence, endorsements, own, when), { code: 'qe-identity' });
    assert.throws(() => verify(evidence, endorsements, trust(vectorPolicy), when), { code: 'pinned-root' });
  });

  test("a TPM's key is trusted when its endorsement key gave the secret back", () => {
    const area = parsePublicArea(file('tpm-swtpm/ak-rsa.tpmtpub'));
    assert.equal(area.name, file('tpm-swtpm/ak-rsa.name').toHex());
    assert.equal(
      parsePublicArea(file('tpm-swtpm/ak-ecc.tpmtpub')).name,
      file('tpm-swtpm/ak-ecc.name').toHex(),
    );
    const names = ['quote-rsa.msg', 'quote-rsa.sig', 'quote-rsa.pcrs', 'ak-rsa.tpmtpub'].map(
      (one) => `tpm-swtpm/${one}`,
    );
    const now = at('2026-12-01T00:00:00Z');
    const { evidence } = readEvidence(names, readerOf(capturedFolder), now);
    const [ekCertificate, authority] = [text('tpm-swtpm/ekcert.pem'), text('tpm-swtpm/ca.pem')].map(
      parseCertificate,
    );
    const secret = file('tpm-swtpm/secret.bin');
    const activation = { certificates: [ekCertificate!.der, authority!.der], secret };
    const endorsementKey = ekCertificate!.publicKey.id;
    const roots = { ...vendorRoots, tpm: [authority!.publicKey.id] };
    const publicKey = file('tpm-swtpm/node.pub.der');
    const expected = { publicKey, activation: { secret, endorsementKey, attestationKeyName: area.name } };
    const { claims } = verify(evidence, { activation }, { roots, policy: {}, expected }, now);
    assert.deepEqual([claims.platformId, claims.hardware.attestationKey], [endorsementKey, 'activated']);
    const wrong = { ...activation, secret: sha256(secret) };
    assert.throws(() => verify(evidence, { activation: wrong }, { roots, policy: {}, expected }, now), {
      code: 'ak-trust',
    });
    assert.throws(() => verify(evidence, {}, { roots, policy: {}, expected }, now), { code: 'ak-trust' });
    assert.throws(() => verify(evidence, { activation }, trust({}, { expected }), now), {
      code: 'pinned-root',
    });
  });
});
