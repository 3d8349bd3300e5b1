import {
  type Claims,
  type Credential,
  type Endorsements,
  type Evidence,
  type Policy,
  quotingKeyId,
  readQuoteInfo,
  vendorRoots,
  verify,
  virtualMeasurement,
} from '@coco/attestation';
import { concatBytes, toBase64 } from '@coco/crypto';
import type { QuoteInfo } from '@coco/governance';
import type { NodeIdentity } from './identity.ts';
import { limits } from './limits.ts';
import type { Outbox } from './outbox.ts';

/** Evidence of the platform this node runs on, with what vouches for it. */
export interface NodeEvidence {
  readonly quote: QuoteInfo;
  /** Azure confidential containers: the text whose digest is the host data. */
  readonly securityPolicy?: string;
  /** A TPM whose endorsement key is certified. */
  readonly activation?: TpmActivation;
}

/** What a TPM can be challenged by. */
export interface TpmActivation {
  /** PEM, from the certificate of the endorsement key to its authority. */
  readonly certificates: string;
  /** What was in the credential that was asked about. */
  readonly secret?: Uint8Array;
}

/** Where evidence comes from: nowhere (`virtual`, a statement the node writes itself), or the host's hardware. */
export type EvidenceSource = 'virtual' | 'host';

/** What became of asking for evidence. */
export type Attested = { readonly evidence: NodeEvidence } | { readonly error: string };

const nonceBytes = 32;

/** Gets evidence that binds this node's key, and a nonce when the evidence must be fresh. */
export class Attester {
  readonly #identity: NodeIdentity;
  readonly #outbox: Outbox;
  readonly #source: EvidenceSource;
  readonly #executableDigest: string;
  readonly #asked = new Map<number, (result: Attested) => void>();
  #lastId = 0;

  constructor(
    identity: NodeIdentity,
    outbox: Outbox,
    given: { readonly source: EvidenceSource; readonly executableDigest: string },
  ) {
    this.#identity = identity;
    this.#outbox = outbox;
    this.#source = given.source;
    this.#executableDigest = given.executableDigest;
  }

  /**
   * Calls `done` with the evidence: at once on a virtual node, else when the host has it. With a credential the TPM is
   * asked for the secret in it as well.
   */
  ask(nonce: Uint8Array, done: (result: Attested) => void, credential?: Credential): void {
    const reportData = concatBytes(Uint8Array.fromHex(this.#identity.id), nonce);
    if (this.#source === 'virtual') {
      done({ evidence: { quote: virtualQuote(this.#executableDigest, reportData) } });
      return;
    }
    // A device that hangs never answers: the oldest question is given up.
    const [oldest] = this.#asked.keys();
    if (oldest !== undefined && this.#asked.size >= limits.evidenceAskedMax) {
      this.attested(oldest, { error: 'the platform did not answer' });
    }
    this.#lastId += 1;
    this.#asked.set(this.#lastId, done);
    const asked = { id: this.#lastId, reportData };
    this.#outbox.push({ kind: 'attest', ...asked, ...(credential === undefined ? {} : { credential }) });
  }

  /** The host's answer to an `attest` effect. */
  attested(id: number, result: Attested): void {
    const done = this.#asked.get(id);
    this.#asked.delete(id);
    done?.(result);
  }
}

/** The nonce of evidence that needs none: it is as old as the key it binds. */
export const noNonce: Uint8Array = new Uint8Array(nonceBytes);

/** What a node without a TEE says of itself, in CCF's form. It proves nothing. */
function virtualQuote(executableDigest: string, reportData: Uint8Array): QuoteInfo {
  const statement = {
    host_data: executableDigest,
    measurement: virtualMeasurement,
    // CCF writes the digest of the key alone.
    report_data: toBase64(
      reportData.subarray(nonceBytes).some((byte) => byte !== 0) ? reportData : reportData.subarray(0, 32),
    ),
  };
  const quote = toBase64(new TextEncoder().encode(JSON.stringify(statement)));
  return { format: 'Insecure_Virtual', quote, endorsements: '' };
}

/**
 * What a node's own evidence says, before there is a policy to hold it to: authentic, and of the node's key;
 * which cloud and which firmware is what the members then find trusted, and may change. Throws
 * `AttestationError`.
 */
export function ownClaims(
  { quote, securityPolicy }: NodeEvidence,
  identity: NodeIdentity,
  now: number,
): Claims {
  const { evidence, endorsements } = readQuoteInfo(quote);
  const given =
    securityPolicy === undefined
      ? endorsements
      : { ...endorsements, securityPolicy: new TextEncoder().encode(securityPolicy) };
  const trust = {
    roots: vendorRoots,
    policy: startingPolicy(evidence, endorsements),
    expected: { publicKey: identity.key.publicKey.spki },
  };
  return verify(evidence, given, trust, now).claims;
}

/** What the members find trusted at first is what this node is; what they trust from then on, they vote. */
function startingPolicy(evidence: Evidence, { certificates }: Endorsements): Policy {
  const isUncertifiedTpm = evidence.platform === 'tpm' && certificates === undefined;
  return {
    platforms: [evidence.platform],
    snp: { allowVlek: true },
    intel: { statuses: startingStatuses },
    ...(isUncertifiedTpm ? { tpm: { attestationKeys: [quotingKeyId(evidence)] } } : {}),
  };
}

/** Intel's words for platforms a service may begin on: in need of something, and not out of date. */
const startingStatuses: readonly string[] = [
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
];
