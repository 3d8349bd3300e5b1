import { parseSnapshotName } from '@coco/ledger';
import type { SnapshotChoice } from '@coco/node';

interface Snapshot {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly isCommitted: boolean;
}

/** The snapshots directory of one machine. */
export class SnapshotShelf {
  readonly #snapshots = new Map<string, Snapshot>();

  write(name: string, bytes: Uint8Array): void {
    this.#snapshots.set(name, { name, bytes, isCommitted: false });
  }

  /** The receipt stands behind the snapshot from now on. Nothing happens when it was never written. */
  commit(name: string, receipt: Uint8Array): void {
    const written = this.#snapshots.get(name);
    if (written === undefined) return;
    this.#snapshots.set(name, { name, bytes: Buffer.concat([written.bytes, receipt]), isCommitted: true });
  }

  /** The committed snapshot of the choice. */
  find(choice: SnapshotChoice): Snapshot | undefined {
    const committed = [...this.#snapshots.values()].filter(({ isCommitted }) => isCommitted);
    if ('name' in choice) return committed.find(({ name }) => name === choice.name);
    const seqnoOf = ({ name }: Snapshot) => parseSnapshotName(name)?.seqno ?? 0;
    return committed
      .filter((snapshot) => seqnoOf(snapshot) < choice.newestBefore)
      .sort((a, b) => seqnoOf(b) - seqnoOf(a))[0];
  }

  /** What was not committed is of no use to a process that starts. */
  open(): void {
    for (const { name, isCommitted } of this.#snapshots.values()) {
      if (!isCommitted) this.#snapshots.delete(name);
    }
  }

  /** Puts a copy of another shelf's files in place of what is here. */
  copyFrom(other: SnapshotShelf): void {
    for (const [name, snapshot] of other.#snapshots) this.#snapshots.set(name, snapshot);
  }

  wipe(): void {
    this.#snapshots.clear();
  }
}
