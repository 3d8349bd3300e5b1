import { createHash } from 'node:crypto';
import type { Snapshot } from '@coco/kv';
import { Violation } from '../../world/report.ts';
import type { Daemon } from '../daemon.ts';
import type { CommittedLedger } from './committed-ledger.ts';
import type { Observer } from './observer.ts';

/** One commit in so many is looked at: reading a whole state takes a while. */
const ONE_IN = 5;

/** Every store, at a committed version, is what the committed transactions make of an empty one. */
export class EqualState implements Observer {
  readonly #ledger: CommittedLedger;
  readonly #checked = new Map<Daemon, number>();
  checks = 0;

  constructor(ledger: CommittedLedger) {
    this.#ledger = ledger;
  }

  onStepped(daemon: Daemon): void {
    const commit = daemon.node.replica?.raft.commit ?? 0;
    if (commit % ONE_IN !== 0 || commit === this.#checked.get(daemon)) return;
    this.#checked.set(daemon, commit);
    this.check(daemon);
  }

  onEnded(daemon: Daemon): void {
    this.#checked.delete(daemon);
  }

  /** Compares what the daemon holds at its commit. */
  check(daemon: Daemon): void {
    const { replica } = daemon.node;
    if (replica === undefined) return;
    const { commit } = replica.raft;
    if (commit < this.#ledger.store.compactedTo || commit > this.#ledger.last) return;
    this.checks++;
    const held = replica.store.at(commit);
    const expected = this.#ledger.store.at(commit);
    const maps = [...expected.maps()].filter((map) => expected.size(map) > 0);
    for (const map of maps) {
      // A node that recovers does not hold what is private before the members' shares have opened it.
      if (held.size(map) === 0 && !map.startsWith('public:')) continue;
      if (digestOf(held, map) !== digestOf(expected, map)) {
        throw new Violation(`${daemon.machine.name} holds another ${map} at ${commit} than was committed`);
      }
    }
  }
}

function digestOf(state: Snapshot, map: string): string {
  const digest = createHash('sha256');
  for (const { key, value, version } of state.range(map)) {
    digest.update(`${key.length} ${value.length} ${version} `).update(key, 'latin1').update(value, 'latin1');
  }
  return digest.digest('hex');
}
