import { type PublicKey, publicKeyFromJwk, toBase64Url, verifyRsaPss } from '@coco/crypto';
import { insist, refuse } from '../errors.ts';
import { taggedDepthMax, taggedEventsMax } from '../limits.ts';
import { Reader } from '../reader.ts';
import { type BootEvent, eventType, isMeasured } from './event-log.ts';

/**
 * What Windows measured of itself (Windows SDK, wbcl.h). Each number is undefined when no event told it.
 */
export interface WindowsBoot {
  readonly facts: ReadonlyMap<number, Uint8Array>;
}

/** Identifiers of tagged events. */
export const windowsFact = {
  bootDebugging: 0x0004_0001,
  kernelDebug: 0x0005_0001,
  testSigning: 0x0005_0003,
  hypervisorDebug: 0x0005_000d,
  flightSigning: 0x0005_0021,
  vsmLaunchType: 0x0005_0012,
  idksInfo: 0x0005_0023,
  vsmRequired: 0x000a_0001,
} as const;

/** Boot loader and kernel measure into these; the registers are in every quote about Windows. */
const windowsPcrs: readonly number[] = [12, 13];
const aggregate = 0x4000_0000;
/** The separator that ends what the boot loader measured. */
const endOfBoot = '5742434c';

/**
 * Collects the tagged events of the boot loader. With `bank` only events whose data was measured count;
 * without it whatever the log claims, which is enough to refuse it but never to trust it.
 */
export function windowsBoot(events: readonly BootEvent[], bank: number | undefined): WindowsBoot {
  const facts = new Map<number, Uint8Array>();
  const ended = new Set<number>();
  for (const event of events) {
    if (!windowsPcrs.includes(event.pcr) || ended.has(event.pcr)) continue;
    if (event.type === eventType.separator && event.data.toHex() === endOfBoot) ended.add(event.pcr);
    if (event.type !== eventType.eventTag) continue;
    insist(
      bank === undefined || isMeasured(event, bank),
      `an event of PCR ${event.pcr} is not what was measured`,
    );
    collect(event.data, facts);
  }
  return { facts };
}

/** Takes nested tagged events apart. The first of a kind counts: nothing may be taken back later. */
function collect(data: Uint8Array, facts: Map<number, Uint8Array>): void {
  const stack = [{ reader: new Reader(data, 'tagged event', 'little'), depth: 0 }];
  for (let count = 0; stack.length > 0; count++) {
    insist(count < taggedEventsMax, 'the log has too many tagged events');
    const { reader, depth } = stack.at(-1)!;
    if (reader.left === 0) {
      stack.pop();
      continue;
    }
    const id = reader.u32();
    const content = reader.take(reader.u32());
    if ((id & aggregate) === 0) {
      if (!facts.has(id)) facts.set(id, content);
    } else {
      insist(depth < taggedDepthMax, 'tagged events are nested too deep');
      stack.push({ reader: new Reader(content, 'tagged event', 'little'), depth: depth + 1 });
    }
  }
}

/** Insists that virtual secure mode was launched, and that nothing was switched on that undoes it. */
export function checkVirtualSecureMode({ facts }: WindowsBoot): void {
  const launch = facts.get(windowsFact.vsmLaunchType);
  insist(launch?.some((byte) => byte !== 0) === true, 'VSM_LAUNCH_TYPE is 0: virtual secure mode is off');
  const off = ['bootDebugging', 'kernelDebug', 'testSigning', 'hypervisorDebug', 'flightSigning'] as const;
  for (const name of off) {
    const value = facts.get(windowsFact[name]);
    insist(value === undefined || value.every((byte) => byte === 0), `${name} is on`);
  }
}

/** The key with which the secure kernel of this boot signs what enclaves report. */
export function secureKernelKey({ facts }: WindowsBoot): PublicKey {
  const info =
    facts.get(windowsFact.idksInfo) ?? refuse('the log does not name the key of the secure kernel');
  const reader = new Reader(info, 'key of the secure kernel', 'little');
  const [algorithm, bits] = [reader.u32(), reader.u32()];
  insist(algorithm === 1, `the secure kernel's key is of kind ${algorithm}, not RSA`);
  const [exponentBytes, modulusBytes] = [reader.u32(), reader.u32()];
  const [e, n] = [reader.take(exponentBytes), reader.take(modulusBytes)];
  reader.end();
  insist(n.length * 8 === bits, `the modulus of the secure kernel's key has ${n.length} bytes`);
  return publicKeyFromJwk({ kty: 'RSA', n: toBase64Url(n), e: toBase64Url(e) });
}

/** A report of an enclave in virtual secure mode (Windows SDK, ntenclv.h). Nothing in it is proven yet. */
export interface VsmReport {
  readonly statement: Uint8Array;
  readonly signature: Uint8Array;
  readonly enclaveData: Uint8Array;
  readonly ownerId: string;
  readonly uniqueId: string;
  readonly authorId: string;
  readonly familyId: string;
  readonly imageId: string;
  readonly enclaveSvn: number;
  readonly secureKernelSvn: number;
  readonly platformSvn: number;
  readonly flags: number;
}

const rsaPssSha256 = 1;
/** Full debug, dynamic debugging, and debugging active. */
export const vsmDebugFlags = 0x7;

/** Takes an enclave's report apart. */
export function parseVsmReport(bytes: Uint8Array): VsmReport {
  const reader = new Reader(bytes, 'enclave report', 'little');
  const [size, version, scheme] = [reader.u32(), reader.u32(), reader.u32()];
  insist(size === bytes.length, `the enclave report says ${size} bytes and has ${bytes.length}`);
  insist(
    version === 1 && scheme === rsaPssSha256,
    `an enclave report of version ${version}, scheme ${scheme}`,
  );
  const [statementBytes, signatureBytes] = [reader.u32(), reader.u32()];
  reader.u32();
  const statement = reader.take(statementBytes);
  const signature = reader.take(signatureBytes);
  reader.end();
  const inner = new Reader(statement, 'enclave statement', 'little');
  inner.u32();
  insist(inner.u32() === 1, 'the enclave statement is not of version 1');
  return {
    statement,
    signature,
    enclaveData: inner.take(64),
    ownerId: inner.hex(32),
    uniqueId: inner.hex(32),
    authorId: inner.hex(32),
    familyId: inner.hex(16),
    imageId: inner.hex(16),
    enclaveSvn: inner.u32(),
    secureKernelSvn: inner.u32(),
    platformSvn: inner.u32(),
    flags: inner.u32(),
  };
}

/** Verifies the report by the key of the secure kernel. */
export function verifyVsmReport({ statement, signature }: VsmReport, key: PublicKey): void {
  verifyRsaPss(key, signature, statement, { hash: 'SHA-256', saltLength: 32 });
}
