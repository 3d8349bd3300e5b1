import { parseCertificate } from '@coco/crypto';
import type { ByteString } from '@coco/kv';
import { AuditState } from './audit-state.ts';
import { type DecodedEntry, decodeEntry } from './entry.ts';
import { LedgerError, type LedgerErrorCode, type VerificationStep } from './errors.ts';
import { History } from './history.ts';
import { auditProblemsMax } from './limits.ts';
import { isSignature } from './signature.ts';
import { verifySignatureContent, verifySignatureEntry } from './signature-entry.ts';
import type { LoadedSnapshot } from './snapshot.ts';
import type { TxId } from './tx-id.ts';

/** Where an entry was found; repeated in problems. */
export interface AuditLocation {
  readonly file?: string;
  /** Bytes from the start of the file. */
  readonly offset?: number;
}

/** Something in the ledger that is not as it must be. */
export interface AuditProblem {
  readonly seqno: number;
  readonly location: AuditLocation;
  readonly code: LedgerErrorCode;
  readonly step: VerificationStep | undefined;
  readonly message: string;
}

/** What an audit found. The ledger is sound up to `lastSigned` exactly when there are no problems. */
export interface AuditReport {
  readonly entries: number;
  readonly signatures: number;
  readonly coseSignatures: number;
  /** First and last seqno seen; 0 when none was. */
  readonly first: number;
  readonly last: number;
  /** Each view that has entries, with the first of them. */
  readonly views: readonly TxId[];
  /** Newest signature that verified: everything up to here is vouched for. */
  readonly lastSigned: TxId | undefined;
  /** Root of that signature. */
  readonly lastSignedRoot: ByteString | undefined;
  readonly serviceStatus: string | undefined;
  readonly serviceCert: string | undefined;
  readonly problems: readonly AuditProblem[];
  /** The audit gave up at the last problem: what follows could not be judged. */
  readonly stopped: boolean;
}

/** Where an audit begins, and whom it trusts. */
export interface AuditOptions {
  /**
   * Goes on after this snapshot instead of from the first entry. Whether to believe it is the caller's
   * question.
   */
  readonly after?: LoadedSnapshot;
  /** PEM of the service certificate one trusts: the service in force at the end must have its key. */
  readonly trustedServiceCert?: string;
  /** Sees each entry that is in its place, before it counts: `root` is that of the entries before it. */
  readonly each?: (entry: DecodedEntry, root: () => ByteString) => void;
}

/**
 * Checks a ledger entry by entry, without secrets: rebuilds the Merkle tree, follows nodes and service
 * through the public maps, and verifies every signature as of its place. Memory is bounded by what lies
 * between two signatures.
 */
export class Auditor {
  readonly #state = new AuditState();
  readonly #history: History;
  readonly #trusted: string | undefined;
  readonly #each: AuditOptions['each'];
  readonly #problems: AuditProblem[] = [];
  readonly #views: TxId[] = [];
  readonly #first: number;
  #next: number;
  #view: number;
  #entries = 0;
  #signatures = 0;
  #coseSignatures = 0;
  #lastSigned: TxId | undefined;
  #lastSignedRoot: ByteString | undefined;
  /** The last signature, until all that it says has been looked at: nothing signs it. */
  #unproven: { readonly entry: DecodedEntry; readonly location: AuditLocation } | undefined;
  #stopped = false;

  constructor(options: AuditOptions = {}) {
    const { after, each, trustedServiceCert } = options;
    this.#trusted = trustedServiceCert;
    this.#each = each;
    this.#history = after?.history ?? new History();
    this.#next = this.#history.size;
    this.#first = this.#next;
    this.#view = after?.txId.view ?? 0;
    if (after !== undefined) this.#state.load(after.rows);
  }

  /** Takes the next entry. Never throws for what is in it: see the report. */
  feed(bytes: Uint8Array, location: AuditLocation = {}): void {
    if (this.#stopped) return;
    const entry = this.#attempt(this.#next, location, () => decodeEntry(bytes));
    if (entry === undefined || !this.#follows(entry, location)) {
      // Without this entry's leaf no later root can be checked.
      this.#stopped = true;
      return;
    }
    this.#entries++;
    this.#next++;
    if (entry.view !== this.#view) this.#views.push({ view: entry.view, seqno: entry.seqno });
    this.#view = entry.view;
    this.#attempt(entry.seqno, location, () => this.#state.apply(entry.writeSet, entry.view));
    if (isSignature(entry.writeSet)) this.#checkSignature(entry, location);
    this.#each?.(entry, () => this.#history.root());
    this.#history.append(entry.leaf);
  }

  /** What was found so far. The trusted identity is compared now. */
  finish(): AuditReport {
    this.#checkLast();
    if (this.#trusted !== undefined && !this.#stopped) this.#checkTrusted(this.#trusted);
    return {
      entries: this.#entries,
      signatures: this.#signatures,
      coseSignatures: this.#coseSignatures,
      first: this.#entries === 0 ? 0 : this.#first,
      last: this.#entries === 0 ? 0 : this.#next - 1,
      views: [...this.#views],
      lastSigned: this.#lastSigned,
      lastSignedRoot: this.#lastSignedRoot,
      serviceStatus: this.#state.serviceStatus,
      serviceCert: this.#state.serviceCert,
      problems: [...this.#problems],
      stopped: this.#stopped,
    };
  }

  #follows(entry: DecodedEntry, location: AuditLocation): boolean {
    const { view, seqno } = entry;
    if (seqno === this.#next && view >= this.#view && view > 0) return true;
    const what =
      seqno === this.#next
        ? `view ${view} after view ${this.#view}`
        : `entry ${seqno} where ${this.#next} belongs`;
    this.#note(this.#next, location, new LedgerError('MalformedEntry', what));
    return false;
  }

  #checkSignature(entry: DecodedEntry, location: AuditLocation): void {
    this.#signatures++;
    const verified = this.#attempt(entry.seqno, location, () => {
      const { cose } = verifySignatureEntry(entry, this.#history, this.#state);
      if (cose) this.#coseSignatures++;
      return true;
    });
    if (verified === undefined) return;
    this.#lastSigned = { view: entry.view, seqno: entry.seqno };
    this.#lastSignedRoot = this.#history.root();
    this.#unproven = { entry, location };
    this.#history.flush(entry.seqno - 1);
  }

  #checkLast(): void {
    const last = this.#unproven;
    this.#unproven = undefined;
    if (last) this.#attempt(last.entry.seqno, last.location, () => verifySignatureContent(last.entry));
  }

  #checkTrusted(trusted: string): void {
    this.#attempt(this.#next - 1, {}, () => {
      if (parseCertificate(trusted).publicKey.id === this.#state.serviceKey.id) return;
      throw new LedgerError('VerificationFailed', 'the ledger is not of the trusted service', {
        step: 'service-key',
      });
    });
  }

  /** Runs a check; what it throws becomes a problem, and undefined the answer. */
  #attempt<T>(seqno: number, location: AuditLocation, check: () => T): T | undefined {
    try {
      return check();
    } catch (error) {
      this.#note(seqno, location, error);
      return undefined;
    }
  }

  #note(seqno: number, location: AuditLocation, error: unknown): void {
    if (!(error instanceof Error)) throw error;
    const { code, step } =
      error instanceof LedgerError ? error : { code: 'MalformedEntry' as const, step: undefined };
    this.#problems.push({ seqno, location, code, step, message: error.message });
    if (this.#problems.length >= auditProblemsMax) this.#stopped = true;
  }
}
