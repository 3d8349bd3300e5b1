import { Violation } from '../../world/report.ts';
import type { Observer, Witness } from './observer.ts';

/** Two logs that share a view and seqno are the same up to there. */
export class LogMatching implements Observer {
  /** By seqno, then view: the digest of every log that ever had that entry. */
  readonly #digests: Map<number, { readonly digest: number; readonly node: string }>[] = [];

  onAppended(node: Witness, seqno: number, view: number): void {
    this.#digests[seqno] ??= new Map();
    const byView = this.#digests[seqno];
    const digest = node.digestAt(seqno)!;
    const known = byView.get(view);
    if (known === undefined) byView.set(view, { digest, node: node.id });
    else if (known.digest !== digest) {
      throw new Violation(
        `${known.node} and ${node.id} differ at or before their common entry ${view}.${seqno}`,
      );
    }
  }
}
