// Evidence of an Azure confidential VM as its daemon makes it: the paravisor's report is read from the TPM, which here is
// one in software, and the processor that vouches for it is of our own making.
import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { type Claims, type Policy, type Roots, readQuoteInfo, vendorRoots, verify } from '@coco/attestation';
import { concatBytes, generateKeyPair, sha256 } from '@coco/crypto';
import type { Configuration } from '../../apps/host/src/configuration/configuration.ts';
import { evidenceMaker } from '../../apps/host/src/evidence/evidence.ts';
import { SoftwareTpm, softwareTpmMissing } from '../../apps/host/src/testing/software-tpm.ts';
import { snpMachine, tdMachine } from '../vectors/attestation/make/azure.ts';
import { idOf } from '../vectors/attestation/make/certificates.ts';
import { intel } from '../vectors/attestation/make/intel.ts';
import { amd } from '../vectors/attestation/make/snp.ts';

const missing = softwareTpmMissing();
const [milan, vendor] = [amd('Milan'), intel()];
const roots: Roots = {
  ...vendorRoots,
  amd: { Milan: [idOf(milan.ark.key)], Genoa: [], Turin: [] },
  intel: [idOf(vendor.root.key)],
};
const now = Date.parse('2026-06-01T00:00:00Z');
const { publicKey } = generateKeyPair('P-256');
const nonce = new Uint8Array(32).fill(9);
/** Azure's place has 2,600 bytes; in the software TPM no index is longer than this. */
const placeBytes = 2048;

describe('an Azure confidential VM', { skip: missing ?? false }, () => {
  let tpm: SoftwareTpm;
  let modulus = '';

  before(async () => {
    tpm = await SoftwareTpm.start();
    // What Azure's paravisor has made before the guest boots: the key, and a place for the report.
    tpm.run(
      'tpm2_createak',
      '-Q',
      '-C',
      '0x81010001',
      '-c',
      'azure.ctx',
      '-G',
      'rsa',
      '-g',
      'sha256',
      '-s',
      'rsassa',
    );
    tpm.run('tpm2_evictcontrol', '-Q', '-c', 'azure.ctx', '0x81000003');
    tpm.run('tpm2_flushcontext', '-t');
    tpm.run('tpm2_readpublic', '-Q', '-c', '0x81000003', '-f', 'pem', '-o', 'azure.pem');
    modulus = createPublicKey(Buffer.from(tpm.read('azure.pem'))).export({ format: 'jwk' }).n ?? '';
    tpm.run(
      'tpm2_nvdefine',
      '-Q',
      '-C',
      'o',
      '-s',
      `${placeBytes}`,
      '0x01400001',
      '-a',
      'ownerread|ownerwrite',
    );
  });
  after(() => tpm?.[Symbol.dispose]());

  /** Puts a report where the paravisor leaves it. */
  function leave(hcl: Uint8Array): void {
    tpm.write('hcl.bin', concatBytes(hcl, new Uint8Array(placeBytes - hcl.length)));
    tpm.run('tpm2_nvwrite', '-Q', '-C', 'o', '-i', 'hcl.bin', '0x01400001');
  }

  async function claimsOf(files: object, own: object, policy: Policy = {}): Promise<Claims> {
    const settings = {
      attestation: { snp_endorsements_servers: [], ...files },
      coco: {
        attestation: {
          platform: 'azure-vm',
          tpm: { device: tpm.device, registers: [0, 4, 7] },
          program: [],
          ...own,
        },
      },
    } as unknown as Configuration;
    const given = await evidenceMaker(settings).attest(concatBytes(sha256(publicKey.spki), nonce));
    if ('error' in given) throw new Error(given.error);
    const { evidence, endorsements } = readQuoteInfo(given.evidence.quote);
    const expected = { publicKey: publicKey.spki, nonce };
    return verify(evidence, endorsements, { roots, policy, expected }, now).claims;
  }

  test('on SEV-SNP shows the report of its paravisor, and a quote that binds the key of the node and the challenge', async () => {
    const { hcl, chain } = snpMachine(milan, modulus);
    leave(hcl);
    const snp_endorsements_file = tpm.write('chain.pem', chain);
    const claims = await claimsOf({ snp_endorsements_file }, {});
    assert.deepEqual([claims.platform, claims.assurance], ['azure-vm', 'processor']);
    assert.equal(claims.measurements.pcr7, '00'.repeat(32));
  });

  test('on TDX has the quote from the program of its operator', async () => {
    const { hcl, quote, collateral } = tdMachine(vendor, modulus);
    leave(hcl);
    const collateral_file = tpm.write('collateral.json', collateral);
    const printed = tpm.write('quote', Buffer.from(quote.toString('base64')));
    // The TD report comes as the last argument.
    const program = ['sh', '-c', `test \${#0} = 2048 && cat ${printed}`];
    const claims = await claimsOf({}, { program, collateral_file });
    assert.deepEqual([claims.platform, claims.tcbStatus], ['azure-vm', 'UpToDate']);
  });

  test('whose report is of another machine is not believed', async () => {
    const { hcl, chain } = snpMachine(milan, Buffer.alloc(256, 0xc1).toString('base64url'));
    leave(hcl);
    const snp_endorsements_file = tpm.write('chain.pem', chain);
    await assert.rejects(claimsOf({ snp_endorsements_file }, {}), { code: 'evidence-signature' });
  });

  test('without such a place in its TPM says so', async () => {
    tpm.run('tpm2_nvundefine', '-Q', '-C', 'o', '0x01400001');
    await assert.rejects(claimsOf({}, {}), /NV index 0x1400001: TPM command 0x169 failed/);
  });
});
