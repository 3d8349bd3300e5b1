import { type CborValue, isCborMap } from '@coco/crypto';
import { type ByteString, byteStringToBytes, bytesToByteString } from '@coco/kv';
import { LedgerError } from './errors.ts';

/** What a signature says of all transactions that were ever undone: their number and the root of a tree over them. */
export interface StandingRoot {
  readonly count: number;
  /** 32 bytes. */
  readonly root: ByteString;
}

/** Label of the protected header of a COSE signature that carries the standing root: `{ count, root }`. */
export const standingLabel = 'coco.standing';

/** The value of the protected header. */
export function encodeStandingRoot({ count, root }: StandingRoot): CborValue {
  return new Map<CborValue, CborValue>([
    ['count', count],
    ['root', byteStringToBytes(root)],
  ]);
}

/** Reads the value of the protected header; undefined when there is none. Throws `VerificationFailed`, step `shape`. */
export function decodeStandingRoot(value: CborValue | undefined): StandingRoot | undefined {
  if (value === undefined) return undefined;
  const count = isCborMap(value) ? value.get('count') : undefined;
  const root = isCborMap(value) ? value.get('root') : undefined;
  if (typeof count === 'number' && Number.isSafeInteger(count) && count > 0 && root instanceof Uint8Array)
    if (root.length === 32) return { count, root: bytesToByteString(root) };
  throw new LedgerError('VerificationFailed', `the header ${standingLabel} is malformed`, { step: 'shape' });
}
