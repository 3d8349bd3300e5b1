import { type AesKey, HmacKey, hkdfSha256, importAesKey, SealingKey } from '@coco/crypto';
import { type ByteString, byteStringToBytes, bytesToByteString, utf8ToByteString } from '@coco/kv';
import type { Keeping } from './audience.ts';
import { murmur32 } from './fingerprint.ts';
import { readU32, u32 } from './numbers.ts';
import type { Reader } from './reader.ts';
import { References } from './reference.ts';
import { placeBytes, type RowPlace } from './sealed-row.ts';

const utf8 = new TextEncoder();
const noSalt = new Uint8Array(0);

/**
 * The service's own secret, in the keys made of it. It is random, made with the first private transaction, and lives
 * in a private map: so every node has it, and it comes back with the ledger.
 */
export class AccessSecret {
  readonly references: References;
  readonly cursorKey: AesKey;
  /** Seals the parcels that hold keys of audiences. */
  readonly parcelKeysKey: SealingKey;
  readonly #audienceMac: HmacKey;
  readonly #nonceMac: HmacKey;
  readonly #markSeeds: readonly [number, number];
  readonly #ids = {
    everywhere: new WeakMap<readonly Reader[], ByteString>(),
    parties: new WeakMap<readonly Reader[], ByteString>(),
    unlent: new WeakMap<readonly Reader[], ByteString>(),
  };

  constructor(raw: ByteString) {
    const derive = (label: string) =>
      hkdfSha256(byteStringToBytes(raw), noSalt, utf8.encode(`coco access ${label}`), 32);
    this.references = new References(derive('reference'));
    this.cursorKey = importAesKey(derive('cursor key'));
    this.parcelKeysKey = new SealingKey(derive('parcel keys'));
    this.#audienceMac = new HmacKey(derive('audience'));
    this.#nonceMac = new HmacKey(derive('row nonce'));
    const marking = bytesToByteString(derive('written key'));
    this.#markSeeds = [readU32(marking, 0), readU32(marking, 4)];
  }

  /**
   * The id of the audience that these readers found: 16 bytes that tell nobody who they are. Audiences of the same
   * readers that are kept in two ways are two.
   */
  audienceId({ home, lends }: Keeping, readers: readonly Reader[]): ByteString {
    // Lists of readers that come again are the same objects: see `knownReadersOf`.
    const ids = this.#ids[lends ? home : 'unlent'];
    const known = ids.get(readers);
    if (known !== undefined) return known;
    const kept = home === 'everywhere' ? readers : lends ? { home, readers } : { home, lend: false, readers };
    const named = JSON.stringify(kept);
    const id = this.#audienceMac.sign(utf8ToByteString(named)).slice(0, 16);
    ids.set(readers, id);
    return id;
  }

  /**
   * A nonce for a row that several nodes have to seal alike: it follows from where the row lies and what it holds, so that
   * the same nonce never comes with two contents.
   */
  nonceOf(place: RowPlace, value: ByteString): Uint8Array {
    const at = placeBytes(place);
    return byteStringToBytes(this.#nonceMac.sign(u32(at.length) + at + value)).subarray(
      0,
      SealingKey.nonceBytes,
    );
  }

  /**
   * By what a transaction is found that wrote this key: 8 bytes. It lies beside the key itself, or what stands for it, and
   * keeps no secret; whoever could make two keys meet could as well write the other.
   */
  keyMark(map: string, key: ByteString): ByteString {
    const place = placeBytes({ map, key });
    const [one, other] = this.#markSeeds;
    return u32(murmur32(place, one)) + u32(murmur32(place, other));
  }
}
