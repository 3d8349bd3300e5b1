import {
  type AccessRule,
  Audiences,
  anonymous,
  CallAccess,
  type CursorBinding,
  isNotice,
  limits,
  openCursor,
  type Parcels,
  partsSeen,
  recordAt,
  sealCursor,
  TransactionIndex,
  type Viewer,
} from '@coco/access';
import {
  type AccessSettings,
  accessRules,
  accessSettings,
  accessUsers,
  type Caller,
  endpoints as endpointTable,
  type Policy,
  ruleOf,
  viewerOfCaller,
} from '@coco/governance';
import type { Store, Tx } from '@coco/kv';
import type { TxId } from '@coco/ledger';
import type { AppEndpoint } from '../application.ts';
import type { HttpRequest, Session } from '../event.ts';
import type { Authentication } from '../frontend/authentication.ts';
import type { Random } from '../identity.ts';

/** Whoever can say who it is, does; whoever cannot is not refused for that. */
const anyone: readonly Policy[] = ['user_cert', 'member_cert', 'jwt', 'no_auth'];
const noCaller = {};
const randomBytesDrawn = 4096;

/** A call of the app whose private side begins. */
export interface CallToBegin {
  readonly endpoint: AppEndpoint;
  readonly caller: Caller | null;
  /** Parcels at hand to it. */
  readonly parcels: Parcels;
}

/** What this node knows of who may see what; follows the tables by itself. */
export class NodeAccess {
  readonly audiences: Audiences;
  readonly index: TransactionIndex;
  readonly #store: Store;
  readonly #random: Random;
  readonly #authentication: Authentication;
  #viewers = new WeakMap<object, Viewer>();
  #rules = new WeakMap<AppEndpoint, AccessRule>();
  #settings: AccessSettings | undefined;
  #pool: Uint8Array = new Uint8Array(0);
  #drawnTo = 0;

  constructor(store: Store, random: Random, authentication: Authentication) {
    this.audiences = new Audiences(store, (length) => this.#drawn(length));
    this.index = new TransactionIndex(store);
    this.#store = store;
    this.#random = random;
    this.#authentication = authentication;
    const forget = (): void => this.#forget();
    for (const table of [accessUsers, accessRules, accessSettings, endpointTable]) {
      store.onWrite(table.name, forget);
    }
    store.onRollback(forget);
  }

  /** Whether callers of the app see references in place of transaction ids. */
  get opaqueIds(): boolean {
    return this.#inForce.opaque_ids === true;
  }

  /** Milliseconds between the beats at which transactions commit; undefined when they do at once. */
  get coverMs(): number | undefined {
    return this.#inForce.cover_ms;
  }

  get #inForce(): AccessSettings {
    this.#settings ??= accessSettings.get(this.#store.begin()) ?? {};
    return this.#settings;
  }

  /** Who a caller is to audiences. */
  viewerOf(caller: Caller | null): Viewer {
    const key = caller ?? noCaller;
    const known = this.#viewers.get(key);
    if (known) return known;
    const viewer = viewerOfCaller(this.#store.begin(), caller);
    this.#viewers.set(key, viewer);
    return viewer;
  }

  /** Who sent a request to an endpoint that asks nobody: as much as it says of itself. */
  viewerOfRequest(event: { readonly session: Session; readonly request: HttpRequest }, now: number): Viewer {
    const authenticated = this.#authentication.authenticate(anyone, event, now);
    return 'caller' in authenticated ? this.viewerOf(authenticated.caller) : anonymous;
  }

  /** What members voted for an endpoint of the app. */
  ruleOf(endpoint: AppEndpoint): AccessRule {
    const known = this.#rules.get(endpoint);
    if (known) return known;
    const name = `${endpoint.method} ${endpoint.template}`;
    const rule = ruleOf(this.#store.begin(), name, endpoint.properties.access);
    this.#rules.set(endpoint, rule);
    return rule;
  }

  /** The private side of a call. */
  beginCall(tx: Tx, { endpoint, caller, parcels }: CallToBegin): CallAccess {
    return new CallAccess(tx, {
      audiences: this.audiences,
      parcels,
      viewer: this.viewerOf(caller),
      rule: this.ruleOf(endpoint),
    });
  }

  /** Random bytes, drawn many at a time: each sealed row takes a few. */
  #drawn(length: number): Uint8Array {
    if (this.#drawnTo + length > this.#pool.length) {
      this.#pool = this.#random(Math.max(length, randomBytesDrawn));
      this.#drawnTo = 0;
    }
    this.#drawnTo += length;
    return this.#pool.subarray(this.#drawnTo - length, this.#drawnTo);
  }

  /**
   * Whether somebody may learn of a transaction: of all that are not private, and of its own. Who it is, is asked only
   * when it matters.
   */
  mayKnow(viewer: () => Viewer, seqno: number): boolean {
    const tx = this.#store.begin();
    const record = recordAt(tx, seqno);
    tx.discard();
    return (
      record === undefined ||
      isNotice(record) ||
      partsSeen(record, this.audiences.seenBy(viewer())).length > 0
    );
  }

  /** The name under which parties know a private transaction. */
  referenceOf(txId: TxId): string {
    const { secret } = this.audiences;
    if (!secret) throw new Error('there is a private transaction, and no secret');
    return secret.references.seal(txId);
  }

  /** The same for what a transaction is about to write that is private to nobody, where callers see references alone. */
  nameFor(tx: Tx, place: TxId): string {
    return this.audiences.secretFor(tx).references.seal(place);
  }

  /** The transaction that a reference names; undefined for one that was not given out here. */
  resolve(reference: string): TxId | undefined {
    const { secret } = this.audiences;
    return secret?.references.open(reference);
  }

  /** Where a list goes on after a transaction, for one caller and one question. */
  cursorAfter(seqno: number, binding: CursorBinding, now: number): string {
    const { secret } = this.audiences;
    if (!secret) throw new Error('there is a page of private transactions, and no secret');
    return sealCursor(secret, binding, { seqno, expiresMs: now + limits.cursorLifeMs }, this.#random);
  }

  /** The transaction behind a cursor; undefined for one that is not this caller's, for this question, in time. */
  behindCursor(cursor: string, binding: CursorBinding, now: number): number | undefined {
    const { secret } = this.audiences;
    return secret && openCursor(secret, binding, cursor, now);
  }

  #forget(): void {
    this.#viewers = new WeakMap();
    this.#rules = new WeakMap();
    this.#settings = undefined;
  }
}
