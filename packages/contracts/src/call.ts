import type { CallAccess } from '@coco/access';
import type { ByteString, ReadableMapState, Tx, WriteSet } from '@coco/kv';
import type { TxId } from '@coco/ledger';
import type { IndexProgress } from './indexing/declaration.ts';

/** Source texts of an app or constitution by module key: `/dir/file.js`. */
export type Modules = ReadonlyMap<string, string>;

/** What a handler may do: decides which tables it may write, and which interpreters it shares. */
export type CallMode = 'readwrite' | 'readonly' | 'historical';

/** Who is looking at a table, in the words error messages use. */
export type ExecutionContext =
  | 'application'
  | 'read-only application'
  | 'read-only governance'
  | 'read-write governance';

/** What may be done with a table. `reserved`: even naming it is refused. */
export type TableAccess = 'read-write' | 'read-only' | 'write-only' | 'none' | 'reserved';

/** Decides what code may do with a table. Pure: asked once per name and remembered. */
export type AccessRule = (name: string, context: ExecutionContext) => TableAccess;

/** An HTTP request as a handler sees it. Nothing here is decoded again. */
export interface CallRequest {
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Without the question mark. */
  readonly query: string;
  readonly path: string;
  readonly url: string;
  readonly route: string;
  readonly method: string;
  readonly hostname: string | null;
  /** Raw values of the template's parameters. */
  readonly params: Readonly<Record<string, string>>;
  readonly body: ByteString;
  /** JSON-able, or null. Bytes anywhere inside are written `{ $bytes: ByteString }` and arrive as ArrayBuffer. */
  readonly caller: unknown;
}

/** One committed transaction, with only what it wrote. */
export interface HistoricalState {
  readonly transactionId: string;
  /** JSON-able receipt, handed to the handler as it is. */
  readonly receipt: unknown;
  readonly writeSet: WriteSet;
}

/** One call of one exported function. */
export interface Call {
  /** Module key; a missing leading slash is added. */
  readonly module: string;
  readonly export: string;
  readonly mode: CallMode;
  readonly request: CallRequest;
  /** What `ccf.historicalState` shows, in mode `historical`. */
  readonly historical?: HistoricalState;
  /** `interpreter_reuse.key`: this call shares an interpreter, and its globals, with others of the same key. */
  readonly reuseKey?: string;
  /** What every clock inside the call shows, ms since 1970. */
  readonly now: number;
}

/** A call that waits its turn in a batch; its transaction is begun by the host when the turn comes. */
export type PendingCall = Call;

/** Something the code printed. */
export interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly text: string;
}

/** Why a call failed; the texts are those of CCF. */
export interface Failure {
  readonly kind: 'failed';
  readonly code: 'InternalError';
  readonly message: string;
  /** The exception; for the log, and for the client only if the service says so. */
  readonly detail?: { readonly reason: string; readonly trace?: string };
  /** Which limit ended the call, if one did. */
  readonly limit?: 'time' | 'heap' | 'stack';
  readonly log: readonly LogLine[];
}

/** What a handler answered. Its writes are in the transaction already; whether they count is the host's. */
export interface Response {
  readonly kind: 'response';
  readonly status: number;
  /** Lower-case names; holds `content-type` whenever there is a body. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: ByteString;
  /** Said by `ccf.rpc.setApplyWrites`; otherwise the status decides. */
  readonly applyWrites?: boolean;
  /** Said by `ccf.rpc.setClaimsDigest`, 32 bytes. */
  readonly claimsDigest?: ByteString;
  /** The code looked at a clock: what it answered and wrote may follow from `Call.now`. */
  readonly sawTime?: boolean;
  /** The code looked at past states: what it wrote may follow from values that it did not read in its transaction. */
  readonly sawPast?: boolean;
  readonly log: readonly LogLine[];
}

export type Outcome = Response | Failure;

/** The side of the host that a batch talks to. */
export interface BatchHost {
  readonly world: AppWorld;
  /**
   * A transaction for the call at `index`. Called again for the same index when an attempt was cut short by
   * another call of its batch: the earlier transaction is then to be dropped.
   */
  begin(index: number): Tx;
  /**
   * The private side of the call at `index`, over the transaction that was begun for it. Asked for only when the
   * call has to do with audiences; a host without it keeps no rows that have them.
   */
  access?(index: number): CallAccess;
  /** The call at `index` is over. Comes once per call, in order, before the next `begin`. */
  settle(index: number, outcome: Outcome): void;
}

/** What app code may ask of the node beside its transaction. */
export interface AppWorld {
  readonly consensus: {
    lastCommitted(): TxId;
    statusOf(txId: TxId): 'Unknown' | 'Pending' | 'Committed' | 'Invalid';
    viewOf(seqno: number): number | null;
  };
  readonly historical: {
    /** Null while it loads. */
    stateRange(
      handle: number,
      start: number,
      end: number,
      expirySeconds: number,
    ): readonly HistoricalState[] | null;
    drop(handle: number): boolean;
  };
  /** An index by its name; undefined when the contract declares no such index, or the host keeps none. */
  readonly indexes?: { open(name: string): IndexView | undefined };
  random(length: number): Uint8Array;
  access: AccessRule;
}

/** An index as it is read: its rows are in the map `rows` of `state`. */
export interface IndexView extends IndexProgress {
  readonly state: ReadableMapState;
}

/**
 * What may pass between governance code and a host function: JSON-able values, `undefined`, and bytes, which
 * are a `Uint8Array` here and an ArrayBuffer inside.
 */
export type HostValue =
  | undefined
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly HostValue[]
  | { readonly [name: string]: HostValue };

/** Host functions by the path at which code finds them: `ccf.node.triggerSnapshot`. May throw. */
export type HostFunctions = Readonly<Record<string, HostFunction>>;

/** `arity` is how many arguments it takes, exactly, or at most when `optional` of them may be left out. */
export interface HostFunction {
  readonly arity: number;
  readonly optional?: number;
  readonly call: (...args: readonly HostValue[]) => HostValue;
}

/** Everything an evaluation may reach. */
export interface EvaluationWorld {
  readonly tx: Tx;
  readonly access: (name: string) => TableAccess;
  /** Used in the text of refusals. */
  readonly context: ExecutionContext;
  readonly functions: HostFunctions;
  readonly now: number;
  random(length: number): Uint8Array;
}

/** What is evaluated. */
export interface EvaluationSource {
  readonly modules: Modules;
  /** Key of the module that exports the function. */
  readonly entry: string;
}

/** How an evaluation ended. Never an exception of the host. */
export type EvaluationResult =
  | { readonly kind: 'returned'; readonly value: HostValue; readonly log: readonly LogLine[] }
  | {
      readonly kind: 'threw';
      readonly failure: { readonly reason: string; readonly trace?: string };
      readonly limit?: 'time' | 'heap' | 'stack';
      readonly log: readonly LogLine[];
    }
  /** The module does not parse or link, or exports no such function. */
  | { readonly kind: 'missing'; readonly message: string; readonly log: readonly LogLine[] };
