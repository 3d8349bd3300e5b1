import { Violation } from '../../world/report.ts';
import type { Observer, Witness } from './observer.ts';

/** No view has two leaders, and none has retired. */
export class ElectionSafety implements Observer {
  readonly #leaders = new Map<number, string>();
  readonly #retired = new Set<string>();

  onLed({ id, view }: Witness): void {
    const other = this.#leaders.get(view) ?? id;
    if (other !== id) throw new Violation(`view ${view} has two leaders: ${other} and ${id}`);
    if (this.#retired.has(id)) throw new Violation(`${id} leads view ${view} after its retirement`);
    this.#leaders.set(view, id);
  }

  onRetired({ id }: Witness): void {
    this.#retired.add(id);
  }
}
