import type { Entry, Membership, NodeId, TxId } from './entry.ts';
import { ConsensusError } from './errors.ts';
import { WIRE } from './limits.ts';
import type { Message } from './message.ts';

/** Message kinds as their first byte. Numbers are never reused. */
const KINDS = [
  'append',
  'accepted',
  'rejected',
  'vote-request',
  'vote',
  'campaign',
  'snapshot-needed',
] as const satisfies readonly Message['kind'][];

const COMMITTABLE = 1;
const CONFIGURATION = 2;
const RETIRED = 4;

/** Bytes of a message: a kind byte, then unsigned LEB128 numbers and length-prefixed bytes. */
export function encodeMessage(message: Message): Uint8Array {
  const writer = new Writer(message.kind === 'append' ? appendBytes(message.entries) : 64);
  writer.byte(KINDS.indexOf(message.kind));
  writer.number(message.view);
  switch (message.kind) {
    case 'append':
      writer.txId(message.previous);
      writer.number(message.commit);
      writer.number(message.round);
      writer.number(message.entries.length);
      if (message.entries.length > 0) writer.number(message.entries[0]!.view);
      for (const entry of message.entries) writeEntry(writer, entry);
      break;
    case 'accepted':
      writer.number(message.seqno);
      writer.number(message.round);
      break;
    case 'rejected':
      writer.number(message.previous);
      writer.txId(message.estimate);
      writer.number(message.round);
      break;
    case 'vote-request':
      writer.flag(message.pre);
      writer.txId(message.last);
      break;
    case 'vote':
      writer.flag(message.pre);
      writer.flag(message.granted);
      break;
    case 'campaign':
      break;
    case 'snapshot-needed':
      writer.number(message.after);
      break;
    default:
      message satisfies never;
  }
  return writer.finish();
}

/**
 * The message in `bytes`; entries' bytes are views into them. Throws `MessageMalformed`, naming the offset,
 * for anything that `encodeMessage` would not have written or that exceeds the bounds.
 */
export function decodeMessage(bytes: Uint8Array): Message {
  if (bytes.length > WIRE.messageBytesMax) throw malformed(0, `longer than ${WIRE.messageBytesMax} bytes`);
  const reader = new Reader(bytes);
  const kind = KINDS[reader.byte()];
  if (kind === undefined) throw malformed(0, 'no such kind of message');
  const message = readBody(reader, kind);
  reader.end();
  return message;
}

function readBody(reader: Reader, kind: Message['kind']): Message {
  const view = reader.number();
  switch (kind) {
    case 'append': {
      const previous = reader.txId();
      const commit = reader.number();
      const round = reader.number();
      return { kind, view, previous, entries: readEntries(reader, previous.seqno + 1), commit, round };
    }
    case 'accepted':
      return { kind, view, seqno: reader.number(), round: reader.number() };
    case 'rejected':
      return { kind, view, previous: reader.number(), estimate: reader.txId(), round: reader.number() };
    case 'vote-request':
      return { kind, view, pre: reader.flag(), last: reader.txId() };
    case 'vote':
      return { kind, view, pre: reader.flag(), granted: reader.flag() };
    case 'campaign':
      return { kind, view };
    case 'snapshot-needed':
      return { kind, view, after: reader.number() };
  }
}

function appendBytes(entries: readonly Entry[]): number {
  let bytes = 64;
  for (const entry of entries) bytes += entry.bytes.length + 24;
  return bytes;
}

/** Neither view nor seqno is written: entries are of one view and follow `previous` without gap. */
function writeEntry(writer: Writer, entry: Entry): void {
  const { configuration, retired } = entry;
  writer.byte(
    (entry.committable ? COMMITTABLE : 0) |
      (configuration === undefined ? 0 : CONFIGURATION) |
      (retired === undefined ? 0 : RETIRED),
  );
  if (configuration !== undefined) {
    writer.nodes(configuration.voters);
    writer.nodes(configuration.learners);
  }
  if (retired !== undefined) writer.nodes(retired);
  writer.bytes(entry.bytes);
}

