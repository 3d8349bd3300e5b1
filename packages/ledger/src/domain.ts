import { type ByteString, type MapName, type MapWrites, utf8ToByteString, type WriteSet } from '@coco/kv';
import type { ByteReader } from './byte-reader.ts';
import { writeU64 } from './frame.ts';
import { writeLatin1 } from './latin1.ts';
import { mapNamesCached } from './limits.ts';
import { isPublic } from './tables.ts';

/** Per map: length of the name, read version, read count, write count, remove count. */
const mapOverheadBytes = 5 * 8;

const nameBytes = new Map<MapName, ByteString>();

/** UTF-8 of a map name. The same few names come with every transaction. */
export function mapNameBytes(name: MapName): ByteString {
  let bytes = nameBytes.get(name);
  if (bytes === undefined) {
    if (nameBytes.size >= mapNamesCached) nameBytes.clear();
    bytes = utf8ToByteString(name);
    nameBytes.set(name, bytes);
  }
  return bytes;
}

/** Bytes that `writeDomain` will write for the public or the private maps. */
export function domainBytes(writeSet: WriteSet, wantPublic: boolean): number {
  let size = 0;
  for (const [name, writes] of writeSet) {
    if (isPublic(name) !== wantPublic) continue;
    size += mapOverheadBytes + mapNameBytes(name).length;
    for (const [key, value] of writes) {
      size += value === null ? 8 + key.length : 16 + key.length + value.length;
    }
  }
  return size;
}

/** Where bytes are laid out, seen both ways. */
export interface Target {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** Writes the public or the private maps at `at`; answers where they end. The room must be there. */
export function writeDomain(target: Target, at: number, writeSet: WriteSet, wantPublic: boolean): number {
  let end = at;
  for (const [name, writes] of writeSet) {
    if (isPublic(name) === wantPublic) end = writeMap(target, end, mapNameBytes(name), writes);
  }
  return end;
}

function writeSized(target: Target, at: number, bytes: ByteString): number {
  writeU64(target.view, at, bytes.length);
  writeLatin1(target.bytes, at + 8, bytes);
  return at + 8 + bytes.length;
}

function writeMap(target: Target, at: number, name: ByteString, writes: MapWrites): number {
  let end = writeSized(target, at, name);
  writeU64(target.view, end, 0); // read version: not recorded
  writeU64(target.view, end + 8, 0); // reads: never recorded
  const writeCountAt = end + 16;
  end += 24;
  let written = 0;
  for (const [key, value] of writes) {
    if (value === null) continue;
    end = writeSized(target, end, key);
    end = writeSized(target, end, value);
    written++;
  }
  writeU64(target.view, writeCountAt, written);
  writeU64(target.view, end, writes.size - written);
  end += 8;
  if (written < writes.size) {
    for (const [key, value] of writes) if (value === null) end = writeSized(target, end, key);
  }
  return end;
}

/**
 * Reads maps until the domain ends, into `writeSet`. A private name in the public domain, or the other way,
 * fails.
 */
export function readDomain(reader: ByteReader, writeSet: WriteSet, wantPublic: boolean): void {
  while (reader.remaining > 0) {
    const name = reader.sizedText('map name');
    if (isPublic(name) !== wantPublic) {
      reader.fail(`map ${JSON.stringify(name)} is in the ${wantPublic ? 'public' : 'private'} domain`);
    }
    if (writeSet.has(name)) reader.fail(`map ${JSON.stringify(name)} comes twice`);
    writeSet.set(name, readMap(reader));
  }
}

function readMap(reader: ByteReader): MapWrites {
  reader.skip(8, 'read version');
  if (reader.u64('read count') !== 0) reader.fail('entry with recorded reads');
  const writes: MapWrites = new Map();
  const writeCount = reader.u64('write count');
  for (let i = 0; i < writeCount; i++) {
    const key = reader.sizedByteString('key');
    writes.set(key, reader.sizedByteString('value'));
  }
  const removeCount = reader.u64('remove count');
  for (let i = 0; i < removeCount; i++) writes.set(reader.sizedByteString('removed key'), null);
  if (writes.size !== writeCount + removeCount) reader.fail('a key comes twice in one map');
  return writes;
}
