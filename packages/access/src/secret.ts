import { type AesKey, HmacKey, hkdfSha256, importAesKey } from '@coco/crypto';
import { type ByteString, byteStringToBytes, utf8ToByteString } from '@coco/kv';
import { placeBytes } from './sealed-row.ts';

const utf8 = new TextEncoder();
const noSalt = new Uint8Array(0);

/**
 * The service's own secret, in the keys made of it. It is random, made with the first private transaction, and lives
 * in a private map: so every node has it, and it comes back with the ledger.
 */
export class AccessSecret {
  readonly referenceKey: AesKey;
  readonly referenceMac: HmacKey;
  readonly cursorKey: AesKey;
  readonly #audienceMac: HmacKey;
  readonly #keyMac: HmacKey;

  constructor(raw: ByteString) {
    const derive = (label: string) =>
      hkdfSha256(byteStringToBytes(raw), noSalt, utf8.encode(`coco access ${label}`), 32);
    this.referenceKey = importAesKey(derive('reference key'));
    this.referenceMac = new HmacKey(derive('reference mac'));
    this.cursorKey = importAesKey(derive('cursor key'));
    this.#audienceMac = new HmacKey(derive('audience'));
    this.#keyMac = new HmacKey(derive('written key'));
  }

  /** The id of the audience that these readers found: 16 bytes that tell nobody who they are. */
  audienceId(readers: readonly string[]): ByteString {
    return this.#audienceMac.sign(utf8ToByteString(JSON.stringify(readers))).slice(0, 16);
  }

  /** By what a transaction is found that wrote this key: 8 bytes. */
  keyMark(map: string, key: ByteString): ByteString {
    return this.#keyMac.sign(placeBytes({ map, key })).slice(0, 8);
  }
}
