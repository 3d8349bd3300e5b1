import assert from 'node:assert/strict';
import { createDecipheriv, createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import { generateKeyPair, parseCertificate, rsaOaepUnwrap, sha256, splitPemBundle } from '@coco/crypto';
import { parseTcb, productOfCpuid } from './amd/products.ts';
import { resolveDidX509 } from './azure/did-x509.ts';
import { azureUvmEndorsers } from './azure/uvm.ts';
import { expectedQualifyingData, expectedReportData } from './binding.ts';
import { checkMeanings } from './check-names.ts';
import { oidOf, readDer, sequenceOf, smallInteger } from './der.ts';
import { tcbStatuses } from './intel/collateral.ts';
import { mergeStatus } from './intel/tcb-status.ts';
import { fileOf, ownFolder, ownRoots, readerOf } from './testing/folders.test.ts';
import { makeCredential } from './tpm/credential.ts';
import type { Policy } from './trust.ts';
import { readEvidence } from './vectors/assemble.ts';
import { verify } from './verify.ts';

const now = Date.parse('2026-06-01T00:00:00Z');

describe('policy', () => {
  const files = ['snp/v3/report.bin', 'snp/v3/chain.pem'];
  const { evidence, endorsements } = readEvidence(files, readerOf(ownFolder), now);
  const under = (policy: Policy) => () => verify(evidence, endorsements, { roots: ownRoots(), policy }, now);
  const rows: readonly (readonly [string, Policy, string])[] = [
    ['another platform', { platforms: ['tdx'] }, 'platform-accepted'],
    ['another measurement', { measurements: ['00'] }, 'measurement'],
    ['another configuration', { configurations: ['00'] }, 'configuration'],
    ['another signer', { signers: ['00'] }, 'signer'],
    ['another machine', { platformIds: ['00'] }, 'platform-id'],
    ['another product', { snp: { products: ['Genoa'] } }, 'cpu-family'],
    ['no minimum for the product', { snp: { minTcb: { Genoa: {} } } }, 'minimum-tcb'],
    ['newer firmware', { snp: { minFirmware: [1, 56, 0] } }, 'minimum-tcb'],
    ['a protection that is off', { snp: { require: ['smt-off'] } }, 'platform-info'],
    ['an endorsed utility machine', { snp: { uvmEndorsers: azureUvmEndorsers } }, 'uvm-issuer'],
  ];
  for (const [what, policy, code] of rows) {
    test(`${what} is asked for, and refused as ${code}`, () => assert.throws(under(policy), { code }));
  }

  test('what is asked for and there passes, and is among the checks', () => {
    const policy: Policy = {
      platforms: ['snp'],
      measurements: ['22'.repeat(48)],
      configurations: ['33'.repeat(32).toUpperCase()],
      platformIds: ['c1'.repeat(64)],
      snp: {
        minTcb: { Milan: { microcode: 219 } },
        minFirmware: [1, 55, 0],
        require: ['alias-check', 'ecc'],
      },
    };
    const { checks, claims } = under(policy)();
    assert.ok(checks.every(({ outcome }) => outcome !== 'failed'));
    const passed = checks.filter(({ outcome }) => outcome === 'passed').map(({ name }) => name);
    for (const name of [
      'measurement',
      'configuration',
      'platform-id',
      'minimum-tcb',
      'platform-info',
    ] as const) {
      assert.ok(passed.includes(name), name);
    }
    assert.ok(checks.every(({ name }) => name in checkMeanings));
    assert.equal(claims.assurance, 'processor');
  });

  test('debug evidence passes only where the policy says so', () => {
    const debug = readEvidence(['snp/debug/report.bin', 'snp/debug/chain.pem'], readerOf(ownFolder), now);
    const judged = (policy: Policy) =>
      verify(debug.evidence, debug.endorsements, { roots: ownRoots(), policy }, now).claims.debug;
    assert.equal(judged({ allowDebug: true }), true);
    assert.throws(() => judged({}), { code: 'debug' });
  });

  test('virtual evidence is refused unless it is named', () => {
    const virtual = readEvidence(['virtual/statement/virtual.json'], readerOf(ownFolder), now);
    const judged = (policy: Policy) => () =>
      verify(virtual.evidence, virtual.endorsements, { roots: ownRoots(), policy }, now).claims.assurance;
    assert.throws(judged({}), { code: 'platform-accepted' });
    assert.throws(judged({ platforms: ['snp'] }), { code: 'platform-accepted' });
    assert.equal(judged({ platforms: ['virtual'] })(), 'none');
  });
});

describe('binding', () => {
  const publicKey = Uint8Array.of(1, 2, 3);
  const digest = sha256(publicKey).toHex();
  const nonce = new Uint8Array(32).fill(9);

  test('the report data is the digest of the key, then the nonce or zeros', () => {
    assert.equal(expectedReportData({ publicKey })?.toHex(), digest + '00'.repeat(32));
    assert.equal(expectedReportData({ publicKey, nonce })?.toHex(), digest + '09'.repeat(32));
    assert.equal(expectedReportData({}), undefined);
    assert.throws(() => expectedReportData({ publicKey, nonce: Uint8Array.of(1) }));
  });

  test("a TPM's quote has room for one digest", () => {
    assert.equal(expectedQualifyingData({ publicKey })?.toHex(), digest);
    assert.equal(expectedQualifyingData({ publicKey, nonce })?.length, 32);
    assert.notEqual(expectedQualifyingData({ publicKey, nonce })?.toHex(), digest);
  });

  test('a report for another key is refused, and so is one without the nonce', () => {
    const { evidence, endorsements } = readEvidence(
      ['snp/v3/report.bin', 'snp/v3/chain.pem'],
      readerOf(ownFolder),
      now,
    );
    const bound = (expected: object) => () =>
      verify(evidence, endorsements, { roots: ownRoots(), policy: {}, expected }, now);
    bound({ publicKey: fileOf(ownFolder, 'snp/v3/node.pub.der') })();
    assert.throws(bound({ publicKey }), { code: 'report-data' });
    assert.throws(bound({ publicKey, nonce: Uint8Array.of(1) }), { code: 'report-data' });
  });
});

describe('TCB status', () => {
  test('a part that is out of date or revoked pulls the platform down, and nothing pulls it up', () => {
    for (const platform of tcbStatuses) {
      assert.equal(mergeStatus(platform, 'UpToDate'), platform);
      assert.equal(mergeStatus(platform, 'Revoked'), 'Revoked');
      const down = mergeStatus(platform, 'OutOfDate');
      const expected =
        platform === 'Revoked'
          ? 'Revoked'
          : /Configuration/.test(platform)
            ? 'OutOfDateConfigurationNeeded'
            : 'OutOfDate';
      assert.equal(down, expected, platform);
    }
  });
});

describe('AMD', () => {
  test('each family has its layout of the TCB version', () => {
    const milan = productOfCpuid(0x19, 0x01);
    const turin = productOfCpuid(0x1a, 0x02);
    assert.deepEqual(
      [milan.product, turin.product, productOfCpuid(0x19, 0xa1).product],
      ['Milan', 'Turin', 'Genoa'],
    );
    const bytes = Uint8Array.of(4, 0, 0, 0, 0, 0, 24, 219);
    assert.deepEqual(parseTcb(bytes, milan), { bootLoader: 4, tee: 0, snp: 24, microcode: 219 });
    assert.deepEqual(parseTcb(Uint8Array.of(1, 2, 3, 4, 0, 0, 0, 81), turin), {
      fmc: 1,
      bootLoader: 2,
      tee: 3,
      snp: 4,
      microcode: 81,
    });
    assert.throws(() => parseTcb(bytes.with(3, 1), milan));
    assert.throws(() => productOfCpuid(0x17, 0x31));
  });
});

describe('DER of extensions', () => {
  const bad = ['', '02', '0201', '0202ff', '028000', '02820001ff', '0281017f', '020100ff', '1f0100'];
  test('what is not one strict element is refused', () => {
    for (const hex of bad)
      assert.throws(() => readDer(Uint8Array.fromHex(hex), 'value'), { name: 'Refusal' }, hex);
  });

  test('integers are small, positive and shortest', () => {
    const read = (hex: string) => smallInteger(readDer(Uint8Array.fromHex(hex), 'n'), 255, 'n');
    assert.deepEqual([read('020100'), read('02017f'), read('020200db')], [0, 127, 219]);
    for (const hex of ['0200', '0201ff', '0202007f', '02020100', '040101'])
      assert.throws(() => read(hex), hex);
  });

  test('identifiers are read arc by arc', () => {
    const [element] = sequenceOf(readDer(Uint8Array.fromHex('300b06092a864886f84d010d01'), 's'), 's');
    assert.equal(oidOf(element, 'oid'), '1.2.840.113741.1.13.1');
    assert.equal(oidOf(readDer(Uint8Array.fromHex('0603550425'), 'oid'), 'oid'), '2.5.4.37');
  });
});

describe('did:x509', () => {
  const chain = splitPemBundle(new TextDecoder().decode(fileOf(ownFolder, 'snp/v3/chain.pem')));
  const fingerprint = sha256(chain[1]!.der).toBase64({ alphabet: 'base64url', omitPadding: true });
  const leaf = sha256(chain[0]!.der).toBase64({ alphabet: 'base64url', omitPadding: true });
  const resolve = (did: string) => resolveDidX509(did, chain);

  test('an authority and what the leaf must be, together', () => {
    assert.equal(resolve(`did:x509:0:sha256:${fingerprint}::subject:CN:SEV-VCEK`).der, chain[0]!.der);
    assert.equal(resolve(`did:x509:0:sha256:${fingerprint}::subject:CN:SEV%2DVCEK`).der, chain[0]!.der);
  });

  const wrong: readonly (readonly [string, string])[] = [
    ['the fingerprint of the leaf', `did:x509:0:sha256:${leaf}::subject:CN:SEV-VCEK`],
    ['a subject that differs', `did:x509:0:sha256:${fingerprint}::subject:CN:SEV`],
    ['a usage the leaf lacks', `did:x509:0:sha256:${fingerprint}::eku:1.2.3`],
    ['one of two predicates', `did:x509:0:sha256:${fingerprint}::subject:CN:SEV-VCEK::eku:1.2.3`],
    ['no predicate', `did:x509:0:sha256:${fingerprint}`],
    ['an unknown predicate', `did:x509:0:sha256:${fingerprint}::fulcio-issuer:a.b`],
    ['another version', `did:x509:1:sha256:${fingerprint}::subject:CN:SEV-VCEK`],
    ['another hash', `did:x509:0:md5:${fingerprint}::subject:CN:SEV-VCEK`],
    ['an inherited name for a hash', `did:x509:0:constructor:${fingerprint}::subject:CN:SEV-VCEK`],
    ['broken percent-encoding', `did:x509:0:sha256:${fingerprint}::subject:CN:%`],
    ['another method', `did:web:0:sha256:${fingerprint}::subject:CN:SEV-VCEK`],
  ];
  for (const [what, did] of wrong) test(`${what} is refused`, () => assert.throws(() => resolve(did)));
});

describe('credential activation', () => {
  test("what makeCredential wraps opens as TPM2_ActivateCredential's text says", () => {
    const endorsement = generateKeyPair({ kind: 'RSA', bits: 2048 });
    const name = Uint8Array.fromHex(`000b${'ab'.repeat(32)}`);
    const secret = new Uint8Array(32).fill(5);
    const seed = new Uint8Array(32).fill(7);
    const { idObject, encryptedSeed } = makeCredential(endorsement.publicKey, name, secret, seed);
    const label = new TextEncoder().encode('IDENTITY\0');
    assert.deepEqual(rsaOaepUnwrap(endorsement, encryptedSeed.subarray(2), label), seed);
    const derive = (purpose: string, context: Uint8Array, bits: number) =>
      createHmac('sha256', seed)
        .update(Uint8Array.of(0, 0, 0, 1))
        .update(`${purpose}\0`)
        .update(context)
        .update(Uint8Array.of(0, 0, bits >> 8, bits & 255))
        .digest()
        .subarray(0, bits / 8);
    const [mac, encrypted] = [idObject.subarray(4, 36), idObject.subarray(36)];
    const integrity = createHmac('sha256', derive('INTEGRITY', new Uint8Array(0), 256));
    assert.deepEqual(new Uint8Array(integrity.update(encrypted).update(name).digest()), mac);
    const cipher = createDecipheriv('aes-128-cfb', derive('STORAGE', name, 128), Buffer.alloc(16));
    const opened = Buffer.concat([cipher.update(encrypted), cipher.final()]);
    assert.deepEqual(new Uint8Array(opened.subarray(2)), secret);
  });
});

test('a certificate of the vectors is no certificate of a vendor', () => {
  const [, , root] = splitPemBundle(new TextDecoder().decode(fileOf(ownFolder, 'snp/v3/chain.pem')));
  assert.ok(parseCertificate(root!.der).subject.includes('ARK-Milan'));
  assert.ok(ownRoots().amd.Milan.includes(root!.publicKey.id));
});
