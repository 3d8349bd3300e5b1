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
  /** Whether nothing was written since the last but one tick of the clock. */
  readonly rests: boolean;
}

/** Between signatures under load: what a root and its flush cost is then shared by hundreds of entries. */
const spacingMs = 100;

/**
 * Signs at once when the pipeline is idle, so that a lone write commits within milliseconds. While an earlier signature is
 * on its way to disk and quorum, entries gather; under a steady load they gather longer, until it rests or somebody waits.
 */
export function signatureIsDue(state: SigningState, limits: SigningLimits): boolean {
  if (state.unsigned === 0) return false;
  const { awaited, rests, sinceLastMs } = state;
  if (!state.inFlight && (awaited || rests || sinceLastMs >= spacingMs)) return true;
  return state.unsigned >= limits.txCount || state.sinceLastMs >= limits.delayMs;
}
