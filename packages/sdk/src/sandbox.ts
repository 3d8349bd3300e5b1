import { SdkError } from './errors.ts';

/** A range of keys as the engine takes it. */
export interface RawRange {
  readonly from?: ArrayBuffer;
  readonly to?: ArrayBuffer;
  readonly prefix?: ArrayBuffer;
  readonly after?: ArrayBuffer;
  readonly limit?: number;
  readonly reverse?: boolean;
}

/** `ccf.kv[name]`. `range` is an extension that CCF itself does not have. */
export interface RawMap {
  readonly size: number;
  has(key: ArrayBuffer): boolean;
  get(key: ArrayBuffer): ArrayBuffer | undefined;
  getVersionOfPreviousWrite(key: ArrayBuffer): number | undefined;
  set(key: ArrayBuffer, value: ArrayBuffer): unknown;
  delete(key: ArrayBuffer): unknown;
  clear(): void;
  forEach(visit: (value: ArrayBuffer, key: ArrayBuffer) => void): void;
  range?(range: RawRange): Iterable<[key: ArrayBuffer, value: ArrayBuffer]>;
}

/** Maps by name. */
export type RawMaps = Readonly<Record<string, RawMap>>;

/** One committed transaction, with only what it wrote. */
export interface PastState {
  /** `view.seqno`. */
  readonly transactionId: string;
  /** Proves that the transaction is in the ledger; verifies offline. */
  readonly receipt: unknown;
  readonly kv: RawMaps;
}

/** An index as the engine opens it. */
export interface RawIndex {
  /** The transaction it stands at; null while it is built for the first time. */
  readonly seqno: number | null;
  readonly built: { readonly done: number; readonly of: number } | null;
  /** What it cannot be built without here. */
  readonly waits: string | null;
  readonly rows: Required<RawMap>;
}

/** `ccf.access`, an extension. */
export interface RawAccess {
  setAudience(readers: readonly string[]): void;
  setRowAudience(map: string, key: ArrayBuffer, readers: readonly string[]): void;
  setClaims(fields: Readonly<Record<string, unknown>>): void;
  caller(): { readonly id: string | null; readonly party: string | null; readonly roles: readonly string[] };
}

/** What the SDK uses of the `ccf` global. */
export interface Ccf {
  readonly kv: RawMaps;
  readonly historicalState?: PastState;
  readonly rpc: { setApplyWrites(apply: boolean): void; setClaimsDigest(digest: ArrayBuffer): void };
  readonly consensus: {
    getLastCommittedTxId(): { readonly view: number; readonly seqno: number };
    getStatusForTxId(view: number, seqno: number): string;
    getViewForSeqno(seqno: number): number | null;
  };
  readonly historical: {
    getStateRange(handle: number, from: number, to: number, keptSeconds: number): PastState[] | null;
  };
  /** An extension that CCF itself does not have. */
  readonly indexes?: { open(name: string): RawIndex };
  readonly access?: RawAccess;
  readonly crypto: { digest(algorithm: 'SHA-256', data: ArrayBuffer): ArrayBuffer };
  strToBuf(text: string): ArrayBuffer;
  bufToStr(bytes: ArrayBuffer): string;
}

/** The `ccf` global. Throws `ServiceLacks` outside a sandbox. */
export function sandbox(): Ccf {
  const { ccf } = globalThis as { ccf?: Ccf };
  if (ccf !== undefined) return ccf;
  throw new SdkError(
    'ServiceLacks',
    'there is no ccf global here: contracts run on a service, or in its tests',
  );
}
