import { insist, refuse } from '../errors.ts';
import type { AmdProduct, AmdTcbFloor } from '../trust.ts';

/** Versions of AMD's firmware parts, each judged for itself. */
export interface AmdTcb {
  readonly fmc?: number;
  readonly bootLoader: number;
  readonly tee: number;
  readonly snp: number;
  readonly microcode: number;
}

/** Which of the eight bytes of a TCB_VERSION is which part. The others must be zero. */
type TcbLayout = Readonly<Partial<Record<keyof AmdTcb, number>>>;

export interface AmdProductRow {
  readonly product: AmdProduct;
  /** CPUID family, and the models in it, as pairs from - to. */
  readonly family: number;
  readonly models: readonly (readonly [number, number])[];
  readonly tcb: TcbLayout;
  /** Length of the hardware id in a VCEK; CHIP_ID goes on with zeros. */
  readonly hardwareIdBytes: number;
}

const classic: TcbLayout = { bootLoader: 0, tee: 1, snp: 6, microcode: 7 };
const withFmc: TcbLayout = { fmc: 0, bootLoader: 1, tee: 2, snp: 3, microcode: 7 };

/** Processors that attest (AMD 56860, "SEV-SNP firmware ABI", and 57230, "VCEK certificate"). */
export const amdProducts: readonly AmdProductRow[] = [
  { product: 'Milan', family: 0x19, models: [[0x00, 0x0f]], tcb: classic, hardwareIdBytes: 64 },
  // Bergamo and Siena are of this kind as well.
  {
    product: 'Genoa',
    family: 0x19,
    models: [
      [0x10, 0x1f],
      [0xa0, 0xaf],
    ],
    tcb: classic,
    hardwareIdBytes: 64,
  },
  { product: 'Turin', family: 0x1a, models: [[0x00, 0x11]], tcb: withFmc, hardwareIdBytes: 8 },
];

/** The product that a report names by its CPUID. */
export function productOfCpuid(family: number, model: number): AmdProductRow {
  const row = amdProducts.find(
    (one) => one.family === family && one.models.some(([from, to]) => model >= from && model <= to),
  );
  return (
    row ?? refuse(`no SEV-SNP product has CPUID family ${family.toString(16)}h model ${model.toString(16)}h`)
  );
}

/** The product whose name a certificate's issuer bears: `SEV-Milan`, `SEV-VLEK-Milan`. */
export function productOfIssuer(commonName: string): AmdProductRow {
  const row = amdProducts.find(
    ({ product }) => commonName === `SEV-${product}` || commonName === `SEV-VLEK-${product}`,
  );
  return row ?? refuse(`"${commonName}" is no authority of a known AMD product`);
}

/** Takes a TCB_VERSION apart. */
export function parseTcb(bytes: Uint8Array, { product, tcb }: AmdProductRow): AmdTcb {
  const used = Object.values(tcb);
  for (const [index, byte] of bytes.entries()) {
    const known = byte === 0 || used.includes(index);
    insist(known, `TCB version ${bytes.toHex()} has a part ${product} does not have`);
  }
  const part = (name: keyof AmdTcb) => bytes[tcb[name] ?? -1] ?? 0;
  const { bootLoader, tee, snp, microcode } = {
    bootLoader: part('bootLoader'),
    tee: part('tee'),
    snp: part('snp'),
    microcode: part('microcode'),
  };
  return { ...(tcb.fmc === undefined ? {} : { fmc: part('fmc') }), bootLoader, tee, snp, microcode };
}

const parts = ['fmc', 'bootLoader', 'tee', 'snp', 'microcode'] as const;

/** Insists that each part reaches the floor. */
export function checkTcbFloor(which: string, tcb: AmdTcb, floor: AmdTcbFloor): void {
  for (const part of parts) {
    const [found, least] = [tcb[part] ?? 0, floor[part] ?? 0];
    insist(found >= least, `${which} ${part} version is ${found}, below ${least}`);
  }
}

/** For messages: `boot loader 4, ...`. */
export function describeTcb(tcb: AmdTcb): string {
  return parts.flatMap((part) => (tcb[part] === undefined ? [] : [`${part} ${tcb[part]}`])).join(', ');
}

/** The first part in which two TCBs differ. */
export function tcbDifference(a: AmdTcb, b: AmdTcb): string | undefined {
  return parts.find((part) => a[part] !== b[part]);
}
