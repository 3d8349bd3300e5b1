import { type ByteString, sha256ByteString, sha256Hex, toBase64, toHex } from '@coco/crypto';

/** One key that an undo changes, complete: whoever may see it can make its digest again. */
export interface ChangeContent {
  readonly map: string;
  readonly key: ByteString;
  /** What the key holds now, and what it is to hold; null is absent. */
  readonly from: ByteString | null;
  readonly to: ByteString | null;
  /** 32 bytes that keep whoever may not see the change from guessing it. */
  readonly salt: ByteString;
}

/** What members vote on, as far as its digest goes. */
export interface PlanContent {
  readonly policy: string;
  /** Transaction ids: named, undone by it, in force again, undone once more by an undo that is in force again. */
  readonly transactions: readonly string[];
  readonly undone: readonly string[];
  readonly restored: readonly string[];
  readonly undoneAgain: readonly string[];
  /** Hex digests of the changes, in the order of the plan. */
  readonly changes: readonly string[];
  readonly compensation?: { readonly module: string; readonly function: string } | undefined;
  /** Whether it may go ahead although nobody recorded what some later transactions read. */
  readonly allowUnrecordedReads: boolean;
}

/** Hex digest of one change. */
export function changeDigest({ map, key, from, to, salt }: ChangeContent): string {
  return sha256Hex(
    JSON.stringify(['coco undo change 1', base64(salt), map, base64(key), sum(from), sum(to)]),
  );
}

/** Hex digest of a plan: what a proposal to undo names, and ballots are bound to. */
export function planDigest(plan: PlanContent): string {
  const { policy, transactions, undone, restored, undoneAgain, changes } = plan;
  const { compensation, allowUnrecordedReads } = plan;
  const code = compensation === undefined ? null : [compensation.module, compensation.function];
  return sha256Hex(
    JSON.stringify([
      'coco undo plan 1',
      policy,
      transactions,
      undone,
      restored,
      undoneAgain,
      changes,
      code,
      allowUnrecordedReads,
    ]),
  );
}

function sum(value: ByteString | null): string | null {
  return value === null ? null : toHex(bytes(sha256ByteString(bytes(value))));
}

function base64(text: ByteString): string {
  return toBase64(bytes(text));
}

function bytes(text: ByteString): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
