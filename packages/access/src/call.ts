import type { ByteString, MapName, Tx, WriteSet } from '@coco/kv';
import {
  type Audience,
  type AudienceId,
  audienceIdOf,
  encodeAudience,
  foundAudience,
  type Home,
  type Keeping,
  readersOfSegment,
  type Segment,
  segmentBytes,
  segmentsOf,
} from './audience.ts';
import type { Audiences } from './audiences.ts';
import { claimsDigestOf, encodeClaims, makeClaims } from './claims.ts';
import { AccessError } from './errors.ts';
import { limits } from './limits.ts';
import { u64 } from './numbers.ts';
import { noParcels, type Parcel, ParcelDesk, type ParcelName, type Parcels } from './parcel.ts';
import { seenOf } from './past.ts';
import { knownReadersOf, type Reader, readersOf, type Viewer } from './reader.ts';
import { encodeRecord, type Part } from './record.ts';
import type { Place } from './reference.ts';
import { GuardedRows, type MapDoor, type RowRights } from './rows.ts';
import { placeBytes, type RowPlace } from './sealed-row.ts';
import type { AccessSecret } from './secret.ts';
import type { Shelf } from './shelf.ts';
import { Shelves } from './shelves.ts';
import { hasAudiences, keyToCome, tables } from './tables.ts';

/** What members voted of an endpoint's code. Readers are written as `readersOf` takes them. */
export interface AccessRule {
  /** The audience of what it writes when the code names none. Absent: nothing is private unless the code says so. */
  readonly audience?: readonly string[];
  /** The readers that the code may name. Absent: any. */
  readonly within?: readonly string[];
  /** Maps of which it may read every row, whosever it is. */
  readonly reads?: readonly string[];
  /** Where what it writes for audiences is kept. Absent: everywhere. */
  readonly home?: Home;
  /** False: nodes of the parties lend it to no primary of others. Only for what is at home with its parties. */
  readonly lend?: boolean;
}

/** What the host knows of a call. */
export interface CallParts {
  readonly audiences: Audiences;
  readonly viewer: Viewer;
  readonly rule: AccessRule;
  /** Parcels at hand. Absent: none. */
  readonly parcels?: Parcels;
  /** The audiences the call acts for in place of its viewer's: it reads and writes their rows, and nobody else's. */
  readonly onBehalfOf?: readonly AudienceId[];
  /** The nonce of a sealed row. Said: the call may be run again elsewhere, and must write the same. */
  nonceOf?(place: RowPlace, value: ByteString): Uint8Array;
}

/** What became of the private side of a transaction. */
export interface Recorded {
  readonly reference: string;
  /** 32 bytes for the receipt, if the code claimed fields. */
  readonly claimsDigest: ByteString | undefined;
}

/** What is settled of a transaction before it has a place. */
interface Packed {
  readonly segments: readonly Segment[];
  readonly claims:
    | { readonly digest: ByteString; readonly seal: (key: ByteString) => ByteString }
    | undefined;
}

/**
 * The private side of one call: who its transaction and rows are for, and the door to rows that have audiences. Most calls
 * need little of it, so that its parts are made when they are asked for.
 */
export class CallAccess {
  readonly #parts: CallParts;
  readonly #tx: Tx;
  #rows: MapDoor | undefined;
  #desk: ParcelDesk | undefined;
  #shelves: Shelves | undefined;
  #touched: Set<Segment> | undefined;
  #rowAudiences: Map<string, readonly Reader[]> | undefined;
  /** What this call founded: not in the store before it commits. */
  #founded: Map<AudienceId, Audience> | undefined;
  #newSecret: AccessSecret | undefined;
  #audience: readonly Reader[] | undefined;
  #defaulted = false;
  #fields: Readonly<Record<string, unknown>> | undefined;
  #packed: Packed | undefined;

  constructor(tx: Tx, parts: CallParts) {
    this.#tx = tx;
    this.#parts = parts;
  }

  get rows(): MapDoor {
    this.#rows ??= new GuardedRows(this.#tx, this.#rights());
    return this.#rows;
  }

  get viewer(): Viewer {
    return this.#parts.viewer;
  }

  /** Parcels it asked for that were not at hand: what it answered then counts for nothing. */
  get missing(): readonly ParcelName[] {
    return this.#desk?.missing ?? [];
  }

