import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeSecretLink,
  encodeSecretLink,
  LedgerError,
  openSecret,
  sealSecret,
  walkSecretChain,
} from './index.ts';

const secret = (n: number): Uint8Array => new Uint8Array(32).fill(n);
/** Deterministic: every call gives other bytes, which is all an initialisation vector needs. */
function counter(): (n: number) => Uint8Array {
  let calls = 0;
  return (n) => new Uint8Array(n).fill(++calls);
}

/** Three rekeys: secrets from 0, 11, 21 and 31, each link stored at the rekey before its successor begins. */
function chain() {
  const random = counter();
  const links = new Map<number, string>();
  const starts = [0, 11, 21, 31];
  for (let i = 1; i < starts.length; i++) {
    const storedAt = starts[i]! - 1;
    const encrypted = sealSecret(secret(i - 1), secret(i), random);
    const before = i > 1 ? { storedAt: starts[i - 1]! - 1 } : {};
    links.set(
      storedAt,
      encodeSecretLink({ previous: { from: starts[i - 1]!, encrypted, ...before }, nextFrom: starts[i]! }),
    );
  }
  return links;
}

test('a sealed secret opens under the one it was sealed with, and no other', () => {
  const sealed = sealSecret(secret(1), secret(2), counter());
  assert.equal(sealed.length, 16 + 12 + 32);
  assert.deepEqual(openSecret(sealed, secret(2)), secret(1));
  assert.throws(() => openSecret(sealed, secret(3)), { code: 'DecryptionFailed' });
  assert.throws(() => openSecret(sealed.with(20, sealed[20]! ^ 1), secret(2)), { code: 'DecryptionFailed' });
  assert.throws(() => openSecret(sealed.slice(0, 27), secret(2)), { code: 'MalformedSecret' });
});

test('the chain is walked from the newest secret to the oldest', () => {
  const links = chain();
  const walked = [...walkSecretChain({ from: 31, raw: secret(3) }, links.get(30), (at) => links.get(at))];
  assert.deepEqual(
    walked.map(({ from, raw }) => [from, raw[0]]),
    [
      [31, 3],
      [21, 2],
      [11, 1],
      [0, 0],
    ],
  );
});

test('a walk ends where a link is not at hand', () => {
  const links = chain();
  const walked = [...walkSecretChain({ from: 31, raw: secret(3) }, links.get(30), () => undefined)];
  assert.deepEqual(
    walked.map(({ from }) => from),
    [31, 21],
  );
});

test('a chain that does not go back in the ledger is refused, so that walks end', () => {
  const encrypted = sealSecret(secret(3), secret(3), counter());
  const loop = encodeSecretLink({ previous: { from: 31, encrypted, storedAt: 30 } });
  assert.throws(() => [...walkSecretChain({ from: 31, raw: secret(3) }, loop, () => loop)], {
    code: 'MalformedSecret',
  });
});

test('links that are not links are refused', () => {
  const values = [
    '',
    'null',
    '[]',
    '{"previous_ledger_secret":3}',
    '{"previous_ledger_secret":{"version":1}}',
    '{"next_version":-1}',
  ];
  const badBase64 = '{"previous_ledger_secret":{"version":1,"encrypted_data":"!"}}';
  for (const value of [...values, badBase64, '\xff']) {
    assert.throws(() => decodeSecretLink(value), LedgerError, value);
  }
  assert.deepEqual(decodeSecretLink('{}'), {});
});
