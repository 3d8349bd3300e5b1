import { type Parcel, type ParcelName, parcelOf, type Segment } from '@coco/access';
import { fromHex, toHex } from '@coco/crypto';
import { byteStringToBytes, bytesToByteString } from '@coco/kv';
import type { ParcelFile } from '../effect.ts';

/** The folder of a segment's parcels. */
export function folderOf(segment: Segment): string {
  return toHex(byteStringToBytes(segment));
}

/** The segment of a folder. */
export function segmentIn(folder: string): Segment {
  return bytesToByteString(fromHex(folder));
}

/** Where a parcel is kept. */
export function pathOf({ segment, id }: ParcelName): string {
  return `${folderOf(segment)}/${toHex(byteStringToBytes(id))}`;
}

/** The parcel that is kept at a path. */
export function nameAt(path: string): ParcelName {
  const [segment = '', id = ''] = path.split('/').map((hex) => bytesToByteString(fromHex(hex)));
  return { segment, id };
}

/** A parcel as it is kept, and sent. */
export function fileOf(parcel: Parcel): ParcelFile {
  return { path: pathOf(parcel), bytes: byteStringToBytes(parcel.bytes) };
}

/** Reads it; undefined when the bytes are not those that the path names. */
export function parcelIn({ path, bytes }: ParcelFile): Parcel | undefined {
  const { segment, id } = nameAt(path);
  const parcel = parcelOf(segment, bytesToByteString(bytes));
  return parcel.id === id ? parcel : undefined;
}
