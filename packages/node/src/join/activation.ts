import { AttestationError, keysToActivate, makeCredential } from '@coco/attestation';
import { concatBytes, constantTimeEqual, fromBase64, fromHex, hmacSha256, toBase64 } from '@coco/crypto';
import type { NodeActivation } from '@coco/governance';
import type { Random } from '../identity.ts';
import type { JoinRequest } from './request.ts';

/** `activation` of an answer to `POST /node/join`, base64: the joiner's TPM has to say what is in it. */
export interface ActivationChallenge {
  readonly id_object: string;
  readonly encrypted_seed: string;
}

/** Where a joiner stands that shows a certified endorsement key. */
export type Activation =
  | { readonly kind: 'activated'; readonly activation: NodeActivation }
  /** The secret is missing, or of another challenger. */
  | { readonly kind: 'challenged'; readonly challenge: ActivationChallenge }
  | { readonly kind: 'refused'; readonly message: string };

const bytes = 32;

/**
 * Challenges joiners to show that the key their quotes are signed by lives in the TPM of a certified endorsement key.
 * Nothing is kept of who was asked: the secret follows from the joiner and its keys under a key of this node alone.
 */
export class ActivationDesk {
  readonly #random: Random;
  readonly #key: Uint8Array;

  constructor(random: Random) {
    this.#random = random;
    this.#key = random(bytes);
  }

  /** Whether the TPM of this joiner gave the secret back; undefined when it offers no endorsement key. */
  judge(joiner: string, { quote_info, activation }: JoinRequest): Activation | undefined {
    if (activation === undefined) return undefined;
    try {
      return this.#judge(joiner, quote_info, activation);
    } catch (error) {
      if (!(error instanceof AttestationError)) throw error;
      return { kind: 'refused', message: `${error.code}: ${error.message}` };
    }
  }

  #judge(
    joiner: string,
    evidence: JoinRequest['quote_info'],
    { certificates, secret }: NonNullable<JoinRequest['activation']>,
  ): Activation {
    const { endorsementKey, attestationKeyName } = keysToActivate(evidence, certificates);
    const about = concatBytes(fromHex(joiner), fromHex(endorsementKey.id), attestationKeyName);
    const expected = hmacSha256(this.#key, about);
    if (secret !== undefined && isEqual(secret, expected)) {
      const keys = { endorsement_key: endorsementKey.id, attestation_key: attestationKeyName.toHex() };
      return { kind: 'activated', activation: { certificates, ...keys } };
    }
    const credential = makeCredential(endorsementKey, attestationKeyName, expected, this.#random(bytes));
    const challenge = {
      id_object: toBase64(credential.idObject),
      encrypted_seed: toBase64(credential.encryptedSeed),
    };
    return { kind: 'challenged', challenge };
  }
}

function isEqual(given: string, expected: Uint8Array): boolean {
  try {
    return constantTimeEqual(fromBase64(given), expected);
  } catch {
    return false;
  }
}
