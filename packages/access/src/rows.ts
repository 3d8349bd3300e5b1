import type { ByteString, MapName, RangeOptions, ReadableMapState, Row, Tx, Version } from '@coco/kv';
import { type Segment, segmentBytes } from './audience.ts';
import type { RowPlace } from './sealed-row.ts';
import type { Shelf } from './shelf.ts';

/** Maps as code reaches them. What a `Tx` is to ordinary maps, `GuardedRows` is to those whose rows have audiences. */
export type MapDoor = Omit<ReadableMapState, 'maps'> & Pick<Tx, 'set' | 'delete'>;

/** What a call may see and where it writes; decided above, obeyed here. */
export interface RowRights {
  /** Segments whose rows of a map may be read, in the order in which they are asked. */
  readable(map: MapName): readonly Segment[];
  /** Segments whose rows may be replaced and removed: those the caller sees. */
  own(): readonly Segment[];
  /** False: there is no row of that name in a segment, but for what the call itself wrote. */
  mayHave(segment: Segment, map: MapName, name: ByteString): boolean;
  /** Where a row goes, if that is the only place where the caller sees rows: whether it is there need not be looked up. */
  onlyPlace(): Segment | undefined;
  /** Where a row goes that was in `present`, or is new. May throw. */
  target(map: MapName, key: ByteString, present: Segment | undefined): Segment;
  /** A row of this segment is being written. May throw. */
  touched(segment: Segment): void;
  /** Undefined: there is nothing of this segment that could be opened. May throw. */
  shelfOf(segment: Segment): Shelf | undefined;
  /** The nonce to seal a value with at a place: never the same for two values. Absent: rows need not be sealed alike. */
  nonceOf?: ((place: RowPlace, value: ByteString) => Uint8Array) | undefined;
}

/**
 * The one place where rows that have audiences are read and written. A row lies under segment and name, on the
 * segment's shelf, sealed under the segment's own key. What a call may not see is not even looked at: no search, no conflict and no time comes from
 * it, and two audiences may use the same key without learning of one another.
 */
export class GuardedRows implements MapDoor {
  readonly #tx: Tx;
  readonly #rights: RowRights;
  /** Keys of maps that this call wrote rows under. */
  readonly #written = new Set<ByteString>();

  constructor(tx: Tx, rights: RowRights) {
    this.#tx = tx;
    this.#rights = rights;
  }

  get(map: MapName, key: ByteString): ByteString | undefined {
    for (const segment of this.#rights.readable(map)) {
      const shelf = this.#rights.shelfOf(segment);
      if (!shelf) continue;
      const name = shelf.nameOf(map, key);
      const value = this.#tx.get(map, segment + name);
      if (value !== undefined) return shelf.open(map, [{ key: name, value, version: 0 }])[0]?.value;
    }
    return undefined;
  }

  has(map: MapName, key: ByteString): boolean {
    return this.#find(map, key, this.#rights.readable(map)) !== undefined;
  }

  versionOf(map: MapName, key: ByteString): Version | undefined {
    const found = this.#find(map, key, this.#rights.readable(map));
    return found && this.#tx.versionOf(map, found.at);
  }

