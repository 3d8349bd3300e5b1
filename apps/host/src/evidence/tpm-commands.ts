import type { Credential, PcrValue } from '@coco/attestation';
import { concatBytes } from '@coco/crypto';
import { limits } from '../limits.ts';

/** Carries whole commands and answers. */
export interface TpmTransport extends AsyncDisposable {
  send(command: Uint8Array): Promise<Uint8Array>;
}

/** Codes of the TPM 2.0 Library, part 2. */
const tag = { plain: 0x8001, withSessions: 0x8002 } as const;
const code = {
  activateCredential: 0x147,
  nvRead: 0x14e,
  policySecret: 0x151,
  quote: 0x158,
  flushContext: 0x165,
  nvReadPublic: 0x169,
  readPublic: 0x173,
  startAuthSession: 0x176,
  pcrRead: 0x17e,
} as const;
const nullScheme = 0x0010;
/** TPM_RH_OWNER, TPM_RH_NULL, TPM_RH_ENDORSEMENT. */
const owner = 0x40000001;
const nobody = 0x40000007;
const endorsementHierarchy = 0x4000000b;
/** A session that gathers a policy, by the hash of endorsement keys. */
const policySession = 1;
const sha256 = 0x000b;
const nonceBytes = 16;
/** The session that is a password, here an empty one: handle, no nonce, no attributes, no password. */
const emptyPassword = Uint8Array.of(0x40, 0, 0, 9, 0, 0, 0, 0, 0);
/** RETRY, TESTING, YIELDED: the same command is to be sent again. */
const tryAgain = new Set([0x922, 0x90a, 0x908]);
const headerBytes = 10;
/** An answer to PCR_Read has at most so many digests. */
const digestsPerRead = 8;
/** What one NV_Read may ask for: the smallest bound of TPMs in use. */
const nvBytesPerRead = 512;

/** Handles of the keys a credential is for. */
export interface TpmKeys {
  readonly attestationKey: number;
  readonly endorsementKey: number;
}

/** The few commands that evidence takes (TPM 2.0 Library, part 3). All numbers are big-endian. */
export class Tpm {
  readonly #transport: TpmTransport;

  constructor(transport: TpmTransport) {
    this.#transport = transport;
  }

  /** Signs the registers' digest and 32 bytes of the caller's. */
  async quote(
    key: number,
    qualifyingData: Uint8Array,
    bank: number,
    registers: readonly number[],
  ): Promise<{ readonly attest: Uint8Array; readonly signature: Uint8Array }> {
    const parameters = concatBytes(sized(qualifyingData), u16(nullScheme), selectionOf(bank, registers));
    const answer = await this.#authorised(code.quote, u32(key), parameters);
    const attest = answer.sized();
    return { attest, signature: answer.rest() };
  }

