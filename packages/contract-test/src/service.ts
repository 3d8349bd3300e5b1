import type { AudienceId, CallAccess } from '@coco/access';
import type { Bundle, PlacedEndpoint } from '@coco/contract-build';
import type { App, AppWorld, Call, HistoricalState, Outcome, RuntimeOptions } from '@coco/contracts';
import {
  authenticate,
  type ClientCertificate,
  type Credentials,
  type Policy,
  tableAccess,
  transactionTime,
} from '@coco/governance';
import {
  type ByteString,
  byteStringToBytes,
  bytesToByteString,
  Store,
  type Tx,
  utf8ToByteString,
} from '@coco/kv';
import { formatTxId, parseTxId, type TxId } from '@coco/ledger';
import { refusal, type TestResponse } from './answer.ts';
import { seededBytes } from './chance.ts';
import { type Client, clientOver, type TestRequest } from './client.ts';
import { TestServiceError } from './errors.ts';
import { TestIndexes } from './indexes.ts';
import { TestLedger } from './ledger.ts';
import { limits } from './limits.ts';
import { enrol, type Person, type PersonOptions, TokenIssuer } from './people.ts';
import { PrivateSide } from './private-side.ts';
import { type ShownMaps, showText, showValue, showWrites } from './readable.ts';
import { type Found, routesOf } from './routes.ts';
import { undoneOf } from './undone.ts';

/** How a service for tests begins. */
export interface ServiceOptions {
  /** What the first request's clock shows (default 2026-01-01T00:00:00Z). */
  readonly now?: number | string;
  /** Makes `Math.random` and generated keys of the contract the same again (default `coco`). */
  readonly seed?: string;
  /** Limits of the contract, by the names under which members set them. */
  readonly limits?: RuntimeOptions;
  /** Whether what is written is committed at once (default true); otherwise `commit()` says when. */
  readonly commitsAtOnce?: boolean;
}

/** A contract that is ready to run. */
export interface Installed {
  readonly app: App;
  readonly bundle: Bundle;
  /** One service's alone among those that share the app: interpreters are not shared across it. */
  readonly lane: string;
}

/** The clock that every call of the contract sees. */
export interface Clock {
  /** Ms since 1970. */
  now: number;
  advance(ms: number): void;
}

/** Who sends a request: by certificate, by token, by both, or nobody. */
interface Sender {
  readonly person?: Person;
  readonly token?: string;
}

const present = Date.UTC(2026, 0, 1);
const forever: Pick<ClientCertificate, 'notBefore' | 'notAfter'> = { notBefore: 0, notAfter: 8.64e15 };

/** A contract on a service of its own, in the process of the test. */
export class TestService {
  readonly clock: Clock;
  /** While true, the past is not at hand yet: historical requests are answered with 202. */
  historyIsLoading = false;
  /** Whether indexes follow every commit (default), or stay behind until `index()`. */
  indexing: 'follows' | 'waits' = 'follows';

  readonly #app: App;
  readonly #lane: string;
  readonly #bundle: Bundle;
  readonly #find: (method: string, path: string) => Found;
  readonly #store = new Store();
  readonly #ledger = new TestLedger();
  readonly #indexes: TestIndexes;
  readonly #people = new Map<string, Person>();
  readonly #world: AppWorld;
  readonly #private: PrivateSide;
  readonly #commitsAtOnce: boolean;
  #issuer: TokenIssuer | undefined;

  constructor(installed: Installed, options: ServiceOptions = {}) {
    const { app, bundle, lane } = installed;
    this.#app = app;
    this.#lane = lane;
    this.#bundle = bundle;
    this.#find = routesOf(bundle);
    this.#indexes = new TestIndexes(bundle, app);
    this.clock = clockFrom(options.now);
    this.#commitsAtOnce = options.commitsAtOnce ?? true;
    const random = seededBytes(options.seed ?? 'coco');
    this.#world = this.#worldOf(random);
    this.#private = new PrivateSide(this.#store, random);
  }

  /** A user by name; made known to governance when first named, or when something new is said of them. */
  user(name: string, options?: PersonOptions): Person {
    return this.#person('user', name, options);
  }

  /** A member by name. */
  member(name: string, options?: PersonOptions): Person {
    return this.#person('member', name, options);
  }

  /** Somebody with a certificate that governance does not know. */
  stranger(name: string, options?: PersonOptions): Person {
    return this.#person('stranger', name, options);
  }

