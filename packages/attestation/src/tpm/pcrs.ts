import { concatBytes, digest, equalBytes } from '@coco/crypto';
import { insist, refuse } from '../errors.ts';
import type { PcrValue } from '../evidence.ts';
import { tpmHash } from './algorithms.ts';
import type { Selection, TpmAttest } from './attest.ts';

/** Registers of one bank whose values the quote proves. */
export interface QuotedPcrs {
  readonly bank: number;
  readonly values: ReadonlyMap<number, Uint8Array>;
}

/** The one selection of a quote. More banks than one would let a weak one stand beside a strong one. */
export function selectionOf({ selections }: TpmAttest): Selection {
  const [selection, ...more] = selections.filter(({ indices }) => indices.length > 0);
  insist(selection !== undefined && more.length === 0, 'the quote does not select from exactly one bank');
  tpmHash(selection.bank);
  return selection;
}

/** Insists that the quote covers what the policy wants to read. */
export function checkSelection({ indices }: Selection, required: readonly number[]): void {
  const missing = required.filter((index) => !indices.includes(index));
  insist(missing.length === 0, `the quote covers PCR ${indices.join(', ')}, and not ${missing.join(', ')}`);
}

/**
 * Insists that the values given are the quoted ones: the digest is over them in ascending order, with the hash
 * of the signature and not of the bank. Values of other registers are not proven and left out.
 */
export function quotedPcrs(
  given: readonly PcrValue[],
  { bank, indices }: Selection,
  attest: TpmAttest,
  signatureHash: number,
): QuotedPcrs {
  const values = new Map<number, Uint8Array>();
  for (const index of indices) {
    const found = given.find((one) => one.bank === bank && one.index === index);
    if (found === undefined) refuse(`the value of PCR ${index} is not given`);
    insist(found.value.length === tpmHash(bank).bytes, `PCR ${index} has ${found.value.length} bytes`);
    values.set(index, found.value);
  }
  const recomputed = digest(tpmHash(signatureHash).hash, concatBytes(...values.values()));
  insist(equalBytes(recomputed, attest.pcrDigest), 'the register values are not the quoted ones');
  return { bank, values };
}
