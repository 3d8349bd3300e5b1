import { concatBytes, digest, equalBytes } from '@coco/crypto';
import { insist } from '../errors.ts';
import { banksMax, eventsMax, evidenceBytesMax } from '../limits.ts';
import { Reader } from '../reader.ts';
import { tpmHash, tpmSha1 } from './algorithms.ts';
import type { QuotedPcrs } from './pcrs.ts';

/** One measurement of the boot. The data is trusted only where its digest is that of the data. */
export interface BootEvent {
  readonly pcr: number;
  readonly type: number;
  readonly digests: ReadonlyMap<number, Uint8Array>;
  readonly data: Uint8Array;
}

/** Event types that mean something here (TCG PC Client Platform Firmware Profile, 10.4.1). */
export const eventType = { noAction: 3, separator: 4, eventTag: 6 } as const;

const signature = 'Spec ID Event03\0';
const locality = 'StartupLocality\0';
const sha1Bytes = 20;
const pcrCount = 24;

/**
 * Parses a boot log: crypto agile when it begins with the TCG's table of algorithms, else the older format
 * with SHA-1 alone.
 */
export function parseEventLog(bytes: Uint8Array): BootEvent[] {
  insist(bytes.length <= evidenceBytesMax, `boot log of ${bytes.length} bytes`);
  const reader = new Reader(bytes, 'boot log', 'little');
  const events: BootEvent[] = [];
  let sizes: ReadonlyMap<number, number> | undefined;
  while (reader.left > 0 && !endsHere(reader)) {
    insist(events.length < eventsMax, `the boot log has more than ${eventsMax} events`);
    const event = sizes === undefined ? readLegacy(reader) : readAgile(reader, sizes);
    if (events.length === 0 && event.type === eventType.noAction && startsWith(event.data, signature)) {
      sizes = algorithmTable(event.data);
    }
    events.push(event);
  }
  return events;
}

/** Firmware hands out the whole buffer: after the last event it is filled with one byte. */
function endsHere(reader: Reader): boolean {
  const first = reader.bytes[reader.offset];
  if (first !== 0 && first !== 0xff) return false;
  return reader.bytes.subarray(reader.offset).every((byte) => byte === first);
}

function readLegacy(reader: Reader): BootEvent {
  const [pcr, type] = [reader.u32(), reader.u32()];
  const digests = new Map([[tpmSha1, reader.take(sha1Bytes)]]);
  return { pcr, type, digests, data: reader.take(reader.u32()) };
}

function readAgile(reader: Reader, sizes: ReadonlyMap<number, number>): BootEvent {
  const [pcr, type, count] = [reader.u32(), reader.u32(), reader.u32()];
  insist(count <= banksMax, `an event has ${count} digests`);
  const digests = new Map<number, Uint8Array>();
  for (let index = 0; index < count; index++) {
    const algorithm = reader.u16();
    const size = sizes.get(algorithm);
    insist(size !== undefined, `the boot log uses hash 0x${algorithm.toString(16)} without naming it`);
    insist(!digests.has(algorithm), 'an event has two digests of one hash');
    digests.set(algorithm, reader.take(size));
  }
  return { pcr, type, digests, data: reader.take(reader.u32()) };
}

function algorithmTable(data: Uint8Array): Map<number, number> {
  const reader = new Reader(data, 'boot log header', 'little');
  reader.take(signature.length + 8);
  const count = reader.u32();
  insist(count >= 1 && count <= banksMax, `the boot log names ${count} hashes`);
  const sizes = new Map<number, number>();
  for (let index = 0; index < count; index++) {
    const [algorithm, size] = [reader.u16(), reader.u16()];
    insist(
      size >= 1 && size <= 64 && !sizes.has(algorithm),
      `hash 0x${algorithm.toString(16)} of ${size} bytes`,
    );
    sizes.set(algorithm, size);
  }
  return sizes;
}

/** Replays the log in one bank. Registers that no event extends are left out. */
export function replay(events: readonly BootEvent[], bank: number): Map<number, Uint8Array> {
  const { hash, bytes } = tpmHash(bank);
  const registers = new Map<number, Uint8Array>();
  for (const event of events) {
    if (event.type === eventType.noAction) {
      const start = event.pcr === 0 ? startOf(event.data, bytes) : undefined;
      if (start !== undefined && !registers.has(0)) registers.set(0, start);
      continue;
    }
    insist(event.pcr < pcrCount, `the boot log extends PCR ${event.pcr}`);
    const measured = event.digests.get(bank);
    insist(
      measured !== undefined && measured.length === bytes,
      `the boot log has no digests of the quoted bank`,
    );
    const before =
      registers.get(event.pcr) ?? new Uint8Array(bytes).fill(event.pcr >= 17 && event.pcr <= 22 ? 0xff : 0);
    registers.set(event.pcr, digest(hash, concatBytes(before, measured)));
  }
  return registers;
}

/** Where a TPM was started from locality 3 or 4, PCR 0 starts at that number. */
function startOf(data: Uint8Array, bytes: number): Uint8Array | undefined {
  if (!startsWith(data, locality) || data.length !== locality.length + 1) return undefined;
  const start = new Uint8Array(bytes);
  start[bytes - 1] = data.at(-1)!;
  return start;
}

/** Insists that the log leads to every quoted register it tells about; answers with which those are. */
export function checkReplay(events: readonly BootEvent[], { bank, values }: QuotedPcrs): readonly number[] {
  const replayed = [...replay(events, bank)].filter(([index]) => values.has(index));
  insist(replayed.length > 0, 'the boot log tells about none of the quoted registers');
  for (const [index, value] of replayed) {
    insist(equalBytes(value, values.get(index)!), `the boot log does not lead to the quoted PCR ${index}`);
  }
  return replayed.map(([index]) => index).sort((a, b) => a - b);
}

/** Whether the data of an event is what was measured: its digest in that bank is of the data. */
export function isMeasured({ digests, data }: BootEvent, bank: number): boolean {
  const measured = digests.get(bank);
  return measured !== undefined && equalBytes(measured, digest(tpmHash(bank).hash, data));
}

function startsWith(data: Uint8Array, text: string): boolean {
  return data.length >= text.length && [...text].every((char, index) => data[index] === char.charCodeAt(0));
}
