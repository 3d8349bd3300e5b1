import {
  type Parcel,
  ParcelDesk,
  type ParcelId,
  type ParcelName,
  type Parcels,
  type Segment,
} from '@coco/access';
import type { Obstacle } from '@coco/governance';
import type { NodeView } from '../endpoints/context.ts';

/**
 * What one request to undo needs of rows that only nodes of their parties keep: some are brought before it can be
 * planned, and what it writes is stored before it may be. Each time that something is open it is run, and the request
 * served again. Parcels it was lent are forgotten with it.
 */
export class Errand implements Parcels {
  readonly #node: Pick<NodeView, 'parcels' | 'access'>;
  readonly #loans = new Map<ParcelId, Parcel>();
  readonly #absent = new Set<ParcelId>();
  readonly #stored = new Set<ParcelId>();
  /** What the contract's own code lacked, beside what the planning did. */
  #lacked: readonly ParcelName[] = [];
  #made: readonly Parcel[] = [];
  /** What the contract's own code put into parcels, for those who look at the plan. */
  readonly #planned = new Map<ParcelId, Parcel>();
  #desk = new ParcelDesk(this);
  /** Whether nodes of the parties could not be given what was made. */
  #isRefused = false;

  constructor(node: Pick<NodeView, 'parcels' | 'access'>) {
    this.#node = node;
  }

  find(id: ParcelId): Parcel | undefined {
    return this.#loans.get(id) ?? this.#planned.get(id) ?? this.#node.parcels.find(id);
  }

  /** Where a planning looks for parcels. */
  begin(): ParcelDesk {
    this.#lacked = [];
    this.#made = [];
    this.#planned.clear();
    this.#desk = new ParcelDesk(this);
    return this.#desk;
  }

  /** Has these at hand for as long as the planning is looked at; they are stored nowhere. */
  show(parcels: readonly Parcel[]): void {
    for (const parcel of parcels) this.#planned.set(parcel.id, parcel);
  }

  /** What stands in the way of a planning whose code lacked these; undefined: nothing. */
  lacking(names: readonly ParcelName[] = []): Obstacle | undefined {
    this.#lacked = names;
    if (this.#wanted.length > 0) return 'loading';
    return names.length > 0 || this.#desk.missing.length > 0 ? 'away' : undefined;
  }

  get #wanted(): ParcelName[] {
    return [...this.#desk.missing, ...this.#lacked].filter(({ id }) => !this.#absent.has(id));
  }

  /** What stands in the way of writing the slips of these; undefined: nothing, any more. */
  storing(parcels: readonly Parcel[]): Obstacle | undefined {
    if (this.#isRefused) return 'away';
    this.#made = parcels.filter(({ id }) => !this.#stored.has(id));
    return this.#made.length > 0 ? 'loading' : undefined;
  }

  /** Whether there is something to do before the request is served again. */
  get isOpen(): boolean {
    return this.#wanted.length > 0 || (this.#made.length > 0 && !this.#isRefused);
  }

  /** Does what is open, then calls `then`. */
  run(then: () => void): void {
    const wanted = this.#wanted;
    if (wanted.length > 0) this.#bring(wanted, then);
    else this.#store(this.#made, then);
  }

  #bring(names: readonly ParcelName[], then: () => void): void {
    const { parcels } = this.#node;
    // Where they are withheld the office may pass to somebody who has them: this node does without.
    if (!parcels.keepsAll(names)) parcels.isWithheld(names.map(({ segment }) => segment));
    parcels.fetch(names, (found) => {
      for (const parcel of found) this.#loans.set(parcel.id, parcel);
      for (const { id } of names) if (!this.#loans.has(id)) this.#absent.add(id);
      then();
    });
  }

  #store(made: readonly Parcel[], then: () => void): void {
    const { access, parcels } = this.#node;
    const readersOf = (segment: Segment) => access.audiences.readersOf(segment);
    const stored = (isStored: boolean): void => {
      if (isStored) for (const { id } of made) this.#stored.add(id);
      else this.#isRefused = true;
      then();
    };
    // Those of an attempt that comes to nothing stay: under the same names an earlier undo may have written the same.
    parcels.deposit(made, readersOf, stored, { isLasting: true });
  }
}
