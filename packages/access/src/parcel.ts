import { sha256ByteString } from '@coco/crypto';
import type { ByteString } from '@coco/kv';
import type { Segment } from './audience.ts';
import { AccessError } from './errors.ts';
import { readU32, u32 } from './numbers.ts';

/**
 * Names a parcel: SHA-256 of its bytes. Those begin with a random nonce that stands nowhere else, which is the salt: whoever
 * has the digest alone can test no guess against it.
 */
export type ParcelId = ByteString;

/** Something sealed for an audience that only nodes of its parties keep. */
export interface Parcel {
  readonly segment: Segment;
  readonly id: ParcelId;
  readonly bytes: ByteString;
}

/** Which parcel, and whose. */
export type ParcelName = Omit<Parcel, 'bytes'>;

/** What the ledger holds in the place of a parcel. */
export interface Slip {
  readonly id: ParcelId;
  /** Bytes of the parcel, which is padded. */
  readonly size: number;
}

const idBytes = 32;

/** Makes a parcel of sealed bytes. */
export function parcelOf(segment: Segment, bytes: ByteString): Parcel {
  return { segment, id: sha256ByteString(bytes), bytes };
}

/** The slip of a parcel as the value of a map. */
export function slipFor({ id, bytes }: Parcel): ByteString {
  return id + u32(bytes.length);
}

/** Reads what `slipFor` wrote. */
export function readSlip(value: ByteString): Slip {
  if (value.length !== idBytes + 4) throw new Error(`a slip of ${value.length} bytes`);
  return { id: value.slice(0, idBytes), size: readU32(value, idBytes) };
}

/** Where parcels are looked for that are at hand. */
export interface Parcels {
  find(id: ParcelId): Parcel | undefined;
}

/**
 * The parcels of one call: those it found, those it made, and those that were not at hand. Code that is told of the
 * latter may go on as if nothing was; whoever runs it looks at `missing` afterwards, has them brought, and runs it again.
 */
export class ParcelDesk implements Parcels {
  readonly #atHand: Parcels;
  #made: Map<ParcelId, Parcel> | undefined;
  #missing: Map<ParcelId, ParcelName> | undefined;

  constructor(atHand: Parcels) {
    this.#atHand = atHand;
  }

  get made(): readonly Parcel[] {
    return this.#made ? [...this.#made.values()] : [];
  }

  get missing(): readonly ParcelName[] {
    return this.#missing ? [...this.#missing.values()] : [];
  }

  find(id: ParcelId): Parcel | undefined {
    return this.#made?.get(id) ?? this.#atHand.find(id);
  }

  /** The parcels of these slips, in their order. Throws `ParcelsAway` when one is not at hand. */
  take(segment: Segment, slips: readonly ByteString[]): Parcel[] {
    const found: Parcel[] = [];
    for (const slip of slips) {
      const { id } = readSlip(slip);
      const parcel = this.find(id);
      if (parcel) {
        found.push(parcel);
      } else {
        this.#missing ??= new Map();
        this.#missing.set(id, { segment, id });
      }
    }
    if (found.length === slips.length) return found;
    throw new AccessError('ParcelsAway', 'rows of this audience are with the nodes of its parties');
  }

  /** Puts sealed bytes into a parcel. Answers its slip. */
  make(segment: Segment, bytes: ByteString): ByteString {
    const parcel = parcelOf(segment, bytes);
    this.#made ??= new Map();
    this.#made.set(parcel.id, parcel);
    return slipFor(parcel);
  }
}

/** Nothing is at hand. */
export const noParcels: Parcels = { find: () => undefined };
