import { Violation } from '../../world/report.ts';
import type { Daemon } from '../daemon.ts';
import type { Observer } from './observer.ts';

/** At most one process leads in each view. */
export class OneLeader implements Observer {
  readonly #leaders = new Map<number, Daemon>();

  onStepped(daemon: Daemon): void {
    const { replica } = daemon.node;
    if (replica === undefined || !replica.isPrimary) return;
    const { view } = replica.raft;
    const known = this.#leaders.get(view) ?? daemon;
    this.#leaders.set(view, known);
    if (known !== daemon) {
      throw new Violation(`${known.machine.name} and ${daemon.machine.name} both lead in view ${view}`);
    }
  }
}
