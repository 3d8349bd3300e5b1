/** When a root is signed. `ledger_signatures` of the configuration are the upper bounds. */
export interface SigningLimits {
  /** Entries after which a signature is due in any case. */
  readonly txCount: number;
  /** Milliseconds for which an entry may stay unsigned. */
  readonly delayMs: number;
}

/** What the decision rests on. */
export interface SigningState {
  /** Entries since the last signature. */
  readonly unsigned: number;
  /** Whether an earlier signature still waits for its commit. */
  readonly inFlight: boolean;
  /** Milliseconds since the last signature. */
  readonly sinceLastMs: number;
  /** Whether a caller waits for its commit. */
  readonly awaited: boolean;
}

/** Between signatures under load: what a root costs is then shared by hundreds of entries. */
const spacingMs = 20;

/**
 * Signs at once when the pipeline is idle, so that a lone write commits within milliseconds. While an earlier signature is
 * on its way to disk and quorum, entries gather; under a steady load they gather a little longer, unless somebody waits.
 */
export function signatureIsDue(state: SigningState, limits: SigningLimits): boolean {
  if (state.unsigned === 0) return false;
  if (!state.inFlight && (state.awaited || state.sinceLastMs >= spacingMs)) return true;
  return state.unsigned >= limits.txCount || state.sinceLastMs >= limits.delayMs;
}
