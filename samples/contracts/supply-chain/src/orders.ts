import type { DocumentType, TradeDocument } from './document.ts';

/** Where an order stands. */
export type OrderState =
  | 'Ordered'
  | 'Acknowledged'
  | 'Accepted'
  | 'AcceptedWithChanges'
  | 'Rejected'
  | 'Changed'
  | 'Cancelled'
  | 'Despatched';

/** An order and what was exchanged about it. */
export interface Order {
  readonly buyer: string;
  readonly seller: string;
  readonly id: string;
  readonly state: OrderState;
  readonly currency: string | null;
  readonly total: number | null;
  /** Lines by id, quantities as last agreed. */
  readonly lines: Readonly<Record<string, { readonly item: string; readonly quantity: number | null }>>;
  readonly lastChange: number;
  readonly documents: readonly {
    readonly type: DocumentType;
    readonly id: string;
    readonly issueDate: string;
  }[];
}

/** A document that is understood and must not be accepted: the status to answer with, and why. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const responses: Readonly<Record<string, OrderState>> = {
  AB: 'Acknowledged',
  AP: 'Accepted',
  CA: 'AcceptedWithChanges',
  RE: 'Rejected',
};

const final: ReadonlySet<OrderState> = new Set(['Cancelled', 'Rejected']);

/** Who sends a document of this type: orders, changes and cancellations come from the buyer. */
export function senderOf({ type, buyer, seller }: TradeDocument): string {
  return type === 'OrderResponse' || type === 'DespatchAdvice' ? seller : buyer;
}

/** The order after a document; `before` is undefined when the order is not known. Throws Refused. */
export function follow(before: Order | undefined, document: TradeDocument): Order {
  if (document.type === 'Order') return place(before, document);
  const name = `Order ${document.orderId} of ${document.buyer} to ${document.seller}`;
  if (before === undefined) throw new Refused(404, `${name} is not known.`);
  if (final.has(before.state)) throw new Refused(409, `${name} is ${before.state}: nothing can follow.`);
  const next = effects[document.type](before, document, name);
  const { type, id, issueDate } = document;
  return { ...before, ...next, documents: [...before.documents, { type, id, issueDate }] };
}

type Effect = (order: Order, document: TradeDocument, name: string) => Partial<Order>;

const effects: Readonly<Record<Exclude<DocumentType, 'Order'>, Effect>> = {
  OrderResponse(_order, { responseCode }) {
    const state = responses[responseCode ?? ''];
    if (state === undefined) {
      throw new Refused(
        400,
        `OrderResponseCode ${responseCode} is none of ${Object.keys(responses).join(', ')}.`,
      );
    }
    return { state };
  },
  OrderChange(order, document, name) {
    const sequence = document.sequence ?? 0;
    if (sequence <= order.lastChange) {
      throw new Refused(
        409,
        `${name} has change ${order.lastChange} already; ${sequence} does not follow it.`,
      );
    }
    return {
      state: 'Changed',
      lastChange: sequence,
      total: document.total ?? order.total,
      lines: { ...order.lines, ...linesOf(document) },
    };
  },
  OrderCancellation: () => ({ state: 'Cancelled' }),
  DespatchAdvice(order, document, name) {
    const unknown = document.lines.find((line) => order.lines[line.orderLine] === undefined);
    if (unknown)
      throw new Refused(
        409,
        `${name} has no line ${unknown.orderLine}, which line ${unknown.id} despatches.`,
      );
    return { state: 'Despatched' };
  },
};

function place(before: Order | undefined, document: TradeDocument): Order {
  const { buyer, seller, id, type, issueDate, currency, total } = document;
  if (before !== undefined)
    throw new Refused(409, `Order ${id} of ${buyer} to ${seller} has been placed already.`);
  if (document.lines.length === 0) throw new Refused(400, `Order ${id} has no lines.`);
  const lines = linesOf(document);
  return {
    buyer,
    seller,
    id,
    state: 'Ordered',
    currency,
    total,
    lines,
    lastChange: 0,
    documents: [{ type, id, issueDate }],
  };
}

function linesOf(document: TradeDocument): Order['lines'] {
  return Object.fromEntries(
    document.lines.map(({ orderLine, item, quantity }) => [orderLine, { item, quantity }]),
  );
}
