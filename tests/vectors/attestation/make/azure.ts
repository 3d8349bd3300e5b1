// Azure confidential VMs: a paravisor's report over the key of its virtual TPM, on SNP and on TDX.
import { createHash, createPublicKey } from 'node:crypto';
import { type Bytes, cat, newEc, newRsa, pem, revocationList } from './certificates.ts';
import type { BadInput, Edit, Folder } from './folder.ts';
import { collateral, current, type Intel, quote } from './intel.ts';
import { type Amd, classicTcb, report, vcek } from './snp.ts';
import { tdBody } from './tdx.ts';
import { attest, registerFile, signature } from './tpm.ts';

const runtimeOf = (modulus: string): Buffer =>
  Buffer.from(
    JSON.stringify({
      keys: [{ kid: 'HCLAkPub', kty: 'RSA', e: 'AQAB', n: modulus }],
      'vm-configuration': { 'secure-boot': true, 'tpm-enabled': true },
      'user-data': '00'.repeat(64),
    }),
  );

/** What the paravisor leaves in the TPM: header, hardware report, runtime data. */
export function hclReport(kind: 'snp' | 'tdx', hardware: Bytes, runtime: Bytes): Buffer {
  const little32 = (...values: readonly number[]) => {
    const bytes = Buffer.alloc(4 * values.length);
    for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, 4 * index);
    return bytes;
  };
  const header = cat(Buffer.from('HCLA'), little32(2, 0, 0, 0, 0, 0, 0));
  const area = cat(hardware, Buffer.alloc(1184 - hardware.length));
  const described = little32(runtime.length + 20, 1, kind === 'snp' ? 2 : 4, 1, runtime.length);
  return cat(header, area, described, runtime);
}

/** What a machine of ours is, by its attestation key (base64url modulus) and the processor that vouches for it. */
export function snpMachine(
  amd: Amd,
  modulus: string,
  policy?: bigint,
): { readonly hcl: Buffer; readonly chain: Buffer } {
  const [key, chip, runtime] = [newEc('P-384'), Buffer.alloc(64, 0xc4), runtimeOf(modulus)];
  const reportData = createHash('sha256').update(runtime).digest();
  const options = {
    version: 3,
    tcb: classicTcb.bytes,
    chip,
    reportData,
    ...(policy === undefined ? {} : { policy }),
  };
  const chain = pem(
    vcek(amd.ask, key, 'Milan', classicTcb.svns, chip),
    amd.askCertificate,
    amd.arkCertificate,
  );
  return { hcl: hclReport('snp', report(key, options), runtime), chain };
}

/** The same on TDX, with the quote that Azure makes of the report, and Intel's word on the platform. */
export function tdMachine(
  intel: Intel,
  modulus: string,
): { readonly hcl: Buffer; readonly quote: Buffer; readonly collateral: Buffer } {
  const runtime = runtimeOf(modulus);
  const reportData = createHash('sha256').update(runtime).digest();
  return {
    hcl: hclReport('tdx', Buffer.alloc(1024), runtime),
    quote: quote(intel, { version: 4, tee: 0x81, body: tdBody(4, { reportData }) }),
    collateral: collateral(intel, 'TDX', current),
  };
}

/** Makes the vectors. */
export function makeAzure(folder: Folder, milan: Amd, intel: Intel): void {
  const key = newRsa();
  const modulus = createPublicKey(key).export({ format: 'jwk' }).n ?? '';
  const message = attest({ nonce: folder.nodeDigest, pcrs: [0, 4, 7] });
  const quoted = {
    'quote.msg': message,
    'quote.sig': signature(key, message),
    'quote.pcrs': registerFile(),
    'node.pub.der': folder.nodeKey,
  };
  const add = (name: string, expected: string, what: string, files: Record<string, Bytes>, bad?: BadInput) =>
    folder.vector(`azure-vm/${name}`, expected, { ...files, ...quoted }, what, bad);
  const { hcl, chain } = snpMachine(milan, modulus);
  add('snp', 'valid', 'On SEV-SNP', { 'hcl-report.bin': hcl, 'chain.pem': chain });
  const debug = snpMachine(milan, modulus, 0x3001fn | (1n << 19n));
  add(
    'debug',
    'refused: debug',
    'A machine that can be debugged',
    { 'hcl-report.bin': debug.hcl, 'chain.pem': debug.chain },
    'debug',
  );
  const crl = revocationList(milan.ark, [milan.askSerial]);
  add(
    'revoked',
    'refused: revoked',
    'The intermediate is on the list of the root',
    { 'hcl-report.bin': hcl, 'chain.pem': chain, 'crl.der': crl },
    'revoked',
  );
  const td = tdMachine(intel, modulus);
  add('tdx', 'UpToDate', 'On TDX', {
    'hcl-report.bin': td.hcl,
    'quote.bin': td.quote,
    'collateral.json': td.collateral,
  });
  const another = snpMachine(milan, createPublicKey(newRsa()).export({ format: 'jwk' }).n ?? '');
  folder.write('azure-vm/neg/other-machine.bin', another.hcl);
  const snp = (name: string, change: Edit, expect: string, bad?: BadInput) =>
    folder.mutation('azure-vm/snp', name, change, expect, bad);
  const file = 'azure-vm/snp/hcl-report.bin';
  snp(
    'runtime bit',
    { file, xor: [[1300, 1]] },
    'hardware report does not bind the AK',
    'one bit of what is signed',
  );
  snp('hardware report bit', { file, xor: [[200, 1]] }, 'signature invalid');
  snp('cut short', { file, truncate: 1250 }, 'malformed', 'truncated');
  snp(
    'runtime data longer than its place',
    { file, set: [[32 + 1184 + 16, 'ffff0000']] },
    'malformed',
    'oversized',
  );
  snp('digest of another hash', { file, set: [[32 + 1184 + 12, '02000000']] }, 'malformed');
  snp(
    'report of another machine',
    { file, replaceWith: ['azure-vm/neg/other-machine.bin'] },
    'signature invalid',
    'of another machine',
  );
  const sig = 'azure-vm/snp/quote.sig';
  snp('signature over SHA-1', { file: sig, set: [[2, '0004']] }, 'unsupported algorithm', 'wrong algorithm');
  const chainFile = 'azure-vm/snp/chain.pem';
  snp(
    'certificates of another chip',
    { file: chainFile, replaceWith: ['snp/v3/chain.pem'] },
    'signature invalid',
    'swapped certificates',
  );
  snp(
    'wrong issuer',
    { file: chainFile, replaceWith: ['snp/neg/wrong-issuer.pem'] },
    'not issued by the next',
    'wrong issuer',
  );
  snp(
    'chain in odd order',
    { file: chainFile, replaceWith: ['snp/neg/odd-order.pem'] },
    'root not the one pinned',
    'chain in odd order',
  );
  folder.commonMutations('azure-vm/snp');
}
