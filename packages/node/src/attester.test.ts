import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { generateKeyPair } from '@coco/crypto';
import { type Attested, Attester, noNonce, ownClaims } from './attester.ts';
import type { NodeIdentity } from './identity.ts';
import { limits } from './limits.ts';
import { Outbox } from './outbox.ts';

const key = generateKeyPair('P-256');
const identity = { key, id: key.publicKey.id } as NodeIdentity;
const nonce = new Uint8Array(32).fill(7);
const executableDigest = 'ab'.repeat(32);

function attester(source: 'virtual' | 'host') {
  const outbox = new Outbox();
  return { outbox, attester: new Attester(identity, outbox, { source, executableDigest }) };
}

function asked(from: Attester, about: Uint8Array): { readonly answers: Attested[] } {
  const answers: Attested[] = [];
  from.ask(about, (answer) => answers.push(answer));
  return { answers };
}

describe('a virtual node', () => {
  test('writes its evidence at once, in CCF’s form, and it verifies', () => {
    const { attester: own } = attester('virtual');
    const [answer] = asked(own, noNonce).answers;
    assert.ok(answer !== undefined && 'evidence' in answer);
    const statement = JSON.parse(Buffer.from(answer.evidence.quote.quote, 'base64').toString());
    assert.equal(Buffer.from(statement.report_data, 'base64').toString('hex'), identity.id);
    assert.equal(ownClaims(answer.evidence, identity, 0).configuration, executableDigest);
  });

  test('binds a nonce where one is asked for, and then the evidence is not for none', () => {
    const { attester: own } = attester('virtual');
    const [answer] = asked(own, nonce).answers;
    assert.ok(answer !== undefined && 'evidence' in answer);
    assert.throws(() => ownClaims(answer.evidence, identity, 0), { code: 'report-data' });
  });
});

describe('a node whose host makes evidence', () => {
  test('asks for its key and the nonce, and is answered once', () => {
    const { attester: own, outbox } = attester('host');
    const { answers } = asked(own, nonce);
    const [effect] = outbox.take();
    assert.ok(effect?.kind === 'attest');
    assert.equal(effect.reportData.toHex(), identity.id + nonce.toHex());
    own.attested(effect.id, { error: 'no device' });
    own.attested(effect.id, { error: 'again' });
    assert.deepEqual(answers, [{ error: 'no device' }]);
  });

  test('gives up the oldest question of a device that hangs', () => {
    const { attester: own } = attester('host');
    const questions = Array.from({ length: limits.evidenceAskedMax + 1 }, () => asked(own, nonce));
    assert.deepEqual(
      questions.map(({ answers }) => answers.length),
      [1, ...Array<number>(limits.evidenceAskedMax).fill(0)],
    );
  });
});
