import { HmacKey, hkdfSha256, type Random, SealingKey } from '@coco/crypto';
import { type ByteString, byteStringToBytes, byteStringToUtf8, type MapName, type Row } from '@coco/kv';
import type { Segment } from './audience.ts';
import { readU32, u32 } from './numbers.ts';
import type { Parcel, ParcelDesk } from './parcel.ts';
import { openRow, placeBytes, sealRow, sealRowWith } from './sealed-row.ts';
import type { AccessSecret } from './secret.ts';

/** The rows of one segment as the ledger holds them: under which name, and in what shape. */
export interface Shelf {
  /** Whether names come in the order of keys. */
  readonly isOrdered: boolean;
  /** What a key of a map lies under, behind the segment. */
  nameOf(map: MapName, key: ByteString): ByteString;
  /** Rows of a map as they lie there, each with its own key and opened. Throws `ParcelsAway`. */
  open(map: MapName, rows: readonly Row[]): Row[];
  /**
   * The value that goes into the ledger for a row. With a nonce it is the same wherever it is made; that must never come with
   * two rows.
   */
  seal(map: MapName, key: ByteString, value: ByteString, nonce?: Uint8Array): ByteString;
}

/** Rows that every node keeps: sealed, in the ledger itself, under their own keys. */
export class LedgerShelf implements Shelf {
  readonly isOrdered = true;
  readonly #segment: Segment;
  readonly #key: SealingKey;
  readonly #random: Random;

  constructor(segment: Segment, key: SealingKey, random: Random) {
    this.#segment = segment;
    this.#key = key;
    this.#random = random;
  }

  nameOf(_: MapName, key: ByteString): ByteString {
    return key;
  }

  open(map: MapName, rows: readonly Row[]): Row[] {
    return rows.map(({ key, value, version }) => {
      return { key, value: openRow(this.#key, { map, key: this.#segment + key }, value), version };
    });
  }

  seal(map: MapName, key: ByteString, value: ByteString, nonce?: Uint8Array): ByteString {
    const place = { map, key: this.#segment + key };
    return nonce
      ? sealRowWith(this.#key, nonce, place, value)
      : sealRow(this.#key, place, value, this.#random);
  }
}

/** What a parcel shelf works with, made of the key of its segment. */
export interface ParcelKeys {
  readonly sealing: SealingKey;
  readonly naming: HmacKey;
}

const nameBytes = 16;
const naming = new TextEncoder().encode('coco access parcel names');

/**
 * Rows that only nodes of the parties keep: each in a parcel, with its slip in the ledger under a name that tells nothing
 * of the key to whoever does not have the segment's.
 */
export class ParcelShelf implements Shelf {
  readonly isOrdered = false;
  readonly #segment: Segment;
  readonly #keys: ParcelKeys;
  readonly #desk: ParcelDesk;
  readonly #random: Random;

  constructor(segment: Segment, keys: ParcelKeys, desk: ParcelDesk, random: Random) {
    this.#segment = segment;
    this.#keys = keys;
    this.#desk = desk;
    this.#random = random;
  }

  nameOf(map: MapName, key: ByteString): ByteString {
    return this.#keys.naming.sign(placeBytes({ map, key })).slice(0, nameBytes);
  }

  open(map: MapName, rows: readonly Row[]): Row[] {
    const slips = rows.map(({ value }) => value);
    return this.#desk.take(this.#segment, slips).map((parcel, i) => {
      const content = openRow(this.#keys.sealing, this.#place, parcel.bytes);
      const { place, value } = readContent(content);
      if (place.map !== map) throw new Error(`a parcel of ${place.map} has its slip in ${map}`);
      return { key: place.key, value, version: (rows[i] as Row).version };
    });
  }

  /** The nonce is the salt of the parcel's digest, so it is the parcel's own: one of a stream follows from the parcel before. */
  seal(
    map: MapName,
    key: ByteString,
    value: ByteString,
    nonce: Uint8Array = this.#random(SealingKey.nonceBytes),
  ): ByteString {
    const content = u32(key.length) + placeBytes({ map, key }) + value;
    return this.#desk.make(this.#segment, sealRowWith(this.#keys.sealing, nonce, this.#place, content));
  }

  /** The digest in the ledger binds a parcel to its place there; the seal binds it to its audience. */
  get #place() {
    return { map: '', key: this.#segment };
  }
}

function readContent(content: ByteString): { place: { map: MapName; key: ByteString }; value: ByteString } {
  const keyAt = 8 + readU32(content, 4);
  const valueAt = keyAt + readU32(content, 0);
  const map = byteStringToUtf8(content.slice(8, keyAt));
  return { place: { map, key: content.slice(keyAt, valueAt) }, value: content.slice(valueAt) };
}

/** The keys of a shelf of parcels, made of the raw key of its segment. */
export function parcelKeys(raw: Uint8Array): ParcelKeys {
  const forNames = hkdfSha256(raw, new Uint8Array(0), naming, 32);
  return { sealing: new SealingKey(raw), naming: new HmacKey(forNames) };
}

/** Seals the raw key of a segment, to be a parcel itself: who keeps the rows keeps the key, and nobody else. */
export function sealSegmentKey(
  secret: AccessSecret,
  segment: Segment,
  raw: ByteString,
  random: Random,
): ByteString {
  return sealRowWith(secret.parcelKeysKey, random(SealingKey.nonceBytes), { map: 'key', key: segment }, raw);
}

/** As long as the parcel is kept its keys are at hand, and not longer. */
const opened = new WeakMap<Parcel, ParcelKeys>();

/** The keys in a parcel that `sealSegmentKey` made. */
export function keysIn(parcel: Parcel, secret: AccessSecret): ParcelKeys {
  const known = opened.get(parcel);
  if (known) return known;
  const place = { map: 'key', key: parcel.segment };
  const keys = parcelKeys(byteStringToBytes(openRow(secret.parcelKeysKey, place, parcel.bytes)));
  opened.set(parcel, keys);
  return keys;
}
