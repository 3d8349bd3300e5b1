// Evidence of real formats, made with keys of our own, at the door of a service.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Roots } from '@coco/attestation';
import { sha256 } from '@coco/crypto';
import { Store, type Tx } from '@coco/kv';
import {
  nodePolicies,
  type QuoteInfo,
  snpHostData,
  snpMeasurements,
  snpTcbVersions,
} from '../tables/nodes.ts';
import { admitNode, type Candidate } from './admit.ts';
import type { NodePolicy, PlatformRule } from './node-policy.ts';
import { trustPlatform } from './trust-platform.ts';

const vectors = join(import.meta.dirname, '../../../../tests/vectors/attestation');
const base64 = (path: string) => new Uint8Array(readFileSync(join(vectors, path))).toBase64();
const roots = JSON.parse(readFileSync(join(vectors, 'roots.json'), 'utf8')) as Roots;
const options = { now: Date.parse('2026-06-01T00:00:00Z'), roots };

/** All evidence of the vectors is for the key of one node. */
const id = sha256(new Uint8Array(readFileSync(join(vectors, 'snp/v3/node.pub.der')))).toHex();
const candidate = (evidence: QuoteInfo): Candidate => ({ id, evidence });

const candidates = {
  snp: candidate({
    format: 'AMD_SEV_SNP_v1',
    quote: base64('snp/v3/report.bin'),
    endorsements: base64('snp/v3/chain.pem'),
  }),
  tdx: candidate({
    format: 'Intel_TDX_v1',
    quote: base64('tdx/v4/quote.bin'),
    endorsements: base64('tdx/v4/collateral.json'),
  }),
  sgx: candidate({
    format: 'OE_SGX_v1',
    quote: base64('sgx/v3/quote.bin'),
    endorsements: base64('sgx/v3/collateral.json'),
  }),
};

type Name = keyof typeof candidates;
const tcb = { boot_loader: 0, tee: 0, snp: 0, microcode: 0 };

/** Lets in what the vectors show, and nothing else of these platforms. */
const policy: NodePolicy = {
  platforms: {
    snp: {},
    tdx: { measurements: ['55'.repeat(48)] },
    sgx: { signers: ['31'.repeat(32)], intel: { statuses: ['UpToDate', 'SWHardeningNeeded'] } },
  },
};

function service(change: (policy: NodePolicy, tx: Tx) => NodePolicy = (same) => same): Tx {
  const tx = new Store().begin();
  snpMeasurements.set(tx, '22'.repeat(48), 'AllowedToJoin');
  snpHostData.set(tx, '33'.repeat(32), '');
  snpTcbVersions.set(tx, '00a00f11', tcb);
  nodePolicies.set(tx, change(policy, tx));
  return tx;
}

function rule(name: Name, more: PlatformRule): (policy: NodePolicy) => NodePolicy {
  return ({ platforms, ...rest }) => ({ ...rest, platforms: { ...platforms, [name]: more } });
}

const outcome = (tx: Tx, who: Candidate): string => {
  const admission = admitNode(tx, who, options);
  return admission.kind === 'admitted' ? `may ${admission.role}` : admission.refusal;
};

describe('evidence of real platforms is admitted', () => {
  for (const name of Object.keys(candidates) as Name[]) {
    test(name, () => assert.equal(outcome(service(), candidates[name]), 'may vote'));
  }

  test('and makes a service that admits its like, and no other platform', () => {
    for (const name of ['tdx', 'sgx'] as const) {
      const admission = admitNode(service(), candidates[name], options);
      assert.ok(admission.kind === 'admitted');
      const tx = new Store().begin();
      trustPlatform(tx, admission.claims);
      assert.equal(outcome(tx, candidates[name]), 'may vote');
      assert.equal(outcome(tx, candidates.snp), 'platform-accepted');
    }
  });
});

describe('evidence of real platforms is refused', () => {
  const { snp, tdx, sgx } = candidates;
  const facts: readonly [string, Candidate, string, (policy: NodePolicy, tx: Tx) => NodePolicy][] = [
    ['for another key', { ...snp, id: '77'.repeat(32) }, 'report-data', (same) => same],
    ['for another challenge', { ...tdx, nonce: new Uint8Array(32).fill(1) }, 'report-data', (same) => same],
    [
      'SNP of other host data',
      snp,
      'FailedInvalidHostData',
      (same, tx) => {
        snpHostData.clear(tx);
        return same;
      },
    ],
    [
      'SNP of an unlisted processor',
      snp,
      'FailedInvalidCPUID',
      (same, tx) => {
        snpTcbVersions.clear(tx);
        return same;
      },
    ],
    [
      "SNP below CCF's minimum of firmware",
      snp,
      'FailedInvalidTcbVersion',
      (same, tx) => {
        snpTcbVersions.set(tx, '00a00f11', { ...tcb, microcode: 255 });
        return same;
      },
    ],
    [
      'SNP below the minimum of its product',
      snp,
      'minimum-tcb',
      rule('snp', { snp: { minTcb: { Milan: { snp: 255 } } } }),
    ],
    ['SNP of another product', snp, 'cpu-family', rule('snp', { snp: { products: ['Turin'] } })],
    ['TDX of other code', tdx, 'measurement', rule('tdx', { measurements: ['56'.repeat(48)] })],
    ['TDX when no code is named', tdx, 'code-not-named', rule('tdx', {})],
    [
      'TDX with old collateral',
      tdx,
      'collateral-age',
      rule('tdx', { measurements: ['55'], intel: { minTcbEvaluationDataNumber: 99 } }),
    ],
    ['SGX whose status is not accepted', sgx, 'tcb-status', rule('sgx', { signers: ['31'.repeat(32)] })],
    [
      'SGX of another signer',
      sgx,
      'signer',
      rule('sgx', { signers: ['32'.repeat(32)], intel: { statuses: ['SWHardeningNeeded'] } }),
    ],
    [
      'from a machine nobody answers for',
      tdx,
      'platform-id',
      (same) => ({ ...same, machines: { ['a'.repeat(64)]: ['ff'] } }),
    ],
    [
      'with the evidence of another format',
      { ...snp, evidence: { ...snp.evidence, format: 'Intel_TDX_v1' } },
      'evidence-shape',
      (same) => same,
    ],
    [
      'without what vouches for it',
      { ...snp, evidence: { ...snp.evidence, endorsements: '' } },
      'certificate-shape',
      (same) => same,
    ],
  ];
  for (const [name, who, expected, change] of facts) {
    test(name, () => assert.equal(outcome(service(change), who), expected));
  }
});

test('broken evidence is refused, whatever is broken', () => {
  const tx = service();
  let state = 1;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state % below;
  };
  for (const { evidence, ...who } of Object.values(candidates)) {
    for (let tries = 0; tries < 40; tries++) {
      const bytes = Uint8Array.fromBase64(evidence.quote);
      bytes[random(bytes.length)]! ^= 1 << random(8);
      const cut = tries % 4 === 0 ? bytes.subarray(0, random(bytes.length)) : bytes;
      const admission = admitNode(tx, { ...who, evidence: { ...evidence, quote: cut.toBase64() } }, options);
      assert.equal(admission.kind, 'refused');
    }
  }
});
