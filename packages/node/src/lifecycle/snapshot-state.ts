import type { ViewStart } from '@coco/consensus';
import {
  historicalLedgerSecret,
  membershipOf,
  nodeInfos,
  previousServiceIdentity,
  serviceInfo,
} from '@coco/governance';
import { type ByteString, type MapName, type ReadableMapState, type Row, Store } from '@coco/kv';
import { type History, type LoadedSnapshot, parseTxId } from '@coco/ledger';
import { Memberships } from '../memberships.ts';
import type { PastService } from '../previous-services.ts';
import { SignatureIndex } from '../signature-index.ts';

/** What a node knows that begins with a snapshot. */
export interface SnapshotState {
  readonly seqno: number;
  readonly store: Store;
  readonly history: History;
  readonly signatures: SignatureIndex;
  readonly memberships: Memberships;
  readonly views: readonly ViewStart[];
  /** Nodes whose removal is committed and not recorded as such. */
  readonly retiring: readonly string[];
  /** The identity before the present one, as far as the state remembers. */
  readonly pastServices: readonly PastService[];
  readonly secretLinks: ReadonlyMap<number, ByteString>;
}

/** Makes the state that a verified snapshot restores, of all its maps or of those one may see. */
export function stateOf(snapshot: LoadedSnapshot): SnapshotState {
  const { seqno } = snapshot.txId;
  const store = Store.from(seqno, snapshot.maps);
  const tables = store.begin();
  const signatures = new SignatureIndex();
  // It was taken at a signature.
  signatures.add(seqno);
  const link = historicalLedgerSecret.versionOf(tables);
  return {
    seqno,
    store,
    history: snapshot.history,
    signatures,
    memberships: new Memberships(membershipOf(tables)),
    views: viewStarts(snapshot.viewHistory),
    retiring: [...nodeInfos.entries(tables)]
      .filter(([, info]) => info.status === 'Retired' && info.retired_committed !== true)
      .map(([id]) => id),
    pastServices: pastServiceOf(tables),
    secretLinks: new Map(link === undefined ? [] : rawLinks(snapshot, link)),
  };
}

function* rawLinks(snapshot: LoadedSnapshot, version: number): Generator<[number, ByteString]> {
  for (const { value } of snapshot.rows(historicalLedgerSecret.name)) yield [version, value];
}

/** A list without holes becomes one of the views that have entries: of those that begin together, the last. */
function viewStarts(starts: readonly number[]): ViewStart[] {
  return starts.flatMap((seqno, i) => (starts[i + 1] === seqno ? [] : [{ view: i + 1, seqno }]));
}

function pastServiceOf(tables: ReadableMapState): PastService[] {
  const certificatePem = previousServiceIdentity.get(tables);
  const created = serviceInfo.get(tables)?.current_service_create_txid;
  if (certificatePem === undefined || created === undefined) return [];
  return [{ until: parseTxId(created).seqno - 1, certificatePem }];
}

/** The private maps of a snapshot that was read with its secrets. */
export function* privateMaps(snapshot: LoadedSnapshot): Generator<[MapName, Iterable<Row>]> {
  for (const [name, rows] of snapshot.maps) if (!name.startsWith('public:')) yield [name, rows];
}
