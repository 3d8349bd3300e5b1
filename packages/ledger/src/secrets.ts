import { type AesKey, HmacKey, hmacSha256, importAesKey } from '@coco/crypto';
import { CommitNonces } from './commit-nonce.ts';
import { LedgerError } from './errors.ts';

/** What entries of a range of seqnos are made with. */
export interface LedgerKey {
  /** Encrypts the private domain. */
  readonly key: AesKey;
  /** Makes the nonces of commit evidence. */
  readonly commitNonces: CommitNonces;
  /** Made the nonces of entries that CCF itself wrote, from their transaction IDs. */
  readonly ccfCommitSecret: HmacKey;
  /** Makes the salts of what an undo changes, so that a digest tells nothing to whoever may not see the change. */
  readonly undoSalts: HmacKey;
}

interface Range extends LedgerKey {
  readonly from: number;
  readonly raw: Uint8Array;
}

const secretBytes = 32;
const utf8 = new TextEncoder();
const commitSecretLabel = utf8.encode('Commit Secret Label');
const undoSaltLabel = utf8.encode('Undo Salt Label');
/** CCF cuts its label to the size of a pointer. */
const ccfCommitSecretLabel = commitSecretLabel.subarray(0, 8);

/**
 * The ledger secrets a node knows, each in force from one seqno until the next one begins. The bytes of the
 * secrets show only in `entries()`.
 */
export class LedgerSecrets {
  /** Ascending by `from`. */
  #ranges: Range[] = [];
  /** Ascending: from where entries were made with a secret that nobody holds, until the next one begins. */
  #lost: number[] = [];

  /**
   * Adds a secret in force from `fromSeqno`. Older ones may come later (recovery finds them from newest to
   * oldest).
   */
  add(fromSeqno: number, raw: Uint8Array): void {
    if (raw.length !== secretBytes) {
      throw new LedgerError(
        'MalformedSecret',
        `ledger secret of ${raw.length} bytes: expected ${secretBytes}`,
      );
    }
    if (!Number.isSafeInteger(fromSeqno) || fromSeqno < 0) {
      throw new LedgerError('InvalidArgument', `ledger secret from seqno ${fromSeqno}: expected 0 or more`);
    }
    const place = this.#ranges.findIndex((range) => range.from >= fromSeqno);
    if (place >= 0 && this.#ranges[place]!.from === fromSeqno) {
      throw new LedgerError('InvalidArgument', `there is a ledger secret from seqno ${fromSeqno} already`);
    }
    const range = {
      from: fromSeqno,
      raw: raw.slice(),
      key: importAesKey(raw),
      commitNonces: new CommitNonces(hmacSha256(raw, commitSecretLabel)),
      undoSalts: new HmacKey(hmacSha256(raw, undoSaltLabel)),
      ccfCommitSecret: new HmacKey(hmacSha256(raw, ccfCommitSecretLabel)),
    };
    this.#ranges.splice(place < 0 ? this.#ranges.length : place, 0, range);
  }

  /**
   * From `fromSeqno` on, until the next secret begins, entries were made with one that is gone for good: that of a
   * recovery which was given up before its secret was shared with the members.
   */
  lose(fromSeqno: number): void {
    if (!this.#lost.includes(fromSeqno)) this.#lost = [...this.#lost, fromSeqno].sort((a, b) => a - b);
  }

  /** First seqnos of the ranges whose secret is gone for good, ascending. */
  get lost(): readonly number[] {
    return this.#lost;
  }

  /** Whether the secret in force at `seqno` is gone for good. */
  isLost(seqno: number): boolean {
    const since = this.#lost.findLast((from) => from <= seqno);
    return since !== undefined && !this.#ranges.some(({ from }) => from > since && from <= seqno);
  }

  /** The keys in force at `seqno`. Throws `MissingSecret` when the secret of that time is not known (yet). */
  keyFor(seqno: number): LedgerKey {
    if (this.#lost.length > 0 && this.isLost(seqno)) {
      const why = 'its recovery was given up before the members had shares of it';
      throw new LedgerError('MissingSecret', `the ledger secret for seqno ${seqno} is lost: ${why}`);
    }
    // Nearly every call is for the newest range.
    for (let i = this.#ranges.length - 1; i >= 0; i--) {
      const range = this.#ranges[i]!;
      if (range.from <= seqno) return range;
    }
    throw new LedgerError('MissingSecret', `no ledger secret is known for seqno ${seqno}`);
  }

  /** First seqno and bytes of each secret, oldest first. The bytes are copies. */
  *entries(): Generator<[number, Uint8Array]> {
    for (const { from, raw } of this.#ranges) yield [from, raw.slice()];
  }

  /** The newest secret, or undefined when none is known. */
  latest(): { readonly from: number; readonly raw: Uint8Array } | undefined {
    const range = this.#ranges.at(-1);
    return range && { from: range.from, raw: range.raw.slice() };
  }

  /** Whether a secret is known that is in force from exactly `seqno` on. */
  hasFrom(seqno: number): boolean {
    return this.#ranges.some(({ from }) => from === seqno);
  }

  /** First seqno of the oldest secret, or undefined when none is known. */
  get earliest(): number | undefined {
    return this.#ranges[0]?.from;
  }

  /** The secrets as they would be without what comes after `seqno`. */
  upTo(seqno: number): LedgerSecrets {
    const branch = new LedgerSecrets();
    branch.#ranges = [...this.#ranges];
    branch.#lost = this.#lost;
    branch.truncateAfter(seqno);
    return branch;
  }

  /**
   * Forgets secrets (and which are lost) whose rekey was rolled back: a rekey at seqno v makes a secret from v + 1, so only those
   * from `seqno` + 2 on go.
   */
  truncateAfter(seqno: number): void {
    this.#ranges = this.#ranges.filter((range) => range.from <= seqno + 1);
    this.#lost = this.#lost.filter((from) => from <= seqno + 1);
  }
}