  /** A bearer token with these claims, signed by an issuer that members trust; valid for an hour. */
  token(claims: Readonly<Record<string, unknown>> = {}): string {
    if (this.#issuer === undefined) {
      const issuer = new TokenIssuer();
      this.#govern((tx) => issuer.install(tx));
      this.#issuer = issuer;
    }
    const seconds = Math.floor(this.clock.now / 1000);
    return this.#issuer.token({ exp: seconds + limits.tokenSeconds, ...claims });
  }

  /** The service as somebody sees it; a name stands for the user of that name. */
  as(who: Person | string, more: { readonly token?: string } = {}): Client {
    const person = typeof who === 'string' ? this.user(who) : who;
    return clientOver((request) => this.#send({ person, ...more }, request));
  }

  /** The service as the bearer of a token sees it; claims in place of a token are made into one. */
  withToken(token: string | Readonly<Record<string, unknown>>): Client {
    const text = typeof token === 'string' ? token : this.token(token);
    return clientOver((request) => this.#send({ token: text }, request));
  }

  /** The service as anybody sees it. */
  get anybody(): Client {
    return clientOver((request) => this.#send({}, request));
  }

  /**
   * Runs a compensation that the contract declares over the latest state, as an undo of these transactions does that
   * members vote for. Throws `ContractUnusable` for one that is not declared.
   */
  makeUp(name: string, ...transactionIds: readonly string[]): TestResponse {
    const declared = this.#bundle.metadata.compensations?.find(({ js_function }) => js_function === name);
    if (declared === undefined)
      throw new TestServiceError('ContractUnusable', `the contract declares no compensation ${name}`);
    const seqnos = transactionIds.map((id) => parseTxId(id).seqno).sort((a, b) => a - b);
    const { body, onBehalfOf } = undoneOf(this.#ledger, this.#private, seqnos);
    const call: Call = {
      module: declared.js_module,
      export: name,
      mode: 'readwrite',
      request: {
        headers: { 'content-type': 'application/json' },
        query: '',
        path: '/undo',
        url: '/undo',
        route: '/undo',
        method: 'POST',
        hostname: null,
        params: {},
        body: utf8ToByteString(body),
        caller: { policy: 'no_auth' },
      },
      now: 0,
    };
    const props = {
      ...declared,
      mode: 'readwrite',
      authn_policies: ['no_auth'],
      forwarding_required: 'always',
    };
    const endpoint: PlacedEndpoint = { route: 'undo', method: 'POST', path: '/undo', props };
    return this.#call(call, endpoint, onBehalfOf);
  }

  /** Commits up to a transaction, or all that was written. */
  commit(transactionId?: string): void {
    const seqno = transactionId === undefined ? this.#ledger.seqno : parseTxId(transactionId).seqno;
    this.#ledger.committed = Math.max(this.#ledger.committed, Math.min(seqno, this.#ledger.seqno));
    if (this.indexing === 'follows') this.index();
  }

  /** Brings indexes to the last commit. */
  index(): void {
    this.#indexes.followTo(this.#ledger);
  }

  /** `view.seqno` of the last transaction. */
  get lastTransactionId(): string {
    return formatTxId({ view: this.#ledger.view, seqno: this.#ledger.seqno });
  }

  /** The certificate against which receipts verify, PEM. */
  get serviceCertificate(): string {
    return this.#ledger.serviceCertificate;
  }

  /** The receipt of a committed transaction. Throws `NotCommitted`. */
  receipt(transactionId: string): unknown {
    const txId = parseTxId(transactionId);
    if (this.#ledger.statusOf(txId) === 'Committed') return this.#ledger.receiptOf(txId.seqno);
    throw new TestServiceError('NotCommitted', `${transactionId} is ${this.#ledger.statusOf(txId)}`);
  }

  /** What a map holds now, keys in their order. */
  content(map: string): ShownMaps[string] {
    const rows = [...this.#store.begin().range(map)];
    return Object.fromEntries(rows.map(({ key, value }) => [showText(key), showValue(value)]));
  }

  #person(kind: Person['kind'], name: string, options?: PersonOptions): Person {
    const known = this.#people.get(`${kind} ${name}`);
    if (known !== undefined && options === undefined) return known;
    const person = this.#govern((tx) => enrol(tx, kind, name, options ?? {}));
    this.#people.set(`${kind} ${name}`, person);
    return person;
  }

  /** A change that members voted for, as far as the contract can tell. */
  #govern<T>(change: (tx: Tx) => T): T {
    const tx = this.#store.begin();
    const result = change(tx);
    this.#write(tx, undefined);
    return result;
  }

  #write(tx: Tx, claims: ByteString | undefined): TxId | 'read-only' | 'conflict' {
    const committed = tx.commit();
    if (committed.kind !== 'committed') return committed.kind;
    const txId = this.#ledger.append(committed.writeSet, claims);
    if (this.#commitsAtOnce) this.commit();
    return txId;
  }

  #send(sender: Sender, request: TestRequest): TestResponse {
    const [path = '', written = ''] = request.path.split('?', 2);
    const local = path.replace(/^\/app(?=\/)/, '');
    const found = this.#find(request.method, local);
    if (found.kind === 'not-found') return refusal(404, 'ResourceNotFound', `Unknown path: ${path}.`);
    if (found.kind === 'method-not-allowed') {
      const allow = found.allow.join(', ');
      const message = `Allowed methods for ${path} are: ${allow}.`;
      return refusal(405, 'UnsupportedHttpVerb', message, { headers: { allow } });
    }
    const body = bodyOf(request.body);
    const headers = headersOf(sender, request);
    const credentials = { headers, body, certificate: certificateOf(sender.person) };
    const caller = this.#authenticate(found.endpoint, credentials);
    if ('refused' in caller) return caller.refused;
    const past = this.#pastFor(found.endpoint, headers);
    if (past !== undefined && 'status' in past) return past;
    const query = queryOf(written, request.query);
    const call: Call = {
      module: found.endpoint.props.js_module,
      export: found.endpoint.props.js_function,
      mode: found.endpoint.props.mode as Call['mode'],
      request: {
        headers,
        query,
        path,
        url: query === '' ? path : `${path}?${query}`,
        route: `/app${found.endpoint.path}`,
        method: request.method,
        hostname: headers.host ?? null,
        params: found.params,
        body: bytesToByteString(body),
        caller: caller.caller,
      },
      now: this.clock.now,
      ...(past === undefined ? {} : { historical: past }),
      ...this.#reuseOf(found.endpoint),
    };
    return this.#call(call, found.endpoint);
  }

  #authenticate(
    endpoint: PlacedEndpoint,
    credentials: Credentials,
  ): { readonly caller: unknown } | { readonly refused: TestResponse } {
    const policies = endpoint.props.authn_policies as readonly Policy[];
    const verdict = authenticate(this.#store.begin(), policies, credentials, this.clock.now);
    if (verdict.kind === 'authenticated') return { caller: verdict.caller };
    const { status, code, message, details, challenge } = verdict;
    const more = {
      ...(details === undefined ? {} : { details }),
      ...(challenge === undefined ? {} : { headers: { 'www-authenticate': challenge } }),
    };
    return { refused: refusal(status, code, message, more) };
  }

  /** What a historical endpoint looks at, or the answer in place of it. */
  #pastFor(
    endpoint: PlacedEndpoint,
    headers: Readonly<Record<string, string>>,
  ): HistoricalState | TestResponse | undefined {
    if (endpoint.props.mode !== 'historical') return undefined;
    const given = headers['x-ms-ccf-transaction-id'];
    if (given === undefined || !/^[1-9]\d*\.[1-9]\d*$/.test(given)) {
      return refusal(404, 'TransactionInvalid', 'Could not extract Transaction Id');
    }
    const txId = parseTxId(given);
    const status = this.#ledger.statusOf(txId);
    if (status === 'Invalid') return refusal(404, 'TransactionInvalid', `Transaction ${given} is invalid.`);
    if (status !== 'Committed') {
      const message = `Only committed transactions can be queried. Transaction ${given} is ${status}`;
      const uncached = { headers: { 'cache-control': 'no-cache' } };
      return refusal(404, 'TransactionPendingOrUnknown', message, uncached);
    }
    if (!this.historyIsLoading) return this.#ledger.stateAt(txId.seqno);
    const loading = `Historical transaction ${given} is not currently available.`;
    const headersThen = { 'content-type': 'text/plain', 'retry-after': '3' };
    return { ...refusal(202, '', ''), headers: headersThen, body: loading };
  }

  #call(call: Call, endpoint: PlacedEndpoint, onBehalfOf?: readonly AudienceId[]): TestResponse {
    for (let attempt = 0; attempt < limits.attemptsMax; attempt++) {
      const settled = this.#attempt(call, endpoint, onBehalfOf);
      if (settled !== 'conflict') return settled;
    }
    return refusal(
      503,
      'TransactionCommitAttemptsExceedLimit',
      'Others wrote what this read, again and again.',
    );
  }

  #attempt(
    call: Call,
    endpoint: PlacedEndpoint,
    onBehalfOf?: readonly AudienceId[],
  ): TestResponse | 'conflict' {
    let tx = this.#store.begin();
    let access: CallAccess | undefined;
    const openAccess = (): CallAccess => {
      access ??= this.#private.open(tx, endpoint, call.request.caller, onBehalfOf);
      return access;
    };
    let outcome: Outcome | undefined;
    this.#app.execute([call], {
      world: this.#world,
      begin: () => {
        tx = this.#store.begin();
        access = undefined;
        return tx;
      },
      access: openAccess,
      settle: (_, settled) => {
        outcome = settled;
      },
    });
    if (outcome === undefined) throw new TestServiceError('ContractUnusable', 'the engine settled no call');
    if (outcome.kind === 'failed') {
      const { message, detail, log } = outcome;
      const failure = detail ?? { reason: message };
      return { ...refusal(500, 'InternalError', message), log, failure };
    }
    const applies = outcome.applyWrites ?? (outcome.status >= 200 && outcome.status < 300);
    if (endpoint.props.access?.audience !== undefined) openAccess();
    const recorded =
      applies && access
        ? this.#private.record(access, this.#ledger.next, { now: call.now, route: endpoint.route })
        : undefined;
    if (recorded instanceof Error) {
      const failure = { reason: recorded.message };
      return { ...refusal(500, 'InternalError', recorded.message), log: outcome.log, failure };
    }
    const writeSet = tx.writeSet();
    if (applies && outcome.sawTime && tx.wrote) transactionTime.set(tx, call.now);
    const txId = applies ? this.#write(tx, recorded?.claimsDigest ?? outcome.claimsDigest) : 'read-only';
    if (txId === 'conflict') return txId;
    const headers = Object.fromEntries(outcome.headers);
    return {
      status: outcome.status,
      headers,
      body: parseBody(outcome.body, headers['content-type']),
      transactionId: txId === 'read-only' ? undefined : formatTxId(txId),
      writes: txId === 'read-only' ? {} : showWrites(this.#private.opened(writeSet)),
      log: outcome.log,
      failure: undefined,
    };
  }

  #reuseOf({ props }: PlacedEndpoint): Pick<Call, 'reuseKey'> {
    const reuse = props.interpreter_reuse;
    return reuse === undefined ? {} : { reuseKey: `${this.#lane} ${reuse.key}` };
  }