function readEntries(reader: Reader, from: number): Entry[] {
  const count = reader.count(WIRE.entriesMax);
  const entries: Entry[] = [];
  if (from + count > Number.MAX_SAFE_INTEGER) throw malformed(reader.offset, 'a seqno is too large');
  const view = count > 0 ? reader.number() : 0;
  for (let i = 0; i < count; i++) entries.push(readEntry(reader, view, from + i));
  return entries;
}

function readEntry(reader: Reader, view: number, seqno: number): Entry {
  const flags = reader.byte();
  if (flags > (COMMITTABLE | CONFIGURATION | RETIRED))
    throw malformed(reader.offset - 1, 'unknown entry flags');
  const membership = flags & CONFIGURATION ? readMembership(reader) : undefined;
  const retired = flags & RETIRED ? reader.nodes() : undefined;
  return {
    view,
    seqno,
    committable: (flags & COMMITTABLE) !== 0,
    bytes: reader.bytes(),
    ...(membership === undefined ? {} : { configuration: membership }),
    ...(retired === undefined ? {} : { retired }),
  };
}

function readMembership(reader: Reader): Membership {
  return { voters: reader.nodes(), learners: reader.nodes() };
}

function malformed(offset: number, what: string): ConsensusError {
  return new ConsensusError('MessageMalformed', `not a consensus message: ${what}, at byte ${offset}`);
}

class Writer {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  flag(value: boolean): void {
    this.byte(value ? 1 : 0);
  }

  number(value: number): void {
    this.#reserve(8);
    let rest = value;
    // Division rather than shifts: seqnos go beyond 32 bits.
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
  }

  txId({ view, seqno }: TxId): void {
    this.number(view);
    this.number(seqno);
  }

  bytes(value: Uint8Array): void {
    this.number(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  nodes(nodes: readonly NodeId[]): void {
    this.number(nodes.length);
    for (const node of nodes) this.bytes(new TextEncoder().encode(node));
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  byte(): number {
    const value = this.#bytes[this.offset];
    if (value === undefined) throw malformed(this.offset, 'it ends early');
    this.offset++;
    return value;
  }

  flag(): boolean {
    const value = this.byte();
    if (value > 1) throw malformed(this.offset - 1, 'a flag is neither 0 nor 1');
    return value === 1;
  }

  number(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (scale > 2 ** 49 || value > Number.MAX_SAFE_INTEGER) {
        throw malformed(this.offset - 1, 'a number is too large');
      }
      if (byte < 0x80) {
        // One form per number: a trailing zero group would be a second one.
        if (byte === 0 && scale > 1) throw malformed(this.offset - 1, 'a number is not in its shortest form');
        return value;
      }
    }
  }

  count(max: number): number {
    const value = this.number();
    if (value > max) throw malformed(this.offset, `a count exceeds ${max}`);
    return value;
  }

  txId(): TxId {
    return { view: this.number(), seqno: this.number() };
  }

  bytes(): Uint8Array {
    const length = this.number();
    if (length > this.#bytes.length - this.offset)
      throw malformed(this.offset, 'a length exceeds the message');
    const value = this.#bytes.subarray(this.offset, this.offset + length);
    this.offset += length;
    return value;
  }

  nodes(): NodeId[] {
    const count = this.count(WIRE.nodesMax);
    const nodes: NodeId[] = [];
    for (let i = 0; i < count; i++) nodes.push(this.#node());
    return nodes;
  }

  end(): void {
    if (this.offset !== this.#bytes.length) throw malformed(this.offset, 'bytes after its end');
  }

  #node(): NodeId {
    const at = this.offset;
    const bytes = this.bytes();
    if (bytes.length > WIRE.nodeIdBytesMax) throw malformed(at, 'a node id is too long');
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw malformed(at, 'a node id is not UTF-8');
    }
  }
}
