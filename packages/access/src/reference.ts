import { BlockCipher, fromBase64Url, toBase64Url } from '@coco/crypto';

/** The place of a transaction. */
export interface Place {
  readonly view: number;
  readonly seqno: number;
}

/** Of every reference. */
export const referenceCharacters = 23;

const blockBytes = 16;
/** Two bytes behind each block make it 24 characters of base64 that begin and end with it. */
const strideBytes = 18;
const strideCharacters = 24;
/** Consecutive seqnos whose references are made at once. */
const runLength = 32;

/**
 * The names under which parties know transactions: the place, as one block of AES under a key of the service's own. A
 * permutation: all parties call it the same, no two places have one name, and nothing need be stored. To make one up is
 * to hit, among 2^128 blocks, one of those whose content is a place that there is. An `r` and 22 characters of base64url:
 * in front of them nothing that a command line would take for an option.
 */
export class References {
  readonly #cipher: BlockCipher;
  #view = 0;
  #run = -1;
  #names = '';

  /** Takes 32 raw bytes. */
  constructor(key: Uint8Array) {
    this.#cipher = new BlockCipher(key);
  }

  /** The name of a place. */
  seal(place: Place): string {
    return `r${toBase64Url(this.#cipher.encrypt(blocksFrom(place, 1)))}`;
  }

  /** The same for whoever gives names out as transactions come: those of the next ones are made along with it. */
  sealNext({ view, seqno }: Place): string {
    const at = seqno % runLength;
    const run = seqno - at;
    if (run !== this.#run || view !== this.#view) {
      this.#names = toBase64Url(spaced(this.#cipher.encrypt(blocksFrom({ view, seqno: run }, runLength))));
      this.#view = view;
      this.#run = run;
    }
    const start = at * strideCharacters;
    return `r${this.#names.slice(start, start + referenceCharacters - 1)}`;
  }

  /** The place of a name; undefined for a text that is none. */
  open(reference: string): Place | undefined {
    // The last character says two bits only: of the others one alone is right.
    if (reference.length !== referenceCharacters || !/^r[A-Za-z0-9_-]{21}[AQgw]$/.test(reference))
      return undefined;
    const bytes = this.#cipher.decrypt(fromBase64Url(reference.slice(1)));
    const opened = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const [view, high, low, rest] = [0, 4, 8, 12].map((at) => opened.getUint32(at)) as [
      number,
      number,
      number,
      number,
    ];
    const seqno = high * 2 ** 32 + low;
    return rest === 0 && Number.isSafeInteger(seqno) ? { view, seqno } : undefined;
  }
}

/** The places of as many consecutive seqnos, a block each. */
function blocksFrom({ view, seqno }: Place, count: number): Uint8Array {
  const blocks = new Uint8Array(count * blockBytes);
  const words = new DataView(blocks.buffer);
  for (let i = 0; i < count; i++) {
    words.setUint32(i * blockBytes, view);
    words.setUint32(i * blockBytes + 4, Math.floor((seqno + i) / 2 ** 32));
    words.setUint32(i * blockBytes + 8, (seqno + i) >>> 0);
  }
  return blocks;
}

function spaced(blocks: Uint8Array): Uint8Array {
  const bytes = new Uint8Array((blocks.length / blockBytes) * strideBytes);
  for (let at = 0; at < blocks.length; at += blockBytes) {
    bytes.set(blocks.subarray(at, at + blockBytes), (at / blockBytes) * strideBytes);
  }
  return bytes;
}
