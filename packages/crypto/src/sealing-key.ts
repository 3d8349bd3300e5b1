import { backend } from '#backend';
import { BlockCipher } from './aes.ts';
import { blockBytes, keyStream, nonceBytes } from './counter-mode.ts';
import type { ByteString } from './encoding.ts';
import { CryptoError } from './errors.ts';
import { HmacKey, hkdfSha256 } from './hash.ts';
import { keyStreamAheadBytesMax, sealingScratchBytes } from './limits.ts';
import type { Random } from './random.ts';

const keyBytes = 32;
const tagBytes = 16;
const noSalt = new Uint8Array(0);
const derivation = new TextEncoder().encode('coco sealing key');

/** Where messages of usual size are laid out: synchronous code cannot interleave. */
const scratch = new Uint32Array(sealingScratchBytes / 4);
/** Over a one-byte string, engines answer without looking at a character: none can match. */
const notBytes = /[\u0100-\uffff]/;

/** Key stream of one nonce from block 0 on, and how many blocks of it have served. */
interface Stream {
  readonly nonce: Uint8Array;
  readonly words: Uint32Array;
  used: number;
}

/**
 * Seals many short messages under one key: AES-256 in counter mode (NIST SP 800-38A, 6.5), then HMAC-SHA-256 cut to 16 bytes,
 * in the shape of RFC 9605, 4.5.1. The keys of both are derived by HKDF-SHA-256. A sealed message is its initial counter
 * block (a nonce of 12 bytes, the number of a block), the ciphertext, and a tag over associated data and both of these, with
 * their lengths in front.
 *
 * AES-GCM gives the same, and takes a new cipher of OpenSSL's for each message, which costs more than all else about it.
 * Here one cipher lives as long as the key, and makes key stream for several messages at once.
 *
 * No block of key stream may serve twice. A stream made ahead has a random nonce of its own, is used from front to back, and
 * by this object alone. Nonces that are given have the first bit set where those have it clear, so that no given one
 * meets a stream, whatever it is; that given ones do not meet is for whoever gives them.
 *
 * Messages are byte strings. The keys show in neither `toString`, JSON nor inspection.
 */
export class SealingKey {
  /** Of a nonce that is given. */
  static readonly nonceBytes = nonceBytes;

  readonly #cipher: BlockCipher;
  readonly #mac: HmacKey;
  #ahead: Stream | undefined;

  /** Takes 32 raw bytes. Throws `InvalidKey` on another length. */
  constructor(raw: Uint8Array) {
    if (raw.length !== keyBytes)
      throw new CryptoError('InvalidKey', `sealing key of ${raw.length} bytes: expected ${keyBytes}`);
    const keys = hkdfSha256(raw, noSalt, derivation, 2 * keyBytes);
    this.#cipher = new BlockCipher(keys.subarray(0, keyBytes));
    this.#mac = new HmacKey(keys.subarray(keyBytes));
  }

  /** Seals a message like no other, not even an equal one. `random` is asked for 12 bytes now and then. */
  seal(aad: ByteString, plaintext: ByteString, random: Random): ByteString {
    return this.#sealed(aad, plaintext, this.#streamFor(plaintext.length, random));
  }

  /**
   * Seals a message as everybody does who has the key and the nonce, which must come with no other message or associated
   * data. Of its 12 bytes all bits but the first count. Throws `InvalidArgument` on another length.
   */
  sealWith(nonce: Uint8Array, aad: ByteString, plaintext: ByteString): ByteString {
    if (nonce.length !== nonceBytes)
      throw new CryptoError('InvalidArgument', `nonce of ${nonce.length} bytes: expected ${nonceBytes}`);
    return this.#sealed(aad, plaintext, this.#begin(withFirstBit(nonce, 1), plaintext.length));
  }

