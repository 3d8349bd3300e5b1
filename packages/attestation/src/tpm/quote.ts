import { equalBytes, type PublicKey } from '@coco/crypto';
import { expectedQualifyingData } from '../binding.ts';
import type { Checklist } from '../checklist.ts';
import { insist } from '../errors.ts';
import type { TpmQuote } from '../evidence.ts';
import type { Expected, TpmPolicy } from '../trust.ts';
import { tpmHash } from './algorithms.ts';
import {
  checkMagic,
  checkQuoteType,
  parseAttest,
  parseSignature,
  type TpmAttest,
  type TpmSignature,
  verifyTpmSignature,
} from './attest.ts';
import { type BootEvent, checkReplay, parseEventLog } from './event-log.ts';
import { checkSelection, type QuotedPcrs, quotedPcrs, selectionOf } from './pcrs.ts';

/** What a quote proves. */
export interface VerifiedQuote extends QuotedPcrs {
  readonly attest: TpmAttest;
}

/** Registers a quote must cover unless the policy says otherwise: firmware, and secure boot. */
const defaultPcrs: readonly number[] = [0, 7];

/** Refuses first what is no quote of a TPM at all; answers with the signature, not verified yet. */
export function readQuote(checks: Checklist, quote: TpmQuote): TpmSignature {
  checks.run('attest-magic', () => checkMagic(quote.attest));
  checks.run('attest-type', () => checkQuoteType(quote.attest));
  return checks.run('signature-shape', () => parseSignature(quote.signature));
}

/** Verifies the quote with a key that is trusted by now; answers with what it proves. */
export function verifyQuote(
  checks: Checklist,
  quote: TpmQuote,
  signature: TpmSignature,
  key: PublicKey,
  policy: TpmPolicy,
): VerifiedQuote {
  checks.run(
    'signature-algorithm',
    () => tpmHash(signature.hash),
    ({ hash }) => hash,
  );
  checks.run('evidence-signature', () => verifyTpmSignature(key, signature, quote.attest));
  const attest = checks.run('evidence-shape', () => parseAttest(quote.attest));
  const selection = checks.run(
    'pcr-bank',
    () => selectionOf(attest),
    ({ bank }) => tpmHash(bank).hash,
  );
  checks.run(
    'pcr-selection',
    () => checkSelection(selection, policy.requiredPcrs ?? defaultPcrs),
    () => selection.indices.join(', '),
  );
  const quoted = checks.run('pcr-digest', () => quotedPcrs(quote.pcrs, selection, attest, signature.hash));
  checks.ask('pcr-values', policy.pcrs, (wanted) => checkValues(quoted, wanted));
  return { ...quoted, attest };
}

function checkValues({ values }: QuotedPcrs, wanted: NonNullable<TpmPolicy['pcrs']>): void {
  for (const [index, accepted] of Object.entries(wanted)) {
    const found = values.get(Number(index))?.toHex();
    insist(found !== undefined, `PCR ${index} is not quoted`);
    insist(
      accepted.some((value) => value.toLowerCase() === found),
      `PCR ${index} is ${found}`,
    );
  }
}

/** Replays the boot log, if there is one, to the quoted registers. */
export function verifyEventLog(
  checks: Checklist,
  log: Uint8Array | undefined,
  quoted: QuotedPcrs,
  policy: TpmPolicy,
): readonly BootEvent[] {
  if (log === undefined && policy.requireEventLog !== true) return [];
  let events: readonly BootEvent[] = [];
  checks.run(
    'event-log',
    () => {
      insist(log !== undefined, 'the boot log is required and not given');
      events = parseEventLog(log);
      return checkReplay(events, quoted);
    },
    (registers) => `${events.length} events, PCR ${registers.join(', ')}`,
  );
  return events;
}

/** Checks that the quote was made for the expected key and nonce. */
export function checkQualifyingData(
  checks: Checklist,
  { extraData }: TpmAttest,
  expected: Expected | undefined,
): void {
  checks.ask('report-data', expected?.reportData ?? expectedQualifyingData(expected), (wanted) =>
    insist(equalBytes(extraData, wanted), `the quote is for ${extraData.toHex()}, not for ${wanted.toHex()}`),
  );
}

/** Claims about a TPM's registers. */
export function pcrClaims({ values }: QuotedPcrs): Record<string, string> {
  return Object.fromEntries([...values].map(([index, value]) => [`pcr${index}`, value.toHex()]));
}
