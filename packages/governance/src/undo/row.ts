import { AccessError, type Shelves, segmentBytes } from '@coco/access';
import type { ByteString, Place } from '@coco/kv';

/** A row of an audience: its own key, and what it held at several times. */
export interface OpenedRow {
  readonly key: ByteString;
  readonly values: readonly (ByteString | null)[];
}

/**
 * Opens what a row of an audience held at several times; null for when it was not there. Undefined when its key was
 * destroyed, or nobody could say of what is a parcel which row it was; `away` when it is not at hand.
 */
export function openedRow(
  shelves: Shelves,
  { map, key }: Place,
  sealed: readonly (ByteString | null)[],
): OpenedRow | 'away' | undefined {
  try {
    const shelf = shelves.of(key.slice(0, segmentBytes));
    if (!shelf) return undefined;
    const name = key.slice(segmentBytes);
    const there = sealed.flatMap((value) => (value === null ? [] : [{ key: name, value, version: 0 }]));
    const opened = shelf.open(map, there);
    const rowKey = opened[0]?.key ?? (shelf.isOrdered ? name : undefined);
    if (rowKey === undefined) return undefined;
    const values = opened.values();
    return { key: rowKey, values: sealed.map((value) => value && (values.next().value?.value ?? null)) };
  } catch (error) {
    if (error instanceof AccessError && error.code === 'ParcelsAway') return 'away';
    throw error;
  }
}