  /**
   * Says who may see the transaction, and its rows unless they say otherwise. Said again, it can only become
   * narrower. Throws `ReaderInvalid`, `AudienceTooWide`.
   */
  setAudience(named: unknown): void {
    this.#narrow(this.#allowed(readersOf(named, this.#parts.viewer)));
  }

  /** The same for a list as JSON that comes with call after call. */
  setKnownAudience(named: string): void {
    this.#narrow(this.#allowed(knownReadersOf(named, this.#parts.viewer)));
  }

  #narrow(readers: readonly Reader[]): void {
    const before = this.#audience;
    const wider = before && readers.find((reader) => !before.includes(reader));
    if (wider !== undefined) throw tooWide(wider, 'the audience that was set before');
    if (before === undefined && this.#defaulted) {
      throw new AccessError('AudienceMissing', 'rows were written already: say who may see them before that');
    }
    this.#audience = readers;
  }

  /** Says who may see a row, and from then on keeps it there. Throws `ReaderInvalid`, `AudienceTooWide`. */
  setRowAudience(map: MapName, key: ByteString, named: unknown): void {
    this.#rowAudiences ??= new Map();
    this.#rowAudiences.set(placeBytes({ map, key }), this.#allowed(readersOf(named, this.#parts.viewer)));
  }

  /**
   * What a past transaction wrote, as far as this call may see it. Nothing, if parcels are missing: it is asked before the
   * code runs, which has nothing to be told yet.
   */
  seen(writeSet: WriteSet): WriteSet {
    const { rule } = this.#parts;
    const own = new Set(this.#own());
    try {
      return seenOf(writeSet, this.#openShelves, (map, segment) => own.has(segment) || isIn(rule.reads, map));
    } catch (error) {
      if (error instanceof AccessError && error.code === 'ParcelsAway') return new Map();
      throw error;
    }
  }

  /** Claims fields that can be disclosed one by one. The last ones count. */
  setClaims(fields: Readonly<Record<string, unknown>>): void {
    this.#fields = fields;
  }

  /**
   * Everything that has to be with the nodes of its parties before the transaction may be recorded; empty when all of it
   * goes into the ledger. Throws `TooMuch`, `ParcelsAway`.
   */
  pack(): readonly Parcel[] {
    this.#packed ??= this.#seal();
    return this.made;
  }

  /** The parcels that it has made so far. Throws `TooMuch`. */
  get made(): readonly Parcel[] {
    const made = this.#desk?.made ?? [];
    const most = limits.parcelBytesPerTransactionMax;
    if (made.reduce((sum, { bytes }) => sum + bytes.length, 0) <= most) return made;
    throw new AccessError('TooMuch', `one transaction puts at most ${most} bytes into parcels`);
  }

  /** The readers of an audience that it wrote for, founded before or with it. */
  readersOf(segment: Segment): readonly Reader[] {
    const audience = this.audienceOf(segment);
    return audience ? readersOfSegment(audience, segment) : [];
  }

  /** An audience, founded before or with this call. */
  audienceOf(segment: Segment): Audience | undefined {
    const id = audienceIdOf(segment);
    return this.#parts.audiences.find(id) ?? this.#founded?.get(id);
  }

  /**
   * Records the transaction for those who may see it; to be called when it is about to be committed at `place`.
   * Undefined when it is not private, or writes nothing. Throws `TooMuch`, `ParcelsAway`.
   */
  record(place: Place, time: number, endpoint: string): Recorded | undefined {
    this.#packed ??= this.#seal();
    const { segments, claims } = this.#packed;
    if (segments.length === 0) return undefined;
    const key = u64(place.seqno);
    if (claims) this.#tx.set(tables.claims, key, claims.seal(key));
    const parts = segments.map((segment) => ({
      segment,
      marks: this.#marksFor(segment, segments.length === 1),
    }));
    const by = this.#parts.viewer.alone;
    this.#tx.set(tables.transactions, key, encodeRecord({ view: place.view, time, endpoint, by, parts }));
    return { reference: this.#secret().references.sealNext(place), claimsDigest: claims?.digest };
  }

  /** Decides whose the transaction is and seals what it claims. */
  #seal(): Packed {
    const segments = this.#tx.wrote ? this.#segmentsOfTransaction() : [];
    return { segments, claims: segments.length === 0 ? undefined : this.#sealClaims(segments) };
  }

  #segmentsOfTransaction(): Segment[] {
    if (this.#audience) return [this.#segmentFor(this.#audience)];
    if (this.#touched) return [...this.#touched];
    const { rule, viewer } = this.#parts;
    return rule.audience ? [this.#segmentFor(knownReadersOf(rule.audience, viewer))] : [];
  }

  #sealClaims(segments: readonly Segment[]): Packed['claims'] {
    if (!this.#fields) return undefined;
    const [segment] = segments;
    if (segment === undefined || segments.length > 1) {
      throw new AccessError('AudienceMissing', 'claims are for one audience: say which with setAudience');
    }
    const claims = makeClaims(this.#fields, this.#parts.audiences.random);
    const shelf = this.#shelfOf(segment);
    const seal = (key: ByteString) => shelf.seal(tables.claims, key, encodeClaims(claims));
    // A parcel is made before the transaction has a place, and so does not say it.
    const slip = shelf.isOrdered ? undefined : seal('');
    return { digest: claimsDigestOf(claims.digests), seal: (key) => slip ?? seal(key) };
  }

  /** Marks of keys that were written for a segment; of other maps too when all of the transaction is for it. */
  #marksFor(segment: Segment, alone: boolean): Part['marks'] {
    let marks = '';
    let count = 0;
    for (const [map, writes] of this.#tx.writeSet()) {
      if (isOfService(map)) continue;
      const guarded = hasAudiences(map);
      if (!guarded && !alone) continue;
      for (const key of writes.keys()) {
        if (guarded && !key.startsWith(segment)) continue;
        if (count === limits.keysFoundMax) return marks;
        marks += this.#secret().keyMark(map, guarded ? key.slice(segmentBytes) : key);
        count++;
      }
    }
    return marks;
  }

  #rights(): RowRights {
    const { audiences, rule, nonceOf } = this.#parts;
    const own = () => this.#own();
    return {
      own,
      readable: (map) =>
        isIn(rule.reads, map) ? [...new Set([...own(), ...audiences.allSegments()])] : own(),
      // What is run again elsewhere has to read the same there.
      mayHave: (...place) => nonceOf !== undefined || audiences.rowFilters.mayHave(...place),
      onlyPlace: () => this.#onlyPlace(),
      target: (map, key, present) => this.#target(map, key, present),
      touched: (segment) => this.#touch(segment),
      shelfOf: (segment) => this.#openShelves.of(segment),
      nonceOf,
    };
  }

  #own(): readonly Segment[] {
    const { audiences, onBehalfOf, viewer } = this.#parts;
    if (!onBehalfOf) return audiences.seenBy(viewer);
    return onBehalfOf.flatMap((id) => {
      const audience = audiences.find(id);
      return audience ? segmentsOf(audience) : [];
    });
  }

  #onlyPlace(): Segment | undefined {
    const own = this.#own();
    // Who sees none may found the first with this write.
    if (own.length !== 1 || !this.#audience || this.#rowAudiences) return undefined;
    return this.#segmentFor(this.#audience) === own[0] ? own[0] : undefined;
  }

  #target(map: MapName, key: ByteString, present: Segment | undefined): Segment {
    const named = this.#rowAudiences?.get(placeBytes({ map, key }));
    if (named) return this.#segmentFor(named);
    if (present !== undefined) {
      const audience = this.#parts.audiences.find(audienceIdOf(present));
      return audience ? this.#present(audience) : present;
    }
    if (this.#audience) return this.#segmentFor(this.#audience);
    const { audiences, onBehalfOf, rule, viewer } = this.#parts;
    if (onBehalfOf?.length === 1) {
      const audience = audiences.find(onBehalfOf[0] as AudienceId);
      if (audience) return this.#present(audience);
    }
    if (!rule.audience) {
      throw new AccessError('AudienceMissing', `nobody said who may see this row of ${map}: set an audience`);
    }
    this.#defaulted = true;
    return this.#segmentFor(knownReadersOf(rule.audience, viewer));
  }

  #touch(segment: Segment): void {
    this.#touched ??= new Set();
    this.#touched.add(segment);
    if (this.#touched.size <= limits.audiencesPerTransactionMax) return;
    const most = limits.audiencesPerTransactionMax;
    throw new AccessError('TooMuch', `one transaction writes rows of at most ${most} audiences`);
  }

  #allowed(readers: readonly Reader[]): readonly Reader[] {
    const { rule, viewer } = this.#parts;
    if (!rule.within) return readers;
    const bound = knownReadersOf(rule.within, viewer);
    const outside = readers.find((reader) => !bound.includes(reader));
    if (outside !== undefined) throw tooWide(outside, 'what members voted for this endpoint');
    return readers;
  }

  /** The segment for new content of an audience, founded with this call if there is none yet. */
  #segmentFor(readers: readonly Reader[]): Segment {
    const { onBehalfOf, rule } = this.#parts;
    if (onBehalfOf) return this.#segmentAmong(onBehalfOf, readers);
    const keeping = keepingOf(rule);
    const id = this.#secret().audienceId(keeping, readers);
    const known = this.#parts.audiences.find(id);
    if (known) return this.#present(known);
    const founded = this.#founded?.get(id);
    if (founded) return founded.segment;
    const audience = foundAudience(id, keeping, readers);
    const segment = audience.segment;
    // Another call may do the same meanwhile: one of them conflicts.
    this.#tx.has(tables.audiences, id);
    this.#tx.set(tables.audiences, id, encodeAudience(audience));
    this.#makeKey(segment, keeping.home);
    this.#founded ??= new Map();
    this.#founded.set(id, audience);
    return segment;
  }

  /** The segment for new content of one of the audiences that it acts for, however that is kept. */
  #segmentAmong(ids: readonly AudienceId[], readers: readonly Reader[]): Segment {
    const { audiences } = this.#parts;
    // Without a secret there is no audience either, and what is run again elsewhere makes none.
    const id = keepings
      .map((keeping) => audiences.secret?.audienceId(keeping, readers))
      .find((each) => each !== undefined && ids.includes(each));
    const audience = id === undefined ? undefined : audiences.find(id);
    if (audience) return this.#present(audience);
    const message = `the audience of ${readers.join(', ')} is none of those this call acts for`;
    throw new AccessError('AudienceTooWide', message);
  }

  /**
   * The segment for new content of an audience that there is. A transaction that waits for its parcels to be stored must
   * not find the audience in another epoch afterwards, so it depends on this one.
   */
  #present(audience: Audience): Segment {
    const segment = audience.segment;
    if (audience.home === 'everywhere') return segment;
    this.#tx.has(tables.audiences, audience.id);
    if (this.#tx.get(tables.keys, segment) === keyToCome) this.#makeKey(segment, audience.home);
    return segment;
  }

  #makeKey(segment: Segment, home: Home): void {
    // Whoever draws the key draws what nobody else can; what is run again elsewhere draws nothing.
    if (this.#parts.nonceOf)
      throw new AccessError(
        'KeyToCome',
        'an audience has a new key to come, made by whoever writes for it first',
      );
    const raw = this.#parts.audiences.random(32);
    this.#tx.set(tables.keys, segment, this.#openShelves.found(segment, home, raw, this.#secret()));
  }

  get #openShelves(): Shelves {
    this.#desk ??= new ParcelDesk(this.#parts.parcels ?? noParcels);
    this.#shelves ??= new Shelves(this.#parts.audiences, this.#desk);
    return this.#shelves;
  }

  #shelfOf(segment: Segment): Shelf {
    const shelf = this.#openShelves.of(segment);
    if (!shelf) throw new Error('a transaction belongs to a segment without a key');
    return shelf;
  }

  #secret(): AccessSecret {
    const { audiences } = this.#parts;
    if (audiences.secret) return audiences.secret;
    this.#newSecret ??= audiences.secretFor(this.#tx);
    return this.#newSecret;
  }
}

/** Every way in which an audience can be kept. */
const keepings: readonly Keeping[] = [
  { home: 'everywhere', lends: true },
  { home: 'parties', lends: true },
  { home: 'parties', lends: false },
];

/** How what code under a rule writes is kept. */
function keepingOf({ home = 'everywhere', lend }: AccessRule): Keeping {
  return { home, lends: home === 'everywhere' || lend !== false };
}

/** Maps that the service keeps beside those of the app. */
function isOfService(map: MapName): boolean {
  return map.startsWith('ccf.') || map.startsWith('public:ccf.');
}

function isIn(maps: readonly MapName[] | undefined, map: MapName): boolean {
  return maps?.includes(map) ?? false;
}

function tooWide(reader: Reader, bound: string): AccessError {
  return new AccessError('AudienceTooWide', `${reader} is not within ${bound}`);
}
