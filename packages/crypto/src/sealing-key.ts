import { backend } from '#backend';
import { BlockCipher } from './aes.ts';
import { blockBytes, keyStream, nonceBytes } from './counter-mode.ts';
import { type ByteString, u32 } from './encoding.ts';
import { CryptoError } from './errors.ts';
import { HmacKey, hkdfSha256 } from './hash.ts';
import { keyStreamAheadBytesMax } from './limits.ts';
import type { Random } from './random.ts';

const keyBytes = 32;
const tagBytes = 16;
const noSalt = new Uint8Array(0);
const derivation = new TextEncoder().encode('coco sealing key');

/** Where messages of usual size are combined with key stream: synchronous code cannot interleave. */
const scratch = new Uint32Array(keyStreamAheadBytesMax / 4);
/** Over a one-byte string, engines answer without looking at a character: none can match. */
const notBytes = /[\u0100-\uffff]/;

/** Key stream of one nonce from block 0 on, and how many blocks of it have served. */
interface Stream {
  readonly nonce: ByteString;
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
    const tagAt = sealed.length - tagBytes;
    if (tagAt < blockBytes)
      throw new CryptoError('DecryptionFailed', `${sealed.length} bytes are no sealed message`);
    const body = sealed.slice(0, tagAt);
    if (!isTag(sealed.slice(tagAt), this.#tag(aad, body)))
      throw new CryptoError('DecryptionFailed', 'tag of a sealed message does not match');
    return combined(body.slice(blockBytes), keyStream(this.#cipher, body, tagAt - blockBytes), 0);
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

  #begin(nonce: ByteString, bytes: number): Stream {
    return { nonce, words: keyStream(this.#cipher, nonce + u32(0), bytes), used: 0 };
  }

  #sealed(aad: ByteString, plaintext: ByteString, stream: Stream): ByteString {
    const start = stream.nonce + u32(stream.used);
    const body = start + combined(plaintext, stream.words, (stream.used * blockBytes) / 4);
    // An empty message takes a block as well: no two begin alike.
    stream.used += Math.max(1, Math.ceil(plaintext.length / blockBytes));
    return body + this.#tag(aad, body);
  }

  #tag(aad: ByteString, body: ByteString): ByteString {
    return this.#mac.sign(u32(aad.length) + u32(body.length) + aad + body).slice(0, tagBytes);
  }
}

/** A text combined with key stream: ciphertext of plaintext, and the other way. */
function combined(text: ByteString, stream: Uint32Array, from: number): ByteString {
  if (notBytes.test(text)) throw new CryptoError('InvalidArgument', 'a character of a message is not a byte');
  const words = text.length <= scratch.byteLength ? scratch : new Uint32Array(Math.ceil(text.length / 4));
  const bytes = new Uint8Array(words.buffer, 0, text.length);
  backend.writeByteString(text, bytes);
  const count = Math.ceil(text.length / 4);
  for (let i = 0; i < count; i++) words[i]! ^= stream[from + i]!;
  return backend.byteStringOf(bytes);
}

function withFirstBit(nonce: Uint8Array, bit: 0 | 1): ByteString {
  return String.fromCharCode((nonce[0]! & 0x7f) | (bit << 7), ...nonce.subarray(1));
}

/** In time that tells nothing of where they differ. */
function isTag(given: ByteString, expected: ByteString): boolean {
  let difference = 0;
  for (let i = 0; i < tagBytes; i++) difference |= given.charCodeAt(i) ^ expected.charCodeAt(i);
  return difference === 0;
}
