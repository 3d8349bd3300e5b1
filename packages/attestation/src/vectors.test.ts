import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { capturedAbsent, capturedFolder, ownFolder, ownRoots, readerOf } from './testing/folders.test.ts';
import { evaluateVectors, type VectorRow } from './vectors/evaluate.ts';
import type { ReadFile } from './vectors/files.ts';

const own = evaluateVectors(readerOf(ownFolder), { roots: ownRoots() });
const captured = capturedAbsent === undefined ? evaluateVectors(readerOf(capturedFolder)) : [];
const nameOf = ({ id, mutation }: VectorRow) => (mutation === undefined ? id : `${id}, ${mutation}`);

describe("the project's own vectors", () => {
  for (const row of own) {
    test(`${nameOf(row)}: ${row.expected}`, () =>
      assert.ok(row.ok, `${row.verdict} ${row.failedCheck} ${row.reason}`));
  }

  /** The manifest says why in words; here is which check must say it. */
  const failures: Readonly<Record<string, string>> = {
    'snp/debug': 'debug',
    'snp/migration': 'migration',
    'snp/agent': 'migration',
    'snp/host-asked': 'vmpl',
    'snp/masked': 'chip-key',
    'snp/no-key': 'signing-key-kind',
    'snp/other-tcb': 'endorsed-tcb',
    'snp/other-chip': 'chip-id',
    'snp/odd-tcb': 'endorsed-tcb',
    'snp/revoked': 'revocation',
    'snp/old-list': 'revocation',
    'snp/turin-long-id': 'chip-id',
    'snp/unknown-model': 'cpu-family',
    'nitro/debug': 'debug',
    'nitro/odd-order': 'pinned-root',
    'nitro/old': 'timestamp',
    'nitro/other-digest': 'evidence-version',
    'nitro/oversized': 'evidence-shape',
    'nitro/other-leaf': 'evidence-signature',
    'nitro/wrong-issuer': 'certificate-chain',
    'nitro/may-not-sign': 'certificate-kind',
    'nitro/revoked': 'revocation',
    'tdx/qe-revoked': 'tcb-status',
    'tdx/revoked-level': 'tcb-status',
    'tdx/unknown-level': 'collateral-shape',
    'tdx/no-level': 'tcb-level',
    'tdx/debug': 'debug',
    'tdx/migratable': 'migration',
    'tdx/reserved': 'td-attributes',
    'tdx/other-module': 'tdx-module',
    'tdx/revoked-platform': 'revocation',
    'tdx/revoked-signer': 'revocation',
    'tdx/old-list': 'revocation',
    'tdx/old-collateral': 'collateral-freshness',
    'tdx/other-qe': 'qe-identity',
    'tdx/other-platform': 'qe-report-signature',
    'tdx/wrong-issuer': 'certificate-chain',
    'tdx/odd-order': 'certificate-kind',
    'sgx/qe-revoked': 'tcb-status',
    'sgx/qe-below': 'qe-identity',
    'sgx/other-qe': 'qe-identity',
    'sgx/debug': 'debug',
    'sgx/uninitialised': 'enclave-attributes',
    'sgx/revoked': 'revocation',
    'sgx/other-platform': 'qe-report-signature',
    'sgx/wrong-issuer': 'certificate-chain',
    'sgx/odd-order': 'certificate-kind',
    'tpm/sha1': 'pcr-bank',
    'tpm/other-bank': 'event-log',
    'tpm/unrestricted': 'ak-attributes',
    'tpm/other-usage': 'ak-trust',
    'tpm/certify': 'attest-type',
    'tpm/no-magic': 'attest-magic',
    'tpm/few-pcrs': 'pcr-selection',
    'tpm/other-key': 'report-data',
    'tpm/revoked': 'revocation',
    'tpm/wrong-issuer': 'certificate-chain',
    'tpm/odd-order': 'pinned-root',
    'tpm/other-certificate': 'ak-trust',
    'azure-vm/debug': 'debug',
    'azure-vm/revoked': 'revocation',
    'virtual/other': 'evidence-shape',
  };
  test('each refused vector is refused by the check it is about', () => {
    const refused = own.filter(({ mutation, verdict }) => mutation === undefined && verdict === 'refused');
    assert.deepEqual(Object.fromEntries(refused.map(({ id, failedCheck }) => [id, failedCheck])), failures);
  });

  test('with the roots of the vendors none of them is valid but what needs no root', () => {
    const bare: ReadFile = (name) => (name === 'mutations.json' ? undefined : readerOf(ownFolder)(name));
    const valid = evaluateVectors(bare).filter(({ verdict }) => verdict === 'valid');
    const ids = new Set(valid.map(({ id }) => id.split('/')[0]));
    assert.deepEqual([...ids].sort(), ['tpm', 'virtual']);
  });
});

describe('captured evidence', { skip: capturedAbsent ?? false }, () => {
  for (const row of captured) {
    test(`${nameOf(row)}: ${row.expected}`, () =>
      assert.ok(row.ok, `${row.verdict} ${row.failedCheck} ${row.reason}`));
  }

  test('no mutation is accepted, and none is refused for want of its files', () => {
    const mutations = captured.filter(({ mutation }) => mutation !== undefined);
    assert.ok(mutations.length >= 65);
    for (const row of mutations) assert.equal(row.verdict, 'refused', nameOf(row));
    for (const row of mutations) assert.notEqual(row.failedCheck, 'vector', nameOf(row));
  });
});
