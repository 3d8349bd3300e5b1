// How rows lie in the ledger and in parcels: sealed, bound to their place, and so that equal ones do not look it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CryptoError, SealingKey } from '@coco/crypto';
import { noParcels, ParcelDesk } from './parcel.ts';
import { openRow } from './sealed-row.ts';
import { LedgerShelf, ParcelShelf, parcelKeys } from './shelf.ts';

const map = 'audience:things';
const raw = Uint8Array.from({ length: 32 }, (_, i) => i);
const segment = 's'.repeat(20);
const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
const nonceOf = (sealed: string) => sealed.slice(0, SealingKey.nonceBytes);

function ledgerShelf(of = segment): LedgerShelf {
  return new LedgerShelf(of, new SealingKey(raw), random);
}

/** The bytes of parcels that a shelf makes. */
function parcels(seal: (shelf: ParcelShelf) => void): string[] {
  const desk = new ParcelDesk(noParcels);
  seal(new ParcelShelf(segment, parcelKeys(raw), desk, random));
  return desk.made.map(({ bytes }) => bytes);
}

test('a row of the ledger opens in its own place alone', () => {
  const value = ledgerShelf().seal(map, 'k', 'v');
  const opened = (shelf: LedgerShelf, at: string, key: string) =>
    shelf.open(at, [{ key, value, version: 7 }])[0];
  assert.deepEqual(opened(ledgerShelf(), map, 'k'), { key: 'k', value: 'v', version: 7 });
  const moved = (error: unknown) => error instanceof CryptoError && error.code === 'DecryptionFailed';
  assert.throws(() => opened(ledgerShelf(), map, 'l'), moved);
  assert.throws(() => opened(ledgerShelf(), 'audience:thing', 'k'), moved);
  assert.throws(() => opened(ledgerShelf('t'.repeat(20)), map, 'k'), moved);
});

test('equal rows are sealed to different bytes of one length, unless a nonce is said', () => {
  const shelf = ledgerShelf();
  const rows = Array.from({ length: 100 }, (_, i) => shelf.seal(map, 'k', 'v'.repeat(i)));
  rows.push(...Array.from({ length: 100 }, () => shelf.seal(map, 'k', '')));
  assert.equal(new Set(rows).size, 200);
  assert.equal(new Set(rows.map(({ length }) => length)).size, 1);
  const nonce = random(SealingKey.nonceBytes);
  assert.equal(shelf.seal(map, 'k', 'v', nonce), ledgerShelf().seal(map, 'k', 'v', nonce));
});

test('each parcel has a nonce of its own, so that no guess can be held against its digest', () => {
  const made = parcels((shelf) => {
    for (let i = 0; i < 100; i++) shelf.seal(map, 'k', 'v');
  });
  assert.equal(new Set(made.map(nonceOf)).size, 100);
  const { sealing } = parcelKeys(raw);
  for (const bytes of made) assert.ok(openRow(sealing, { map: '', key: segment }, bytes).endsWith('v'));
});

test('a parcel is the same wherever it is made with one nonce', () => {
  const nonce = random(SealingKey.nonceBytes);
  const make = () => parcels((shelf) => shelf.seal(map, 'k', 'v', nonce));
  assert.deepEqual(make(), make());
});
