import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Credential, PcrValue, TpmQuote } from '@coco/attestation';
import { concatBytes, sha256 } from '@coco/crypto';
import { HostError, messageOf } from '../errors.ts';
import { limits } from '../limits.ts';
import { Tpm, type TpmKeys, type TpmTransport } from './tpm-commands.ts';

/** How a TPM is reached and what it signs with. */
export interface TpmPlace {
  /** A device such as `/dev/tpmrm0`, or `tcp:HOST:PORT` of a software TPM. */
  readonly device: string;
  /** Persistent handle of the attestation key. */
  readonly key: number;
  readonly registers: readonly number[];
  /** The firmware's log of the boot; absent: none is sent. */
  readonly eventLog?: string | undefined;
}

/** What a TPM shows. */
export interface TpmShown {
  readonly quote: TpmQuote;
  /** TPM2B_PUBLIC. */
  readonly attestationKey: Uint8Array;
}

const sha256Bank = 0x000b;

/**
 * Quotes the registers over `qualifyingData`, and reads their values and the boot log. Registers that change
 * in between are read again. @throws HostError `Evidence`
 */
export async function tpmEvidence(place: TpmPlace, qualifyingData: Uint8Array): Promise<TpmShown> {
  try {
    const eventLog =
      place.eventLog === undefined ? undefined : new Uint8Array(await readFile(place.eventLog));
    await using transport = await openTpm(place.device);
    const tpm = new Tpm(transport);
    const attestationKey = await tpm.readPublic(place.key);
    const before = await tpm.readPcrs(sha256Bank, place.registers);
    const { attest, signature } = await tpm.quote(place.key, qualifyingData, sha256Bank, place.registers);
    const after = await tpm.readPcrs(sha256Bank, place.registers);
    if (!sameValues(before, after)) throw new Error('a register changed while it was quoted: ask again');
    const quote = { attest, signature, pcrs: after, ...(eventLog === undefined ? {} : { eventLog }) };
    return { quote, attestationKey };
  } catch (error) {
    throw new HostError('Evidence', `${place.device}: ${messageOf(error)}`, { cause: error });
  }
}

/** What a quote carries, which has room for one digest: of the key alone, or hashed once more with the nonce. */
export function qualifyingData(reportData: Uint8Array): Uint8Array {
  const isFresh = reportData.subarray(32).some((byte) => byte !== 0);
  return isFresh ? sha256(reportData) : reportData.subarray(0, 32);
}

/** The content of an NV index. @throws HostError `Evidence` */
export async function readTpmIndex(device: string, index: number): Promise<Uint8Array> {
  try {
    await using transport = await openTpm(device);
    return await new Tpm(transport).readNv(index);
  } catch (error) {
    const name = `${device}, NV index 0x${index.toString(16)}`;
    throw new HostError('Evidence', `${name}: ${messageOf(error)}`, { cause: error });
  }
}

/** The secret in a credential that was made for the keys of this TPM. @throws HostError `Evidence` */
export async function tpmSecret(device: string, keys: TpmKeys, credential: Credential): Promise<Uint8Array> {
  try {
    await using transport = await openTpm(device);
    return await new Tpm(transport).activateCredential(keys, credential);
  } catch (error) {
    throw new HostError('Evidence', `${device}: ${messageOf(error)}`, { cause: error });
  }
}

function sameValues(a: readonly PcrValue[], b: readonly PcrValue[]): boolean {
  return a.every(({ value }, index) => value.toHex() === b[index]?.value.toHex());
}

/** Opens a device file or a software TPM's socket: both carry the same bytes. */
export async function openTpm(device: string): Promise<TpmTransport> {
  const [, host, port] = /^tcp:(.+):(\d+)$/.exec(device) ?? [];
  return host !== undefined ? socketTransport(host, Number(port)) : deviceTransport(device);
}

/** One write a command, one read an answer. The kernel's resource manager keeps users of the TPM apart. */
function deviceTransport(path: string): TpmTransport {
  const descriptor = openSync(path, 'r+');
  return {
    send: async (command) => {
      writeSync(descriptor, command);
      const answer = new Uint8Array(limits.tpmAnswerBytesMax);
      return answer.subarray(0, readSync(descriptor, answer));
    },
    [Symbol.asyncDispose]: async () => closeSync(descriptor),
  };
}

async function socketTransport(host: string, port: number): Promise<TpmTransport> {
  const socket = connect(port, host);
  socket.setTimeout(limits.tpmAnswerMsMax, () => socket.destroy(new Error('the TPM does not answer')));
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  const answers = socket[Symbol.asyncIterator]();
  return {
    send: async (command) => {
      socket.write(command);
      let answer = new Uint8Array(0);
      for (;;) {
        const { value, done } = await answers.next();
        if (done === true) throw new Error('the TPM closed the connection');
        answer = concatBytes(answer, value as Uint8Array);
        const expected =
          answer.length < 6 ? Number.POSITIVE_INFINITY : new DataView(answer.buffer).getUint32(2);
        if (expected !== Number.POSITIVE_INFINITY && expected > limits.tpmAnswerBytesMax) {
          throw new Error(`the TPM answers with ${expected} bytes`);
        }
        if (answer.length >= expected) return answer;
      }
    },
    [Symbol.asyncDispose]: async () => {
      socket.destroy();
    },
  };
}