  /** TPM2B_PUBLIC of a loaded or persistent key. */
  async readPublic(key: number): Promise<Uint8Array> {
    const answer = new Answer(await this.#run(tag.plain, code.readPublic, u32(key)));
    return sized(answer.sized());
  }

  /** Values of registers of one bank. */
  async readPcrs(bank: number, registers: readonly number[]): Promise<readonly PcrValue[]> {
    const values: PcrValue[] = [];
    for (let at = 0; at < registers.length; at += digestsPerRead) {
      const some = registers.slice(at, at + digestsPerRead);
      const answer = new Answer(await this.#run(tag.plain, code.pcrRead, selectionOf(bank, some)));
      answer.take(4);
      answer.takeSelection();
      if (answer.u32() !== some.length) throw new Error(`the TPM has no bank 0x${bank.toString(16)}`);
      for (const index of some) values.push({ bank, index, value: answer.sized() });
    }
    return values;
  }

  /** The whole content of an NV index that the owner may read without a password. */
  async readNv(index: number): Promise<Uint8Array> {
    const area = new Answer(await this.#run(tag.plain, code.nvReadPublic, u32(index))).sized();
    const size = new DataView(area.buffer, area.byteOffset).getUint16(area.length - 2);
    const parts: Uint8Array[] = [];
    for (let offset = 0; offset < size; offset += nvBytesPerRead) {
      const bytes = Math.min(nvBytesPerRead, size - offset);
      const handles = concatBytes(u32(owner), u32(index));
      const answer = await this.#authorised(code.nvRead, handles, concatBytes(u16(bytes), u16(offset)));
      parts.push(answer.sized());
    }
    return concatBytes(...parts);
  }

  /**
   * The secret in a credential that was made for these keys. The endorsement key is used as its maker's template has it:
   * by whoever may use the endorsement hierarchy, which has no password here.
   */
  async activateCredential(keys: TpmKeys, { idObject, encryptedSeed }: Credential): Promise<Uint8Array> {
    const session = await this.#startPolicySession();
    try {
      const nothing = sized(new Uint8Array(0));
      const policy = concatBytes(nothing, nothing, nothing, u32(0));
      await this.#authorised(code.policySecret, concatBytes(u32(endorsementHierarchy), u32(session)), policy);
      const handles = concatBytes(u32(keys.attestationKey), u32(keys.endorsementKey));
      const sessions = [emptyPassword, concatBytes(u32(session), nothing, Uint8Array.of(1), nothing)];
      const parameters = concatBytes(idObject, encryptedSeed);
      return (await this.#authorised(code.activateCredential, handles, parameters, sessions)).sized();
    } finally {
      await this.#run(tag.plain, code.flushContext, u32(session));
    }
  }

  async #startPolicySession(): Promise<number> {
    const salt = sized(new Uint8Array(0));
    // Nothing is encrypted or authenticated by the session: its nonce protects nothing.
    const nonce = sized(new Uint8Array(nonceBytes));
    const kind = concatBytes(Uint8Array.of(policySession), u16(nullScheme), u16(sha256));
    const body = concatBytes(u32(nobody), u32(nobody), nonce, salt, kind);
    return new Answer(await this.#run(tag.plain, code.startAuthSession, body)).u32();
  }

  /** A command whose handles want authorisation, the first by a password as a rule; the answer's parameters. */
  async #authorised(
    command: number,
    handles: Uint8Array,
    parameters: Uint8Array,
    sessions: readonly Uint8Array[] = [emptyPassword],
  ): Promise<Answer> {
    const all = concatBytes(...sessions);
    const area = concatBytes(u32(all.length), all);
    const body = await this.#run(tag.withSessions, command, concatBytes(handles, area, parameters));
    const answer = new Answer(body);
    return new Answer(answer.take(answer.u32()));
  }

  /** Sends until the TPM has time; the answer without its header. */
  async #run(sessions: number, command: number, body: Uint8Array): Promise<Uint8Array> {
    const message = concatBytes(u16(sessions), u32(headerBytes + body.length), u32(command), body);
    for (let tries = 1; ; tries++) {
      const bytes = await this.#transport.send(message);
      const answer = new Answer(bytes);
      answer.take(6);
      const result = answer.u32();
      if (result === 0) return answer.rest();
      if (!tryAgain.has(result) || tries >= limits.evidenceTriesMax) {
        throw new Error(`TPM command 0x${command.toString(16)} failed with 0x${result.toString(16)}`);
      }
    }
  }
}

/** Reads an answer from front to back. */
class Answer {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(count: number): Uint8Array {
    if (this.#at + count > this.#bytes.length) throw new Error('the TPM cut its answer short');
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  u16(): number {
    const [high = 0, low = 0] = this.take(2);
    return high * 0x100 + low;
  }

  u32(): number {
    return this.u16() * 0x10000 + this.u16();
  }

  sized(): Uint8Array {
    return this.take(this.u16());
  }

  rest(): Uint8Array {
    return this.take(this.#bytes.length - this.#at);
  }

  /** TPML_PCR_SELECTION: what was really read, which the count of digests tells as well. */
  takeSelection(): void {
    for (let left = this.u32(); left > 0; left--) {
      this.u16();
      const [size = 0] = this.take(1);
      this.take(size);
    }
  }
}

/** One selection of one bank: bit i of byte i / 8 is register i. */
function selectionOf(bank: number, registers: readonly number[]): Uint8Array {
  const bits = new Uint8Array(3);
  for (const index of registers) {
    const at = index >> 3;
    bits[at] = (bits[at] ?? 0) | (1 << (index & 7));
  }
  return concatBytes(u32(1), u16(bank), Uint8Array.of(bits.length), bits);
}

function sized(bytes: Uint8Array): Uint8Array {
  return concatBytes(u16(bytes.length), bytes);
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

function u32(value: number): Uint8Array {
  return concatBytes(u16(value >>> 16), u16(value & 0xffff));
}