  #worldOf(random: (length: number) => Uint8Array): AppWorld {
    const ledger = this.#ledger;
    return {
      random,
      access: tableAccess,
      consensus: {
        lastCommitted: () => ({ view: ledger.view, seqno: ledger.committed }),
        statusOf: (txId) => ledger.statusOf(txId),
        viewOf: (seqno) => (seqno >= 1 && seqno <= ledger.seqno ? ledger.view : null),
      },
      historical: {
        stateRange: (_, start, end) => {
          if (this.historyIsLoading || start < 1 || end < start || end > ledger.committed) return null;
          return Array.from({ length: end - start + 1 }, (_, i) => ledger.stateAt(start + i));
        },
        drop: () => false,
      },
      indexes: this.#indexes,
    };
  }
}

function clockFrom(now: number | string = present): Clock {
  return {
    now: typeof now === 'string' ? Date.parse(now) : now,
    advance(ms) {
      this.now += ms;
    },
  };
}

function certificateOf(person: Person | undefined): ClientCertificate | null {
  return person === undefined
    ? null
    : { ...forever, id: person.id, pem: person.pem, publicKey: { id: person.id } };
}

function headersOf(sender: Sender, request: TestRequest): Record<string, string> {
  const given = Object.entries(request.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]);
  return {
    host: 'localhost',
    ...(isJson(request.body) ? { 'content-type': 'application/json' } : {}),
    ...(sender.token === undefined ? {} : { authorization: `Bearer ${sender.token}` }),
    ...(request.transactionId === undefined ? {} : { 'x-ms-ccf-transaction-id': request.transactionId }),
    ...Object.fromEntries(given),
  };
}

function isJson(body: unknown): boolean {
  return body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array);
}

function bodyOf(body: unknown): Uint8Array {
  if (body === undefined) return new Uint8Array(0);
  if (body instanceof Uint8Array) return body;
  return byteStringToBytes(utf8ToByteString(typeof body === 'string' ? body : JSON.stringify(body)));
}

/** As the node hands it on: decoded as a whole, once. */
function queryOf(written: string, query: TestRequest['query'] = {}): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined);
  const said = pairs.map(([name, value]) => `${name}=${value}`);
  return [...(written === '' ? [] : [decodeURIComponent(written.replaceAll('+', ' '))]), ...said].join('&');
}

function parseBody(body: ByteString, contentType = ''): unknown {
  if (body === '') return undefined;
  const bytes = byteStringToBytes(body);
  if (contentType.startsWith('application/octet-stream')) return bytes;
  const text = new TextDecoder().decode(bytes);
  return contentType.startsWith('application/json') ? JSON.parse(text) : text;
}
