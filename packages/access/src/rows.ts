import type { AesKey } from '@coco/crypto';
import type { ByteString, MapName, RangeOptions, ReadableMapState, Row, Tx, Version } from '@coco/kv';
import { type Segment, segmentBytes } from './audience.ts';
import { openRow, sealRow } from './sealed-row.ts';

/** Maps as code reaches them. What a `Tx` is to ordinary maps, `GuardedRows` is to those whose rows have audiences. */
export type MapDoor = Omit<ReadableMapState, 'maps'> & Pick<Tx, 'set' | 'delete'>;

/** What a call may see and where it writes; decided above, obeyed here. */
export interface RowRights {
  /** Segments whose rows of a map may be read, in the order in which they are asked. */
  readable(map: MapName): readonly Segment[];
  /** Segments whose rows may be replaced and removed: those the caller sees. */
  own(): readonly Segment[];
  /** Where a row goes that was in `present`, or is new. May throw. */
  target(map: MapName, key: ByteString, present: Segment | undefined): Segment;
  /** A row of this segment is being written. May throw. */
  touched(segment: Segment): void;
  keyOf(segment: Segment): AesKey | undefined;
  random(length: number): Uint8Array;
}

/**
 * The one place where rows that have audiences are read and written. A row lies under segment and key, sealed under
 * the segment's own key. What a call may not see is not even looked at: no search, no conflict and no time comes from
 * it, and two audiences may use the same key without learning of one another.
 */
export class GuardedRows implements MapDoor {
  readonly #tx: Tx;
  readonly #rights: RowRights;

  constructor(tx: Tx, rights: RowRights) {
    this.#tx = tx;
    this.#rights = rights;
  }

  get(map: MapName, key: ByteString): ByteString | undefined {
    for (const segment of this.#rights.readable(map)) {
      const row = this.#tx.get(map, segment + key);
      const sealing = row === undefined ? undefined : this.#rights.keyOf(segment);
      if (row !== undefined && sealing) return openRow(sealing, { map, key: segment + key }, row);
    }
    return undefined;
  }

  has(map: MapName, key: ByteString): boolean {
    return this.#find(map, key, this.#rights.readable(map)) !== undefined;
  }

  versionOf(map: MapName, key: ByteString): Version | undefined {
    const segment = this.#find(map, key, this.#rights.readable(map));
    return segment === undefined ? undefined : this.#tx.versionOf(map, segment + key);
  }

  size(map: MapName): number {
    let size = 0;
    for (const segment of this.#rights.readable(map)) {
      if (!this.#rights.keyOf(segment)) continue;
      for (const _ of this.#tx.range(map, { prefix: segment })) size++;
    }
    return size;
  }

  /** Rows of every readable segment by key; a key that two audiences use comes twice. */
  *range(map: MapName, options: RangeOptions = {}): IterableIterator<Row> {
    const { limit = Number.POSITIVE_INFINITY, reverse = false } = options;
    const heads = this.#rights.readable(map).flatMap((segment) => {
      const key = this.#rights.keyOf(segment);
      return key ? [new Head(this.#tx.range(map, within(segment, options)), key)] : [];
    });
    for (let given = 0; given < limit; given++) {
      const next = nextOf(heads, reverse);
      if (!next?.row) return;
      const { key, value, version } = next.row;
      yield { key: key.slice(segmentBytes), value: openRow(next.key, { map, key }, value), version };
      next.advance();
    }
  }

  set(map: MapName, key: ByteString, value: ByteString): void {
    const present = this.#find(map, key, this.#rights.own());
    const target = this.#rights.target(map, key, present);
    if (present !== undefined && present !== target) this.#remove(map, present, key);
    this.#rights.touched(target);
    const sealing = this.#rights.keyOf(target);
    if (!sealing) throw new Error('a row was given a segment without a key');
    const place = { map, key: target + key };
    this.#tx.set(map, place.key, sealRow(sealing, place, value, this.#rights.random(12)));
  }

  delete(map: MapName, key: ByteString): void {
    const present = this.#find(map, key, this.#rights.own());
    if (present !== undefined) this.#remove(map, present, key);
  }

  #remove(map: MapName, segment: Segment, key: ByteString): void {
    this.#rights.touched(segment);
    this.#tx.delete(map, segment + key);
  }

  #find(map: MapName, key: ByteString, segments: readonly Segment[]): Segment | undefined {
    return segments.find((segment) => this.#tx.has(map, segment + key) && this.#rights.keyOf(segment));
  }
}

/** The next row of one segment. */
class Head {
  readonly key: AesKey;
  row: Row | undefined;
  readonly #rows: Iterator<Row>;

  constructor(rows: Iterator<Row>, key: AesKey) {
    this.#rows = rows;
    this.key = key;
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
    const key = head.row.key.slice(segmentBytes);
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
