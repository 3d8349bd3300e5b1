import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  AttestationError,
  type Claims,
  type Expected,
  makeCredential,
  type Policy,
  readQuoteInfo,
  tpmQuoteInfo,
  vendorRoots,
  verify,
} from '@coco/attestation';
import { generateKeyPair, sha256 } from '@coco/crypto';
import { SoftwareTpm, softwareTpmMissing } from '../testing/software-tpm.ts';
import { openTpm, type TpmPlace, type TpmShown, tpmEvidence, tpmSecret } from './tpm.ts';
import { Tpm } from './tpm-commands.ts';

const missing = softwareTpmMissing();
const bootLog = join(import.meta.dirname, '../../../../tests/vectors/attestation/tpm/rsa/boot.log');
/** What the log says happened, register by register. */
const boot: readonly (readonly [number, string])[] = [
  [0, 'firmware 1.2.3'],
  [4, 'boot loader'],
  [7, 'SecureBoot=1'],
];
const { publicKey } = generateKeyPair('P-256');
const keyDigest = sha256(publicKey.spki);
const now = Date.parse('2026-06-01T00:00:00Z');

describe('a TPM', { skip: missing ?? false }, () => {
  let tpm: SoftwareTpm;
  let place: TpmPlace;
  let shown: TpmShown;

  before(async () => {
    tpm = await SoftwareTpm.start();
    for (const [register, text] of boot) tpm.extend(register, sha256(new TextEncoder().encode(text)).toHex());
    place = { device: tpm.device, key: tpm.attestationKey, registers: [0, 4, 7, 14], eventLog: bootLog };
    shown = await tpmEvidence(place, keyDigest);
  });
  after(() => tpm?.[Symbol.dispose]());

  const name = () => Buffer.from(tpm.read('ak.name')).toString('hex');

  function claims(policy: Policy, expected: Expected, evidence: TpmShown = shown, endorsements = ''): Claims {
    const info = tpmQuoteInfo({ platform: 'tpm', ...evidence }, endorsements);
    const read = readQuoteInfo(info);
    return verify(read.evidence, read.endorsements, { roots: vendorRoots, policy, expected }, now).claims;
  }

  test('quotes its registers for the key of the node, and its log replays', () => {
    const found = claims(
      { tpm: { attestationKeys: [name()], requireEventLog: true } },
      { publicKey: publicKey.spki },
    );
    const zero = '00'.repeat(32);
    assert.notEqual(found.measurements.pcr7, zero);
    assert.equal(found.measurements.pcr14, zero);
    assert.equal(found.assurance, 'boot');
  });

  test('is not believed for another key, without a name, or with a log of another boot', async () => {
    const named = { tpm: { attestationKeys: [name()], requireEventLog: true } };
    const other = generateKeyPair('P-256').publicKey.spki;
    const code = (run: () => unknown) => {
      try {
        run();
      } catch (error) {
        return error instanceof AttestationError ? error.code : String(error);
      }
      return 'accepted';
    };
    assert.equal(
      code(() => claims(named, { publicKey: other })),
      'report-data',
    );
    assert.equal(
      code(() => claims({}, { publicKey: publicKey.spki })),
      'ak-trust',
    );
    tpm.extend(4, sha256(new TextEncoder().encode('another boot loader')).toHex());
    const later = await tpmEvidence(place, keyDigest);
    assert.equal(
      code(() => claims(named, { publicKey: publicKey.spki }, later)),
      'event-log',
    );
  });

  test('activates a credential made for its keys, which makes its key trusted', async () => {
    const { endorsementKey, certificates, authority } = tpm.certify(now);
    const secret = new Uint8Array(32).fill(42);
    const credential = makeCredential(
      endorsementKey,
      tpm.read('ak.name'),
      secret,
      new Uint8Array(32).fill(1),
    );
    const keys = { attestationKey: tpm.attestationKey, endorsementKey: tpm.endorsementKey };
    const given = await tpmSecret(tpm.device, keys, credential);
    assert.deepEqual(new Uint8Array(given), secret);
    // Made for another key, it does not open; the TPM can be asked again.
    const other = makeCredential(endorsementKey, sha256(secret), secret, new Uint8Array(32).fill(1));
    await assert.rejects(tpmSecret(tpm.device, keys, other), { code: 'Evidence', message: /command 0x147/ });
    assert.deepEqual(new Uint8Array(await tpmSecret(tpm.device, keys, credential)), secret);
    const asked = { secret, endorsementKey: endorsementKey.id, attestationKeyName: name() };
    const { claims: found } = verify(
      { platform: 'tpm', ...shown },
      { activation: { certificates: certificates.map(({ der }) => der), secret: given } },
      {
        roots: { ...vendorRoots, tpm: [authority] },
        policy: {},
        expected: { publicKey: publicKey.spki, activation: asked },
      },
      now,
    );
    assert.equal(found.platformId, endorsementKey.id);
  });

  test('is read by few commands: an NV index comes whole', async () => {
    const content = Uint8Array.from({ length: 1300 }, (_, i) => i & 0xff);
    tpm.write('content', content);
    tpm.run('tpm2_nvdefine', '-Q', '-C', 'o', '-s', '1300', '0x01400001', '-a', 'ownerread|ownerwrite');
    tpm.run('tpm2_nvwrite', '-Q', '-C', 'o', '-i', 'content', '0x01400001');
    await using transport = await openTpm(tpm.device);
    assert.deepEqual(new Uint8Array(await new Tpm(transport).readNv(0x01400001)), content);
  });

  test('that has no such key says so', async () => {
    await assert.rejects(tpmEvidence({ ...place, key: 0x81010099 }, keyDigest), {
      code: 'Evidence',
      message: /TPM command 0x173 failed with 0x18b/,
    });
  });
});

test('a log that is not there is a refusal that names it', async () => {
  const place = { device: '/nowhere', key: 0x81010002, registers: [0], eventLog: '/nowhere.log' };
  await assert.rejects(tpmEvidence(place, keyDigest), { code: 'Evidence', message: /nowhere/ });
  assert.ok(readFileSync(bootLog).length > 0);
});