  /** The message. Throws `DecryptionFailed` unless it is whole, was sealed with this key, and with this associated data. */
  open(aad: ByteString, sealed: ByteString): ByteString {
    const length = sealed.length - blockBytes - tagBytes;
    if (length < 0) throw new CryptoError('DecryptionFailed', `${sealed.length} bytes are no sealed message`);
    const frame = new Frame(aad, length);
    backend.writeByteString(sealed, frame.sealed, 0);
    if (!isTag(sealed.slice(blockBytes + length), this.#mac.sign(frame.signed)))
      throw new CryptoError('DecryptionFailed', 'tag of a sealed message does not match');
    frame.combine(keyStream(this.#cipher, frame.sealed, length), 0);
    return backend.byteStringOf(frame.sealed.subarray(blockBytes, blockBytes + length));
  }

  /** A stream with room for a message. What is made ahead grows with use: many keys seal no more than a message or two. */
  #streamFor(bytes: number, random: Random): Stream {
    const ahead = this.#ahead;
    if (ahead && ahead.used * blockBytes + bytes <= ahead.words.byteLength) return ahead;
    const length = Math.min(2 * (ahead?.words.byteLength ?? 0), keyStreamAheadBytesMax);
    const begun = this.#begin(withFirstBit(random(nonceBytes), 0), Math.max(bytes, length));
    // A longer one leaves nothing of its stream.
    if (bytes <= keyStreamAheadBytesMax) this.#ahead = begun;
    return begun;
  }

  #begin(nonce: Uint8Array, bytes: number): Stream {
    const start = new Uint8Array(blockBytes);
    start.set(nonce);
    return { nonce, words: keyStream(this.#cipher, start, bytes), used: 0 };
  }

  #sealed(aad: ByteString, plaintext: ByteString, stream: Stream): ByteString {
    if (notBytes.test(plaintext))
      throw new CryptoError('InvalidArgument', 'a character of a message is not a byte');
    const { length } = plaintext;
    const frame = new Frame(aad, length);
    frame.sealed.set(stream.nonce);
    writeU32(frame.sealed, nonceBytes, stream.used);
    backend.writeByteString(plaintext, frame.sealed, blockBytes);
    frame.combine(stream.words, (stream.used * blockBytes) / 4);
    // An empty message takes a block as well: no two begin alike.
    stream.used += Math.max(1, Math.ceil(length / blockBytes));
    const tag = this.#mac.sign(frame.signed);
    backend.writeByteString(tag.slice(0, tagBytes), frame.sealed, blockBytes + length);
    return backend.byteStringOf(frame.sealed);
  }
}

/** A message laid out for its tag: two lengths, the associated data, and what is sealed. */
class Frame {
  /** What the tag is over: all but the tag. */
  readonly signed: Uint8Array;
  /** Initial counter block, text, tag. */
  readonly sealed: Uint8Array;
  readonly #words: Uint32Array;
  readonly #textAt: number;
  readonly #textWords: number;

  constructor(aad: ByteString, textBytes: number) {
    const sealedAt = 8 + aad.length;
    const signedBytes = sealedAt + blockBytes + textBytes;
    // The text begins at a word.
    const from = -sealedAt & 3;
    const words = Math.ceil((from + signedBytes + tagBytes) / 4);
    this.#words = words <= scratch.length ? scratch : new Uint32Array(words);
    this.#textAt = (from + sealedAt + blockBytes) / 4;
    this.#textWords = Math.ceil(textBytes / 4);
    const { buffer } = this.#words;
    this.signed = new Uint8Array(buffer, from, signedBytes);
    this.sealed = new Uint8Array(buffer, from + sealedAt, blockBytes + textBytes + tagBytes);
    writeU32(this.signed, 0, aad.length);
    writeU32(this.signed, 4, blockBytes + textBytes);
    backend.writeByteString(aad, this.signed, 8);
  }

  /** Makes ciphertext of plaintext, and the other way. What lies behind the text is spoiled. */
  combine(stream: Uint32Array, from: number): void {
    const words = this.#words;
    const at = this.#textAt;
    for (let i = 0; i < this.#textWords; i++) words[at + i]! ^= stream[from + i]!;
  }
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function withFirstBit(nonce: Uint8Array, bit: 0 | 1): Uint8Array {
  const copy = Uint8Array.from(nonce);
  copy[0] = (copy[0]! & 0x7f) | (bit << 7);
  return copy;
}

/** In time that tells nothing of where they differ. */
function isTag(given: ByteString, expected: ByteString): boolean {
  let difference = 0;
  for (let i = 0; i < tagBytes; i++) difference |= given.charCodeAt(i) ^ expected.charCodeAt(i);
  return difference === 0;
}
