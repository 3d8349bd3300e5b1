import type { Parcel, ParcelId, ParcelName } from '@coco/access';
import { header } from '@coco/api';
import type { NodeView } from '../endpoints/context.ts';
import { limits } from '../limits.ts';
import { type Answer, refusal, withHeader } from './answer.ts';
import type { RequestEvent } from './pipeline.ts';
import { primaryOnly, type RoutingRule } from './routing.ts';

/** Parcels that one request was lent. They are forgotten with it. */
export type Loans = ReadonlyMap<ParcelId, Parcel>;

/** No parcels. */
export const noLoans: Loans = new Map();

/** What becomes of a request once its parcels were looked for. */
export interface Brought {
  /** They are at hand: it can be served again. */
  again(loans: Loans): void;
  refused(answer: Answer): void;
}

/**
 * Brings the parcels that a request lacks. A node that does not keep them and is not the primary leaves the request to the
 * primary; that one, which has to run the parties' calls wherever it stands, is lent them for the one request.
 */
export class Bringing {
  readonly #node: NodeView;
  readonly #leadsElsewhere: (event: RequestEvent, rule: RoutingRule) => boolean;

  constructor(node: NodeView, leadsElsewhere: (event: RequestEvent, rule: RoutingRule) => boolean) {
    this.#node = node;
    this.#leadsElsewhere = leadsElsewhere;
  }

  bring(event: RequestEvent, missing: readonly ParcelName[], loans: Loans, then: Brought): void {
    const { parcels } = this.#node;
    if (loans.size + missing.length > limits.parcelsPerCallMax) {
      const message = `The call reads more than ${limits.parcelsPerCallMax} rows that this node does not keep.`;
      then.refused(refusal(500, 'InternalError', message));
      return;
    }
    if (!parcels.keepsAll(missing) && this.#leavesToPrimary(event)) return;
    if (parcels.isWithheld(missing.map(({ segment }) => segment))) {
      then.refused(primaryNotOfParties());
      return;
    }
    parcels.fetch(missing, (found) => {
      const all = new Map([...loans, ...found.map((parcel): [ParcelId, Parcel] => [parcel.id, parcel])]);
      if (missing.every(({ id }) => all.has(id))) then.again(all);
      else if (!this.#leavesToPrimary(event)) then.refused(partiesAway());
    });
  }

  #leavesToPrimary(event: RequestEvent): boolean {
    return !this.#node.replica.isPrimary && this.#leadsElsewhere(event, primaryOnly);
  }
}

/** The answer of a primary that is none of the parties' to a call that needs what they lend to nobody. */
export function primaryNotOfParties(): Answer {
  const message =
    'What this touches is lent to nobody: it runs only while the primary is a node of its parties, which it is not now. Reads go on at their nodes; ask again once one of them leads.';
  return withHeader(refusal(503, 'PrimaryNotOfParties', message), header.retryAfter, '1');
}

/** The answer when no node of a party can be asked for, or given, what only those nodes keep. */
export function partiesAway(): Answer {
  const message =
    'What this touches is kept by nodes of its parties alone, and none of them could be reached: try again.';
  return refusal(503, 'PartiesAway', message);
}
