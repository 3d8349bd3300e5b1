import { type Random, SealingKey } from '@coco/crypto';
import {
  type ByteString,
  byteStringToBytes,
  bytesToByteString,
  type MapWrites,
  type Store,
  type Tx,
} from '@coco/kv';
import {
  type Audience,
  type AudienceId,
  audienceIdOf,
  decodeAudience,
  readersOfSegment,
  type Segment,
  segmentsOf,
  segmentsSeenBy,
} from './audience.ts';
import { limits } from './limits.ts';
import type { Reader, Viewer } from './reader.ts';
import { RowFilters } from './row-filters.ts';
import { AccessSecret } from './secret.ts';
import { LedgerShelf } from './shelf.ts';
import { tables } from './tables.ts';

/** Key of a map that holds one value. */
const singletonKey: ByteString = '\0'.repeat(8);

/**
 * The audiences of a store, kept at hand by reader: what a viewer may see is found without looking at what it may
 * not. Follows the store by itself.
 */
export class Audiences {
  /** Where the keys of audiences come from, and what makes sealed rows differ. */
  readonly random: Random;
  /** Where rows of audiences may lie. */
  readonly rowFilters: RowFilters;
  readonly #store: Store;
  #byId = new Map<AudienceId, Audience>();
  #byReader = new Map<Reader, Set<AudienceId>>();
  #withParties = new Set<AudienceId>();
  #shelves = new Map<Segment, LedgerShelf>();
  #seen = new WeakMap<Viewer, readonly Segment[]>();
  #secret: AccessSecret | undefined;
  #loaded = false;

  constructor(store: Store, random: Random) {
    this.#store = store;
    this.random = random;
    this.rowFilters = new RowFilters(store);
    store.onWrite(tables.audiences, (_version, writes) => this.#take(writes));
    store.onWrite(tables.keys, (_version, writes) => {
      for (const [segment] of writes) this.#shelves.delete(segment);
    });
    store.onWrite(tables.secret, () => {
      this.#secret = undefined;
    });
    store.onRollback(() => this.#forget());
    store.onAdopt(() => this.#forget());
  }

  /** The service's secret; undefined before the first transaction that needs it. */
  get secret(): AccessSecret | undefined {
    if (this.#secret) return this.#secret;
    const raw = this.#read(tables.secret, singletonKey);
    if (raw !== undefined) this.#secret = new AccessSecret(raw);
    return this.#secret;
  }

  /** The same for a transaction that needs it, which makes it where there is none. */
  secretFor(tx: Tx): AccessSecret {
    if (this.secret) return this.secret;
    const raw = bytesToByteString(this.random(32));
    // Two that make it at once conflict.
    tx.has(tables.secret, singletonKey);
    tx.set(tables.secret, singletonKey, raw);
    return new AccessSecret(raw);
  }

  find(id: AudienceId): Audience | undefined {
    this.#load();
    return this.#byId.get(id);
  }

  /** The readers of what a segment holds; none for one of an audience that there is not. */
  readersOf(segment: Segment): Reader[] {
    const audience = this.find(audienceIdOf(segment));
    return audience ? readersOfSegment(audience, segment) : [];
  }

  /** Every audience there is: for those who may see all. */
  all(): IterableIterator<Audience> {
    this.#load();
    return this.#byId.values();
  }

  /** Whether any audience is at home with its parties. */
  get someWithParties(): boolean {
    this.#load();
    return this.#withParties.size > 0;
  }

  /** Audiences that are at home with their parties. */
  *withParties(): IterableIterator<Audience> {
    this.#load();
    for (const id of this.#withParties) yield this.#byId.get(id) as Audience;
  }

  /** Segments that a viewer sees, those of one audience together, its present one first. */
  seenBy(viewer: Viewer): readonly Segment[] {
    this.#load();
    const known = this.#seen.get(viewer);
    if (known) return known;
    const readers = new Set(viewer.readers);
    const ids = new Set(viewer.readers.flatMap((reader) => [...(this.#byReader.get(reader) ?? [])]));
    const segments = [...ids].sort().flatMap((id) => segmentsSeenBy(this.#byId.get(id) as Audience, readers));
    this.#seen.set(viewer, segments);
    return segments;
  }

  /** Every segment there is, in the same order. */
  allSegments(): Segment[] {
    return [...this.all()].flatMap(segmentsOf);
  }

  /** Whether the key of a segment was destroyed. */
  isShredded(segment: Segment): boolean {
    return this.keyEntry(segment) === undefined;
  }

  /** What the map of keys has for a segment: see `tables.keys`. */
  keyEntry(segment: Segment): ByteString | undefined {
    return this.#read(tables.keys, segment);
  }

  /** The shelf of a segment that every node keeps; undefined once its key was destroyed, and for those of parcels. */
  shelfOf(segment: Segment): LedgerShelf | undefined {
    const known = this.#shelves.get(segment);
    if (known) return known;
    if (this.find(audienceIdOf(segment))?.home === 'parties') return undefined;
    const raw = this.keyEntry(segment);
    if (raw === undefined) return undefined;
    if (this.#shelves.size >= limits.shelvesAtHandMax) this.#shelves.clear();
    const shelf = new LedgerShelf(segment, new SealingKey(byteStringToBytes(raw)), this.random);
    this.#shelves.set(segment, shelf);
    return shelf;
  }

  #read(map: string, key: ByteString): ByteString | undefined {
    const tx = this.#store.begin();
    const value = tx.get(map, key);
    tx.discard();
    return value;
  }

  #load(): void {
    if (this.#loaded) return;
    this.#loaded = true;
    const tx = this.#store.begin();
    for (const { key, value } of tx.range(tables.audiences)) this.#add(decodeAudience(key, value));
    tx.discard();
  }

  #take(writes: MapWrites): void {
    this.#seen = new WeakMap();
    if (!this.#loaded) return;
    for (const [id, value] of writes) if (value !== null) this.#add(decodeAudience(id, value));
  }

  #add(audience: Audience): void {
    this.#byId.set(audience.id, audience);
    if (audience.home === 'parties') this.#withParties.add(audience.id);
    for (const { reader } of audience.members) {
      const ids = this.#byReader.get(reader);
      if (ids) ids.add(audience.id);
      else this.#byReader.set(reader, new Set([audience.id]));
    }
  }

  #forget(): void {
    this.#byId = new Map();
    this.#byReader = new Map();
    this.#withParties = new Set();
    this.#shelves = new Map();
    this.#seen = new WeakMap();
    this.#secret = undefined;
    this.#loaded = false;
  }
}
