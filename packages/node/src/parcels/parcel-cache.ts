import type { Parcel, ParcelId, Parcels, Segment } from '@coco/access';

/** Parcels in memory, the least recently used forgotten first when they are more than `bytesMax`. */
export class ParcelCache implements Parcels {
  readonly #bytesMax: number;
  readonly #parcels = new Map<ParcelId, Parcel>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  find(id: ParcelId): Parcel | undefined {
    const found = this.#parcels.get(id);
    if (!found) return undefined;
    this.#parcels.delete(id);
    this.#parcels.set(id, found);
    return found;
  }

  add(parcel: Parcel): void {
    this.#remove(parcel.id);
    this.#parcels.set(parcel.id, parcel);
    this.#bytes += parcel.bytes.length;
    for (const id of this.#parcels.keys()) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#remove(id);
    }
  }

  /** Forgets everything of a segment. */
  drop(segment: Segment): void {
    for (const [id, parcel] of this.#parcels) if (parcel.segment === segment) this.#remove(id);
  }

  #remove(id: ParcelId): void {
    const parcel = this.#parcels.get(id);
    if (!parcel) return;
    this.#parcels.delete(id);
    this.#bytes -= parcel.bytes.length;
  }
}
