import { type StandingRecord as StandingRow, standings } from '@coco/governance';
import { type ReadableMapState, type Store, utf8ToByteString } from '@coco/kv';
import {
  parseCoseSignatureValue,
  parseRootSignature,
  parseTxId,
  type StandingProof,
  type StandingRecord,
  type StandingRoot,
  Standings,
  singletonKey,
  type TxId,
  tables,
} from '@coco/ledger';

/** Where transactions stand that were ever undone, from the table of this replica. */
export class StandingBook {
  readonly #store: Store;
  readonly #viewAt: (seqno: number) => number;
  #latest: Standings | undefined;
  /** Of the latest committed signature that somebody asked about. */
  #committed: { readonly seqno: number; readonly standings: Standings } | undefined;

  constructor(store: Store, viewAt: (seqno: number) => number) {
    this.#store = store;
    this.#viewAt = viewAt;
    const forget = (): void => {
      this.#latest = undefined;
      this.#committed = undefined;
    };
    store.onWrite(standings.name, forget);
    store.onRollback(forget);
  }

  /** What the next signature says; undefined while nothing was undone. */
  get root(): StandingRoot | undefined {
    return this.#now().root;
  }

  /** What undid a transaction that is undone, as of the latest version. */
  undoneBy(txId: TxId): TxId | undefined {
    const record = this.#now().find(txId);
    return record?.standing === 'undone' ? record.by : undefined;
  }

  /**
   * Proves where a transaction stood at a committed signature, which must be the version given. Undefined while
   * that is about to change: what was true a moment ago would be proven for ever.
   */
  prove(txId: TxId, signatureSeqno: number): StandingProof | undefined {
    const state = this.#store.at(signatureSeqno);
    if (this.#committed?.seqno !== signatureSeqno)
      this.#committed = { seqno: signatureSeqno, standings: this.#standingsIn(state) };
    const [known, coming] = [this.#committed.standings.find(txId), this.#now().find(txId)];
    if (known?.by.seqno !== coming?.by.seqno) return undefined;
    const { view, seqno, root } = parseRootSignature(valueIn(state, tables.signatures));
    const cose = parseCoseSignatureValue(valueIn(state, tables.coseSignatures));
    return this.#committed.standings.prove(txId, { txId: { view, seqno }, root, cose });
  }

  #now(): Standings {
    if (this.#latest) return this.#latest;
    const tx = this.#store.begin();
    this.#latest = this.#standingsIn(tx);
    tx.discard();
    return this.#latest;
  }

  #standingsIn(state: ReadableMapState): Standings {
    return new Standings([...standings.entries(state)].map(([id, row]) => this.#recordOf(state, id, row)));
  }

  #recordOf(state: ReadableMapState, id: string, { standing }: StandingRow): StandingRecord {
    const seqno = state.versionOf(standings.name, utf8ToByteString(id)) ?? 0;
    return { txId: parseTxId(id), standing, by: { view: this.#viewAt(seqno), seqno } };
  }
}

function valueIn(state: ReadableMapState, table: string): string {
  const value = state.get(table, singletonKey);
  if (value === undefined) throw new Error(`a signed state has no ${table}`);
  return value;
}
