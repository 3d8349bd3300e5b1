import { aesGcmOpen, aesGcmSeal, concatBytes, fromBase64, importAesKey, toBase64 } from '@coco/crypto';
import type { ByteString } from '@coco/kv';
import { LedgerError } from './errors.ts';
import { isRecord, parseJson } from './json.ts';

/** Map that holds, at each rekey, the previous secret encrypted under the new one. */
export const historicalSecretTable = 'public:ccf.internal.historical_encrypted_ledger_secret';

/** A secret and the first seqno it is in force at. */
export interface VersionedSecret {
  readonly from: number;
  readonly raw: Uint8Array;
}

/** One value of the table: the secret before, and where the value before it was stored. */
export interface SecretLink {
  readonly previous?: {
    readonly from: number;
    /** tag 16, iv 12, ciphertext. */
    readonly encrypted: Uint8Array;
    /** Seqno of the entry that stored the link to the secret before that one; absent at the oldest. */
    readonly storedAt?: number;
  };
  /** First seqno of the secret that encrypts this link. */
  readonly nextFrom?: number;
}

const tagBytes = 16;
const ivBytes = 12;
const nothing = new Uint8Array(0);

/** Encrypts one ledger secret under another: tag, random iv, ciphertext. */
export function sealSecret(
  secret: Uint8Array,
  under: Uint8Array,
  random: (n: number) => Uint8Array,
): Uint8Array {
  const iv = random(ivBytes);
  const { ciphertext, tag } = aesGcmSeal(importAesKey(under), iv, secret, nothing);
  return concatBytes(tag, iv, ciphertext);
}

/**
 * Opens what `sealSecret` made. Throws `DecryptionFailed` under any other secret, `MalformedSecret` when too
 * short.
 */
export function openSecret(sealed: Uint8Array, under: Uint8Array): Uint8Array {
  if (sealed.length < tagBytes + ivBytes) {
    throw new LedgerError('MalformedSecret', `sealed ledger secret of ${sealed.length} bytes is too short`);
  }
  const tag = sealed.subarray(0, tagBytes);
  const iv = sealed.subarray(tagBytes, tagBytes + ivBytes);
  try {
    return aesGcmOpen(importAesKey(under), iv, sealed.subarray(tagBytes + ivBytes), nothing, tag);
  } catch (cause) {
    throw new LedgerError(
      'DecryptionFailed',
      'a previous ledger secret does not open under the one after it',
      {
        cause,
      },
    );
  }
}

/** The JSON value of the table (facts of CCF: `previous_ledger_secret`, `next_version`). */
export function encodeSecretLink(link: SecretLink): ByteString {
  const { previous, nextFrom } = link;
  return JSON.stringify({
    ...(previous && {
      previous_ledger_secret: {
        encrypted_data: toBase64(previous.encrypted),
        version: previous.from,
        ...(previous.storedAt !== undefined && { previous_secret_stored_version: previous.storedAt }),
      },
    }),
    ...(nextFrom !== undefined && { next_version: nextFrom }),
  });
}

/** Reads a value of the table. Throws `MalformedSecret`. */
export function decodeSecretLink(value: ByteString): SecretLink {
  const json = parseJson(value, 'MalformedSecret', 'link to a previous ledger secret');
  const malformed = (what: string): never => {
    throw new LedgerError('MalformedSecret', `link to a previous ledger secret: ${what}`);
  };
  const seqno = (field: unknown, name: string): number =>
    Number.isSafeInteger(field) && (field as number) >= 0
      ? (field as number)
      : malformed(`${name} is not a seqno`);
  if (!isRecord(json)) return malformed('not an object');
  const { previous_ledger_secret: previous, next_version: nextFrom } = json;
  const next =
    nextFrom === undefined || nextFrom === null ? {} : { nextFrom: seqno(nextFrom, 'next_version') };
  if (previous === undefined || previous === null) return next;
  if (!isRecord(previous)) return malformed('previous_ledger_secret is not an object');
  const { encrypted_data: encrypted, version, previous_secret_stored_version: storedAt } = previous;
  if (typeof encrypted !== 'string') return malformed('encrypted_data is not text');
  return {
    ...next,
    previous: {
      from: seqno(version, 'version'),
      encrypted: decodeBase64(encrypted, malformed),
      ...(storedAt !== undefined &&
        storedAt !== null && { storedAt: seqno(storedAt, 'previous_secret_stored_version') }),
    },
  };
}

function decodeBase64(text: string, malformed: (what: string) => never): Uint8Array {
  try {
    return fromBase64(text);
  } catch {
    return malformed('encrypted_data is not base64');
  }
}

/**
 * Walks from the newest secret to the oldest. `readLink` gives the table's value as stored at a seqno, or
 * undefined when that entry is not at hand, which ends the walk. Each step must go back in the ledger, so the
 * walk ends.
 */
export function* walkSecretChain(
  newest: VersionedSecret,
  newestLink: ByteString | undefined,
  readLink: (storedAt: number) => ByteString | undefined,
): Generator<VersionedSecret> {
  yield newest;
  let under = newest;
  let value = newestLink;
  while (value !== undefined) {
    const { previous } = decodeSecretLink(value);
    if (previous === undefined) return;
    if (previous.from >= under.from) {
      throw new LedgerError(
        'MalformedSecret',
        `ledger secret from ${previous.from} is not older than ${under.from}`,
      );
    }
    under = { from: previous.from, raw: openSecret(previous.encrypted, under.raw) };
    yield under;
    value = previous.storedAt === undefined ? undefined : readLink(previous.storedAt);
  }
}
