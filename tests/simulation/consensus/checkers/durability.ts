import { Violation } from '../../world/report.ts';
import type { Electorate, Observer, Witness } from './observer.ts';

/** What is committed is on the disks of a majority of every configuration that had a say. */
export class Durability implements Observer {
  readonly #nodes: (id: string) => Witness | undefined;
  #checked = 0;

  constructor(nodes: (id: string) => Witness | undefined) {
    this.#nodes = nodes;
  }

  onCommitted(node: Witness, seqno: number, electorates: readonly Electorate[]): void {
    if (seqno <= this.#checked) return;
    // One step may commit twice: what the first commit replaced has no say in the second.
    const current = electorates.findLastIndex((electorate) => electorate.seqno <= this.#checked);
    this.#checked = seqno;
    const digest = node.digestAt(seqno);
    const holds = (id: string) => this.#nodes(id)?.flushedDigestAt(seqno) === digest;
    for (const { voters } of electorates.slice(Math.max(0, current))) {
      const count = voters.filter(holds).length;
      if (count * 2 > voters.length) continue;
      throw new Violation(
        `${node.id} committed ${seqno}, flushed on only ${count} of the ${voters.length} voters [${voters}]`,
      );
    }
  }
}
