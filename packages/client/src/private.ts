import { disclose as discloseFields, openClaims, type Presentation } from '@coco/access';
import { type ClaimsOut, contentType, header, type ListedOut, type LookOut } from '@coco/api';
import { type Receipt, type VerifiedReceipt, verifyReceipt } from '@coco/ledger';
import { accepted, jsonOf } from './answer.ts';
import { ClientError } from './errors.ts';
import { untilAvailable } from './historical.ts';
import { attemptsMax, pollDelayMaxMs } from './limits.ts';
import { list } from './lists.ts';
import { type CheckedReceipt, checkReceipt } from './receipts.ts';
import type { Session } from './session.ts';

/** Which private transactions; all that is said holds together. Times are ISO 8601. */
export interface TransactionFilter {
  readonly order?: 'newest' | 'oldest';
  readonly from?: string;
  readonly to?: string;
  /** Method and template: `POST /orders`. */
  readonly endpoint?: string;
  /** Who called: `party:NAME`, `user:ID`. */
  readonly by?: string;
  /** A party that may see it. */
  readonly party?: string;
  /** That wrote `key` of `map`. */
  readonly map?: string;
  readonly key?: string;
  /** A grant by which to look at what is not one's own; the look is recorded. */
  readonly grant?: string;
  /** Transactions on a page, 1 to 1000. */
  readonly limit?: number;
}

/**
 * The private transactions that the caller may see, page after page.
 *
 * @example for await (const { reference } of privateTransactions(session, { party: 'mill' })) { ... }
 */
export function privateTransactions(
  session: Session,
  filter: TransactionFilter = {},
): AsyncGenerator<ListedOut, void, undefined> {
  return list<ListedOut>(session, `/app/transactions${queryOf(filter)}`);
}

/** Who looked, by a grant, at what the caller may see; the newest first, page after page. */
export function looks(session: Session): AsyncGenerator<LookOut, void, undefined> {
  return list<LookOut>(session, '/app/access/looks');
}

/** A transaction as it was committed, and where to go on after it. */
export interface TransactionEvent {
  readonly cursor: string;
  readonly transaction: ListedOut;
}

/**
 * The caller's private transactions as they are committed, for as long as the caller goes on asking. A stream that
 * breaks is taken up after the last event, at another node if need be; `cursor` takes up one of an earlier session.
 */
export async function* transactionEvents(
  session: Session,
  options: Pick<TransactionFilter, 'from' | 'endpoint' | 'by' | 'party'> & {
    readonly cursor?: string;
    /** Ends the iteration. */
    readonly signal?: AbortSignal;
  } = {},
): AsyncGenerator<TransactionEvent, void, undefined> {
  const { signal, ...filter } = options;
  let { cursor } = options;
  let failures = 0;
  const isOver = (): boolean => signal?.aborted === true;
  while (!isOver()) {
    const headers = {
      [header.accept]: contentType.eventStream,
      ...(cursor === undefined ? {} : { [header.lastEventId]: cursor }),
    };
    const path = `/app/events${queryOf({ ...filter, cursor: undefined })}`;
    try {
      for await (const event of eventsIn(session.stream({ method: 'GET', path, headers }, signal))) {
        cursor = event.cursor;
        failures = 0;
        yield event;
      }
    } catch (error) {
      const broke = error instanceof ClientError && error.code === 'Interrupted';
      const isGone = error instanceof ClientError && error.code === 'Unreachable';
      if (!broke && !(isGone && ++failures < attemptsMax)) throw error;
    }
    if (!isOver()) await session.world.sleep(pollDelayMaxMs);
  }
}

async function* eventsIn(pieces: AsyncIterable<string>): AsyncGenerator<TransactionEvent, void, undefined> {
  let rest = '';
  for await (const piece of pieces) {
    const blocks = (rest + piece).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const cursor = /^id: (.*)$/m.exec(block)?.[1];
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (cursor !== undefined && data !== undefined)
        yield { cursor, transaction: JSON.parse(data) as ListedOut };
    }
  }
}

/** The receipt of a private transaction, verified. */
export async function receiptOfReference(
  session: Session,
  reference: string,
  options: { readonly waitMs?: number; readonly grant?: string } = {},
): Promise<CheckedReceipt> {
  const path = `/app/transactions/${reference}/receipt${queryOf({ grant: options.grant })}`;
  const answer = accepted(await untilAvailable(session, { method: 'GET', path }, options), path);
  return checkReceipt(session, jsonOf<Receipt>(answer));
}

/** What can be shown to an outsider: a receipt, and fields of what the transaction claimed. */
export interface Disclosure {
  readonly receipt: Receipt;
  readonly claims: Presentation;
}

/**
 * Fetches the receipt and the claims of a private transaction and keeps of the claims these fields (all, if none are
 * named). Throws AccessError `DisclosureInvalid` when there is no such field.
 */
export async function discloseTransaction(
  session: Session,
  reference: string,
  options: { readonly fields?: readonly string[]; readonly waitMs?: number } = {},
): Promise<Disclosure> {
  const path = `/app/transactions/${reference}/claims`;
  const claims = jsonOf<ClaimsOut>(accepted(await session.request({ method: 'GET', path }), path));
  const { receipt } = await receiptOfReference(session, reference, options);
  const { fields = [] } = options;
  const shown = { receipt, claims: fields.length === 0 ? claims : discloseFields(claims, fields) };
  verifyDisclosure(shown, session.serviceCertificate);
  return shown;
}

/** What a disclosure proves. */
export interface VerifiedDisclosure {
  readonly fields: ReadonlyMap<string, unknown>;
  readonly proves: VerifiedReceipt;
}

/**
 * Verifies, offline, that the disclosed fields were claimed by the transaction of the receipt. Throws AccessError
 * `DisclosureInvalid`, and what `verifyReceipt` throws.
 */
export function verifyDisclosure(disclosure: Disclosure, serviceCertificate: string): VerifiedDisclosure {
  const { digest, fields } = openClaims(disclosure.claims);
  const proves = verifyReceipt(disclosure.receipt, serviceCertificate, { claimsDigest: digest });
  return { fields, proves };
}

function queryOf(filter: Readonly<Record<string, string | number | undefined>> | TransactionFilter): string {
  const given = Object.entries(filter).filter(([, value]) => value !== undefined);
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  return query.size === 0 ? '' : `?${query}`;
}