  size(map: MapName): number {
    let size = 0;
    for (const segment of this.#rights.readable(map)) {
      if (!this.#rights.shelfOf(segment)) continue;
      for (const _ of this.#tx.range(map, { prefix: segment })) size++;
    }
    return size;
  }

  /** Rows of every readable segment by key; a key that two audiences use comes twice. */
  *range(map: MapName, options: RangeOptions = {}): IterableIterator<Row> {
    const { limit = Number.POSITIVE_INFINITY, reverse = false } = options;
    const heads = this.#rights.readable(map).flatMap((segment) => {
      const shelf = this.#rights.shelfOf(segment);
      return shelf ? [new Head(rowsOn(shelf, this.#tx, { map, segment }, options))] : [];
    });
    for (let given = 0; given < limit; given++) {
      const next = nextOf(heads, reverse);
      if (!next?.row) return;
      yield next.row;
      next.advance();
    }
  }

  set(map: MapName, key: ByteString, value: ByteString): void {
    const target = this.#rights.onlyPlace() ?? this.#vacated(map, key);
    this.#rights.touched(target);
    const shelf = this.#rights.shelfOf(target);
    if (!shelf) throw new Error('a row was given a segment without a key');
    const nonce = this.#rights.nonceOf?.({ map, key: target + key }, value);
    const at = target + shelf.nameOf(map, key);
    this.#tx.set(map, at, shelf.seal(map, key, value, nonce));
    this.#written.add(at);
  }

  delete(map: MapName, key: ByteString): void {
    const present = this.#findToWrite(map, key);
    if (present) this.#remove(map, present);
  }

  /** Where a row goes; if it is somewhere else, not any more. */
  #vacated(map: MapName, key: ByteString): Segment {
    const present = this.#findToWrite(map, key);
    const target = this.#rights.target(map, key, present?.segment);
    if (present && present.segment !== target) this.#remove(map, present);
    return target;
  }

  #remove(map: MapName, { segment, at }: Found): void {
    this.#rights.touched(segment);
    this.#tx.delete(map, at);
  }

  /**
   * Where a row is that is to be replaced or removed. Where it certainly is not, no search and no read comes of it: a row that
   * another call puts there meanwhile, for another audience, is another row.
   */
  #findToWrite(map: MapName, key: ByteString): Found | undefined {
    const own = this.#rights.own();
    const possible = own.filter((segment) => {
      const name = this.#rights.shelfOf(segment)?.nameOf(map, key);
      if (name === undefined) return false;
      if (this.#rights.mayHave(segment, map, name)) return true;
      return this.#written.size > 0 && this.#written.has(segment + name);
    });
    return this.#find(map, key, possible);
  }

  #find(map: MapName, key: ByteString, segments: readonly Segment[]): Found | undefined {
    for (const segment of segments) {
      const shelf = this.#rights.shelfOf(segment);
      const at = shelf && segment + shelf.nameOf(map, key);
      if (at !== undefined && this.#tx.has(map, at)) return { segment, at };
    }
    return undefined;
  }
}

/** A row that is there: whose it is, and the key under which the map has it. */
interface Found {
  readonly segment: Segment;
  readonly at: ByteString;
}

/** The opened rows of a segment within bounds, in order. */
function* rowsOn(
  shelf: Shelf,
  tx: Tx,
  { map, segment }: { readonly map: MapName; readonly segment: Segment },
  options: RangeOptions,
): Generator<Row> {
  const bounds = shelf.isOrdered ? within(segment, options) : { prefix: segment };
  const lying = tx.range(map, bounds);
  if (shelf.isOrdered) {
    for (const row of lying) yield* shelf.open(map, [bare(row)]);
    return;
  }
  const rows = shelf.open(map, [...lying].map(bare)).filter(({ key }) => isWithin(key, options));
  rows.sort((a, b) => (a.key < b.key ? -1 : 1));
  yield* options.reverse ? rows.reverse() : rows;
}

/** A row without the segment in front of its key. */
function bare({ key, value, version }: Row): Row {
  return { key: key.slice(segmentBytes), value, version };
}

function isWithin(key: ByteString, { from, to, prefix, after, reverse }: RangeOptions): boolean {
  if (prefix !== undefined && !key.startsWith(prefix)) return false;
  if (from !== undefined && key < from) return false;
  if (to !== undefined && key >= to) return false;
  return after === undefined || (reverse ? key < after : key > after);
}

/** The next row of one segment. */
class Head {
  row: Row | undefined;
  readonly #rows: Iterator<Row>;

  constructor(rows: Iterator<Row>) {
    this.#rows = rows;
    this.advance();
  }

  advance(): void {
    const { done, value } = this.#rows.next();
    this.row = done ? undefined : value;
  }
}

function nextOf(heads: readonly Head[], reverse: boolean): Head | undefined {
  let best: Head | undefined;
  let bestKey = '';
  for (const head of heads) {
    if (!head.row) continue;
    const { key } = head.row;
    if (best && (reverse ? key <= bestKey : key >= bestKey)) continue;
    best = head;
    bestKey = key;
  }
  return best;
}

function within(segment: Segment, { from, to, prefix, after, reverse }: RangeOptions): RangeOptions {
  return {
    prefix: segment + (prefix ?? ''),
    ...(from === undefined ? {} : { from: segment + from }),
    ...(to === undefined ? {} : { to: segment + to }),
    ...(after === undefined ? {} : { after: segment + after }),
    ...(reverse ? { reverse } : {}),
  };
}
