import { Violation } from '../../world/report.ts';
import type { Observer, Witness } from './observer.ts';

/**
 * What is committed anywhere is the same everywhere, is never taken back, and is in the log of every leader
 * of a later view.
 */
export class CommittedLog implements Observer {
  /** By seqno: the digest of the log committed up to there, and the view of whoever committed it first. */
  readonly #digests: number[] = [];
  readonly #views: number[] = [];
  readonly #commits = new Map<string, number>();

  get length(): number {
    return Math.max(0, this.#digests.length - 1);
  }

  digestAt(seqno: number): number | undefined {
    return this.#digests[seqno];
  }

  onCommitted(node: Witness, seqno: number): void {
    const before = this.#commits.get(node.id) ?? 0;
    if (seqno < before) throw new Violation(`${node.id} took commit back from ${before} to ${seqno}`);
    this.#commits.set(node.id, seqno);
    for (let at = before + 1; at <= seqno; at++) this.#compare(node, at);
  }

  onInstalled(node: Witness, seqno: number): void {
    this.#commits.set(node.id, seqno);
    this.#compare(node, seqno);
  }

  onTruncated(node: Witness, seqno: number): void {
    const commit = this.#commits.get(node.id) ?? 0;
    if (seqno < commit) throw new Violation(`${node.id} truncated to ${seqno} below its commit ${commit}`);
  }

  onLed(node: Witness): void {
    for (let seqno = this.length; seqno > 0; seqno--) {
      // A leader elected late need not know what a newer view has committed meanwhile.
      if (this.#views[seqno]! >= node.view) continue;
      if (node.digestAt(seqno) !== this.#digests[seqno]) {
        throw new Violation(`${node.id} leads view ${node.view} without the committed entry ${seqno}`);
      }
      return;
    }
  }

  #compare(node: Witness, seqno: number): void {
    const digest = node.digestAt(seqno);
    if (digest === null) return;
    this.#digests[seqno] ??= digest;
    this.#views[seqno] ??= node.view;
    if (this.#digests[seqno] !== digest) {
      throw new Violation(`${node.id} committed another entry ${seqno} than was committed before`);
    }
  }
}
