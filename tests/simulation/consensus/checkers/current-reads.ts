import { Violation } from '../../world/report.ts';
import type { Observer, Witness } from './observer.ts';

/** A read confirmed as current sees everything that was committed anywhere when it was asked for. */
export class CurrentReads implements Observer {
  #committed = 0;
  readonly #asked = new Map<number, number>();
  confirmed = 0;

  onCommitted(_node: Witness, seqno: number): void {
    this.#committed = Math.max(this.#committed, seqno);
  }

  onReadAsked(context: number): void {
    this.#asked.set(context, this.#committed);
  }

  onReadConfirmed({ id }: Witness, context: number, seqno: number): void {
    const committed = this.#asked.get(context)!;
    this.#asked.delete(context);
    this.confirmed++;
    if (seqno < committed) {
      throw new Violation(`${id} confirmed a read at ${seqno} asked for when ${committed} was committed`);
    }
  }
}
