// SGX with the Intel of our own.
import { createHash } from 'node:crypto';
import { type Bytes, cat, newEc } from './certificates.ts';
import type { BadInput, Folder } from './folder.ts';
import {
  collateral,
  current,
  type EnclaveOptions,
  enclaveReport,
  type Intel,
  pck,
  type QuoteOptions,
  quote,
  quoteVectors,
} from './intel.ts';

/** Makes the vectors. */
export function makeSgx(folder: Folder, vendor: Intel): void {
  const enclave = (change: Partial<EnclaveOptions> = {}, options?: QuoteOptions) => {
    const body = enclaveReport({ reportData: folder.nodeDigest, signer: 0x31, ...change });
    return quote(vendor, { version: 3, tee: 0, body }, options);
  };
  const sgx = quoteVectors(folder, vendor, 'SGX');
  const hardened = { statuses: ['SWHardeningNeeded'] };
  sgx('v3', 'SWHardeningNeeded', 'Quote of version 3', enclave(), hardened);
  sgx('up-to-date', 'UpToDate', 'A platform that needs nothing', enclave());
  for (const status of ['ConfigurationNeeded', 'ConfigurationAndSWHardeningNeeded']) {
    sgx(status.toLowerCase(), status, 'A platform that needs something', enclave(), { statuses: [status] });
  }
  sgx('out-of-date', 'OutOfDate', 'A platform of the second level', enclave(), { reached: 1 });
  sgx('qe-out-of-date', 'OutOfDate', 'An old quoting enclave', enclave(), { qeStatus: 'OutOfDate' });
  const needy = { statuses: ['ConfigurationNeeded'], qeStatus: 'OutOfDate' };
  sgx('both', 'OutOfDateConfigurationNeeded', 'The same where a setting is needed', enclave(), needy);
  sgx('qe-revoked', 'refused: Revoked', 'A revoked quoting enclave', enclave(), { qeStatus: 'Revoked' });
  sgx(
    'qe-below',
    'refused: QE identity',
    'A quoting enclave below every level',
    enclave({}, { qe: { svn: 4 } }),
  );
  sgx(
    'other-qe',
    'refused: QE identity',
    'A quoting enclave of another signer',
    enclave({}, { qe: { signer: 0x98 } }),
  );
  sgx(
    'provisioning',
    'UpToDate',
    'An enclave that may use the provisioning key',
    enclave({ attributes: 0x15 }),
  );
  sgx('debug', 'refused: debug', 'An enclave that can be debugged', enclave({ attributes: 7 }), {}, 'debug');
  sgx('uninitialised', 'refused: not initialised', 'An enclave that never ran', enclave({ attributes: 4 }));
  sgx(
    'revoked',
    'refused: revoked',
    'The platform is on the list',
    enclave(),
    { crl: [vendor.pckSerial] },
    'revoked',
  );
  const claims = cat(Buffer.from('claims of an enclave'), folder.nodeDigest);
  const reportData = createHash('sha256').update(claims).digest();
  const oe = openEnclave(collateral(vendor, 'SGX', current));
  folder.vector(
    'sgx/open-enclave',
    'UpToDate',
    {
      'evidence.bin': cat(enclave({ reportData }), claims),
      'endorsements.bin': oe,
      'node.pub.der': folder.nodeKey,
    },
    "Open Enclave's claims after the quote, and its container of endorsements",
  );
  const [leaf, authority, root] = vendor.chain;
  const foreign = pck(newEc('P-256'), vendor.authority, Buffer.from([8]));
  const misissued = pck(vendor.pckKey, { ...vendor.authority, key: newEc('P-256') }, vendor.pckSerial);
  const chained = (...chain: readonly Bytes[]) => enclave({}, { chain });
  sgx(
    'other-platform',
    'refused: signature',
    'The key of another platform',
    chained(foreign, authority, root),
    {},
    'swapped certificates',
  );
  sgx(
    'wrong-issuer',
    'refused: chain',
    'Issued by somebody of the same name',
    chained(misissued, authority, root),
    {},
    'wrong issuer',
  );
  sgx(
    'odd-order',
    'refused: chain',
    'The root before the authority',
    chained(leaf, root, authority),
    {},
    'chain in odd order',
  );
  mutations(folder);
}

/** Open Enclave's container: offsets, then nine texts that each end in a zero byte. */
function openEnclave(json: Bytes): Buffer {
  const given = JSON.parse(Buffer.from(json).toString()) as Record<string, string>;
  const part = (key: string) => given[key] ?? '';
  const statement = (name: string, key: string) =>
    `{"${name}":${part(key)},"signature":"${part(`${key}_signature`)}"}`;
  const crl = (key: string) =>
    `-----BEGIN X509 CRL-----\n${Buffer.from(part(key), 'hex').toString('base64')}\n-----END X509 CRL-----\n`;
  const texts = [
    '1',
    statement('tcbInfo', 'tcb_info'),
    part('tcb_info_issuer_chain'),
    crl('pck_crl'),
    crl('root_ca_crl'),
    part('tcb_info_issuer_chain'),
    statement('enclaveIdentity', 'qe_identity'),
    part('qe_identity_issuer_chain'),
    '2026-01-01T00:00:00Z',
  ].map((text) => Buffer.from(`${text}\0`));
  const header = Buffer.alloc(16 + 4 * texts.length);
  header.writeUInt32LE(1, 0);
  header.writeUInt32LE(2, 4);
  header.writeUInt32LE(cat(...texts).length, 8);
  header.writeUInt32LE(texts.length, 12);
  for (const [index] of texts.entries()) {
    header.writeUInt32LE(cat(...texts.slice(0, index)).length, 16 + 4 * index);
  }
  return cat(header, ...texts);
}

function mutations(folder: Folder): void {
  const base = 'sgx/v3';
  const quoted = (name: string, edit: object, expect: string, bad?: BadInput) =>
    folder.mutation(base, name, { file: 'sgx/v3/quote.bin', ...edit }, expect, bad);
  quoted('MRENCLAVE bit', { xor: [[112, 1]] }, 'quote signature invalid', 'one bit of what is signed');
  quoted('cut short', { truncate: 1500 }, 'malformed', 'truncated');
  quoted('byte after', { append: '01' }, 'trailing data refused', 'oversized');
  quoted('key of another kind', { set: [[2, '0300']] }, 'unsupported algorithm', 'wrong algorithm');
  const foreign = { file: 'sgx/v3/collateral.json', replaceWith: ['tdx/v4/collateral.json'] };
  folder.mutation(base, 'collateral of TDX', foreign, 'TCB info is for TDX', 'of another machine');
  folder.commonMutations(base);
  const policy = (name: string, of: string, asked: object, expect: string) =>
    folder.mutation(of, name, { policy: asked }, expect);
  policy('none allowed', 'sgx/provisioning', { allowProvisionKey: false }, 'provisioning key refused');
  policy('other advisories', 'sgx/out-of-date', { advisories: ['INTEL-SA-00002'] }, 'advisories');
  policy('security version 6', base, { minIsvSvn: 6 }, 'too old an enclave');
  folder.mutation(
    'sgx/open-enclave',
    'claims bit',
    { file: 'sgx/open-enclave/evidence.bin', xorFromEnd: [[40, 1]] },
    'does not bind the claims',
  );
}
