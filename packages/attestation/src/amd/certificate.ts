import type { Certificate } from '@coco/crypto';
import { commonName } from '../certificate-path.ts';
import { contentOf, derTag, readDer, smallInteger } from '../der.ts';
import { insist, refuse } from '../errors.ts';
import type { AmdProductRow, AmdTcb } from './products.ts';

/** What AMD writes into the certificate of a signing key (AMD 57230). */
export interface AmdEndorsement {
  readonly kind: 'VCEK' | 'VLEK';
  readonly productName: string;
  readonly tcb: AmdTcb;
  /** VCEK: which chip. */
  readonly hardwareId: Uint8Array | undefined;
  /** VLEK: which cloud. */
  readonly cloud: string | undefined;
}

const arc = '1.3.6.1.4.1.3704.1.';
const oids = {
  productName: `${arc}2`,
  bootLoader: `${arc}3.1`,
  tee: `${arc}3.2`,
  snp: `${arc}3.3`,
  microcode: `${arc}3.8`,
  fmc: `${arc}3.9`,
  hardwareId: `${arc}4`,
  cloud: `${arc}5`,
} as const;

/** Whether a certificate is of a chip's own key or of one the cloud loaded. */
export function signingKeyKind(leaf: Certificate): 'VCEK' | 'VLEK' {
  switch (commonName(leaf.subject)) {
    case 'SEV-VCEK':
      return 'VCEK';
    case 'SEV-VLEK':
      return 'VLEK';
    default:
      return refuse(`the first certificate is of "${leaf.subject}", neither SEV-VCEK nor SEV-VLEK`);
  }
}

/** Insists that leaf, intermediate and root are named as AMD names those of this product. */
export function checkNames(chain: readonly Certificate[], product: string): void {
  const [leaf, intermediate, root] = chain;
  insist(leaf !== undefined && chain.length === 3, `the chain has ${chain.length} certificates, not 3`);
  const between = signingKeyKind(leaf) === 'VCEK' ? `SEV-${product}` : `SEV-VLEK-${product}`;
  insist(
    commonName(leaf.issuer) === between,
    `"${leaf.subject}" is issued by "${leaf.issuer}", not ${between}`,
  );
  insist(commonName(intermediate?.subject ?? '') === between, `the second certificate is not of ${between}`);
  insist(
    commonName(root?.subject ?? '') === `ARK-${product}`,
    `the third certificate is not of ARK-${product}`,
  );
  insist(leaf.publicKey.curve === 'P-384', `the signing key is not on P-384`);
}

/** Reads AMD's extensions. */
export function readEndorsement(leaf: Certificate, row: AmdProductRow): AmdEndorsement {
  const kind = signingKeyKind(leaf);
  const value = (oid: string): Uint8Array =>
    leaf.extensions.get(oid)?.value ?? refuse(`the ${kind} certificate has no extension ${oid}`);
  const svn = (oid: string) => smallInteger(readDer(value(oid), `extension ${oid}`), 255, `extension ${oid}`);
  const text = (oid: string) =>
    new TextDecoder('latin1').decode(contentOf(readDer(value(oid), oid), derTag.ia5, `extension ${oid}`));
  const tcb: AmdTcb = {
    ...(row.tcb.fmc === undefined ? {} : { fmc: svn(oids.fmc) }),
    bootLoader: svn(oids.bootLoader),
    tee: svn(oids.tee),
    snp: svn(oids.snp),
    microcode: svn(oids.microcode),
  };
  const productName = text(oids.productName);
  // The stepping in it (`Milan-B0`) need not be that of the processor.
  insist(
    productName === row.product || productName.startsWith(`${row.product}-`),
    `the ${kind} certificate is for ${productName}, the report for ${row.product}`,
  );
  return {
    kind,
    productName,
    tcb,
    hardwareId: kind === 'VCEK' ? hardwareId(value(oids.hardwareId), row) : undefined,
    cloud: kind === 'VLEK' ? text(oids.cloud) : undefined,
  };
}

/** AMD writes the bare bytes; one generation of 2023 wrapped them in an octet string. */
function hardwareId(value: Uint8Array, { product, hardwareIdBytes }: AmdProductRow): Uint8Array {
  if (value.length === hardwareIdBytes) return value;
  const wrapped = value.length === hardwareIdBytes + 2 && value[0] === derTag.octetString;
  insist(
    wrapped && value[1] === hardwareIdBytes,
    `the hardware id has ${value.length} bytes; ${product} has ${hardwareIdBytes}`,
  );
  return value.subarray(2);
}
