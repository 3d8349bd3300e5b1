import type { NodeId } from '@coco/governance';
import type { Version } from '@coco/kv';
import { limits } from '../limits.ts';
import type { ParcelDeposit } from '../wire.ts';

interface Deposit {
  readonly primary: NodeId;
  readonly id: number;
  /** View in which its transaction comes, or never. */
  readonly view: number;
  readonly paths: readonly string[];
  /** Those whose slips are in the ledger, and where that is. */
  readonly named: Set<string>;
  came: Version | undefined;
  /** Where its transaction is at the latest: known once the primary has said so. */
  latest: Version | undefined;
}

/**
 * Parcels that this node stored for transactions that were yet to be in the ledger. A primary may stop in between, or fail
 * to take back what conflicted. What the ledger does not name by the time it no longer can is nobody's, and is given up.
 */
export class Pending {
  /** In the order in which they came. */
  #deposits: Deposit[] = [];
  readonly #byPath = new Map<string, Deposit>();

  /** Takes note of a deposit, and of what it tells of earlier ones. */
  took(primary: NodeId, { id, view, decided, parcels }: ParcelDeposit): void {
    for (const earlier of this.#deposits)
      if (earlier.primary === primary && earlier.view === view && earlier.id < decided.before)
        earlier.latest ??= decided.at;
    if (this.#byPath.size + parcels.length > limits.parcelsPendingMax) return;
    const paths = parcels.map(({ path }) => path);
    const deposit = {
      primary,
      id,
      view,
      paths,
      named: new Set<string>(),
      came: undefined,
      latest: undefined,
    };
    this.#deposits.push(deposit);
    for (const path of paths) this.#byPath.set(path, deposit);
  }

  /** The slip of a parcel is in the ledger. */
  named(path: string, version: Version): void {
    const deposit = this.#byPath.get(path);
    if (!deposit) return;
    deposit.named.add(path);
    deposit.came = version;
  }

  rolledBack(to: Version): void {
    for (const deposit of this.#deposits) {
      if (deposit.came === undefined || deposit.came <= to) continue;
      deposit.came = undefined;
      deposit.named.clear();
    }
  }

  /** Whether it is open yet what becomes of a parcel. */
  has(path: string): boolean {
    return this.#byPath.has(path);
  }

  /** Leaves everything where it is: what the ledger said meanwhile this node was not told. */
  forget(): void {
    this.#deposits = [];
    this.#byPath.clear();
  }

  /** The parcels that no slip will ever name, as of a committed entry and its view; they and all that came are forgotten. */
  decide(seqno: Version, view: number): string[] {
    if (this.#deposits.length === 0) return [];
    const { decided = [], open = [] } = Object.groupBy(this.#deposits, (deposit) =>
      isDecided(deposit, seqno, view) ? 'decided' : 'open',
    );
    this.#deposits = open;
    for (const { paths } of decided) for (const path of paths) this.#byPath.delete(path);
    return decided.flatMap(({ paths, named }) => paths.filter((path) => !named.has(path)));
  }
}

/** Whether everything that could be of a deposit's transaction is committed. */
function isDecided({ came, latest, view: own }: Deposit, seqno: Version, view: number): boolean {
  if (came !== undefined) return came <= seqno;
  // An entry of a later view has taken the place of whatever this one's primary had not committed.
  return own < view || (latest !== undefined && latest <= seqno);
}
