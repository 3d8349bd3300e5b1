import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { generateKeyPair } from '@coco/crypto';
import { Store, type Tx } from '@coco/kv';
import { nodeInfos, nodePolicies, nodeStandings } from '../tables/nodes.ts';
import { nodeRecord } from '../testing/consortium.ts';
import { virtualClaims, virtualEvidence } from '../testing/platform.ts';
import { type Admission, admitNode, type Candidate, machineMate } from './admit.ts';
import type { NodePolicy } from './node-policy.ts';
import { trustPlatform } from './trust-platform.ts';

const code = 'aa'.repeat(32);
const { publicKey } = generateKeyPair('P-256');
const candidate: Candidate = {
  id: publicKey.id,
  evidence: virtualEvidence(code, publicKey.id),
};
const other = 'b'.repeat(64);

function under(policy: NodePolicy | undefined): Tx {
  const tx = new Store().begin();
  trustPlatform(tx, virtualClaims(code));
  if (policy !== undefined) nodePolicies.set(tx, policy);
  return tx;
}

function admitted(policy?: NodePolicy, who: Candidate = candidate): Admission {
  return admitNode(under(policy), who, { now: 0 });
}

function refusal(policy?: NodePolicy, who?: Candidate): string {
  const admission = admitted(policy, who);
  return admission.kind === 'refused' ? `${admission.refusal}: ${admission.message}` : admission.kind;
}

describe('a node is admitted', () => {
  test('when it is like the first one, with the strongest role', () => {
    const admission = admitted();
    assert.ok(admission.kind === 'admitted');
    assert.equal(admission.role, 'vote');
    assert.equal(admission.claims.platform, 'virtual');
  });

  test('with the role that its assurance suffices for', () => {
    const admission = admitted({ roles: { vote: 'processor', secrets: 'cloud' } });
    assert.equal(admission.kind === 'admitted' && admission.role, 'verify');
  });
});

describe('one machine', () => {
  /** Virtual nodes have none: the standing of the other node is given one. */
  function beside(status: 'Trusted' | 'Retired'): string {
    const tx = under(undefined);
    nodeInfos.set(tx, other, { ...nodeRecord('pem'), status });
    const claims = { ...virtualClaims(code), platformId: 'ff' };
    nodeStandings.set(tx, other, { claims, role: 'vote', verified: 0 });
    return machineMate(tx, candidate.id, claims) ?? 'nobody';
  }

  test('cannot pose as two nodes', () => assert.equal(beside('Trusted'), other));
  test('runs another node when the first has retired', () => assert.equal(beside('Retired'), 'nobody'));
});

describe('a node is refused', () => {
  const { evidence } = candidate;
  const facts: readonly [string, NodePolicy | undefined, Candidate, RegExp][] = [
    [
      'of a platform the policy leaves out',
      { platforms: { snp: {} } },
      candidate,
      /^platform-accepted: Quote/,
    ],
    [
      'when its assurance suffices for no role',
      { roles: { vote: 'processor', secrets: 'cloud', verify: 'boot' } },
      candidate,
      /^role: .*"none"/,
    ],
    [
      'with the evidence of another key',
      undefined,
      { ...candidate, id: generateKeyPair('P-256').publicKey.id },
      /^report-data: Quote report data does not contain node's public key hash/,
    ],
    [
      'without the nonce that was asked for',
      undefined,
      { ...candidate, nonce: new Uint8Array(32).fill(1) },
      /^report-data/,
    ],
    [
      'with other host data',
      undefined,
      { ...candidate, evidence: virtualEvidence('ab'.repeat(32), candidate.id) },
      /^FailedInvalidHostData: Quote host data is not authorised/,
    ],
    [
      'from a machine nobody answers for',
      { machines: { [other]: ['ff'] } },
      candidate,
      /^platform-id: Quote could not be verified/,
    ],
    [
      'on a platform that is accepted without saying with which code',
      { platforms: { nitro: {} } },
      { ...candidate, evidence: { ...evidence, format: 'AWS_Nitro_v1' } },
      /^code-not-named/,
    ],
    [
      'with a format nobody knows',
      undefined,
      { ...candidate, evidence: { ...evidence, format: 'X' as 'Insecure_Virtual' } },
      /^evidence-shape/,
    ],
  ];
  for (const [name, policy, who, expected] of facts) {
    test(name, () => assert.match(refusal(policy, who), expected));
  }
});
