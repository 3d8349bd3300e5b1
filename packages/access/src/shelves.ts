import { SealingKey } from '@coco/crypto';
import { type ByteString, bytesToByteString } from '@coco/kv';
import { audienceIdOf, type Home, type Segment } from './audience.ts';
import type { Audiences } from './audiences.ts';
import type { ParcelDesk } from './parcel.ts';
import type { AccessSecret } from './secret.ts';
import { keysIn, LedgerShelf, ParcelShelf, parcelKeys, type Shelf, sealSegmentKey } from './shelf.ts';
import { keyToCome } from './tables.ts';

/** The shelves of one call, of whatever home. */
export class Shelves {
  readonly #audiences: Audiences;
  readonly #desk: ParcelDesk;
  readonly #open = new Map<Segment, Shelf>();

  constructor(audiences: Audiences, desk: ParcelDesk) {
    this.#audiences = audiences;
    this.#desk = desk;
  }

  /** The shelf of a segment; undefined when its key was destroyed, or none was needed so far. Throws `ParcelsAway`. */
  of(segment: Segment): Shelf | undefined {
    const audiences = this.#audiences;
    const known = this.#open.get(segment) ?? audiences.shelfOf(segment);
    if (known || audiences.find(audienceIdOf(segment))?.home !== 'parties') return known;
    const slip = audiences.keyEntry(segment);
    const { secret } = audiences;
    if (slip === undefined || slip === keyToCome || !secret) return undefined;
    const [parcel] = this.#desk.take(segment, [slip]);
    if (!parcel) return undefined;
    const shelf = new ParcelShelf(segment, keysIn(parcel, secret), this.#desk, audiences.random);
    this.#open.set(segment, shelf);
    return shelf;
  }

  /** Sets up a shelf whose key was just made. Answers what the map of keys gets. */
  found(segment: Segment, home: Home, raw: Uint8Array, secret: AccessSecret): ByteString {
    const { random } = this.#audiences;
    const key = bytesToByteString(raw);
    if (home === 'everywhere') {
      this.#open.set(segment, new LedgerShelf(segment, new SealingKey(raw), random));
      return key;
    }
    this.#open.set(segment, new ParcelShelf(segment, parcelKeys(raw), this.#desk, random));
    return this.#desk.make(segment, sealSegmentKey(secret, segment, key, random));
  }
}
