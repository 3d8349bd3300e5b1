import { id_secp256r1, id_secp384r1, id_secp521r1 } from '@peculiar/asn1-ecc';
import type { Curve, HashName } from './backend/backend.ts';

/** What differs between the curves of ECDSA. */
export interface CurveParameters {
  readonly oid: string;
  /** Length of a coordinate, a private scalar, and each half of an r || s signature. */
  readonly coordinateBytes: number;
  /** The hash of its strength: what certificates and COSE messages are signed with, as in CCF. */
  readonly hash: HashName;
}

/** One row per curve. */
export const curves: Readonly<Record<Curve, CurveParameters>> = {
  'P-256': { oid: id_secp256r1, coordinateBytes: 32, hash: 'SHA-256' },
  'P-384': { oid: id_secp384r1, coordinateBytes: 48, hash: 'SHA-384' },
  'P-521': { oid: id_secp521r1, coordinateBytes: 66, hash: 'SHA-512' },
};

/** Length of an uncompressed point: 04 || x || y (SEC 1, 2.3.3). */
export function pointBytes(curve: Curve): number {
  return 1 + 2 * curves[curve].coordinateBytes;
}

/** The curve of an object identifier. */
export function curveOfOid(oid: string): Curve | undefined {
  return (Object.keys(curves) as Curve[]).find((curve) => curves[curve].oid === oid);
}
