import type { Shelves, Viewer } from '@coco/access';
import type { ServiceStatus } from '@coco/governance';
import type { Tx } from '@coco/kv';
import type { Receipt, TxId } from '@coco/ledger';
import type { Cover } from '../access/cover.ts';
import type { EventStreams } from '../access/event-streams.ts';
import type { NodeAccess } from '../access/node-access.ts';
import type { Application } from '../application.ts';
import type { NodeConfig } from '../config.ts';
import type { ContractLog } from '../contract-log.ts';
import type { HostFacts, HttpRequest, Session } from '../event.ts';
import type { Answer } from '../frontend/answer.ts';
import type { Target } from '../frontend/target.ts';
import type { HistoricalQueries } from '../historical.ts';
import type { NodeIdentity } from '../identity.ts';
import type { Indexer } from '../indexing/indexer.ts';
import type { JoinDoor } from '../join/door.ts';
import type { ParcelKeeper } from '../parcels/parcel-keeper.ts';
import type { Replica } from '../replica.ts';
import type { UndoDesk } from '../undo/undo-desk.ts';

/** The life of a node as `/node/state` tells it. */
export type NodeStatus =
  | 'Initialized'
  | 'Pending'
  | 'PartOfPublicNetwork'
  | 'PartOfNetwork'
  | 'ReadingPublicLedger'
  | 'ReadingPrivateLedger';

/** What built-in endpoints may ask of the node. */
export interface NodeView {
  readonly config: NodeConfig;
  readonly identity: NodeIdentity;
  readonly replica: Replica;
  readonly historical: HistoricalQueries;
  readonly application: Application;
  readonly indexer: Indexer;
  readonly access: NodeAccess;
  readonly cover: Cover;
  readonly parcels: ParcelKeeper;
  readonly undo: UndoDesk;
  readonly contractLog: ContractLog;
  readonly events: EventStreams;
  readonly status: NodeStatus;
  /** As of the latest transaction; undefined before there is a service. */
  readonly serviceStatus: ServiceStatus | undefined;
  readonly startupSeqno: number;
  readonly joinDoor: JoinDoor;
  readonly stopNotice: boolean;
  /** It holds no ledger secrets, or may not use them: nothing private can be asked of it. */
  readonly verifiesOnly: boolean;
  /** The service goes on without this node. */
  readonly isRetired: boolean;
  readonly hostFacts: HostFacts | undefined;
  readonly now: number;
  /** While recovering: how far the private ledger has been read, and how far it goes. */
  readonly recovery: { readonly target: number; readonly done: number } | undefined;
  readonly versions: { readonly product: string; readonly engine: string };
}

/** One request to a built-in endpoint. */
export interface BuiltinContext {
  /** Of the request. */
  readonly id: number;
  readonly node: NodeView;
  readonly tx: Tx;
  readonly session: Session;
  readonly request: HttpRequest;
  readonly target: Target;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Who asks, as far as the connection or a token tells. */
  viewer(): Viewer;
  /** Opens rows and claims. What is in parcels that are not at hand is fetched, and the request then served again. */
  shelves(): Shelves;
}

/** A handler answers at once; waiting is done above it. */
export type Handler = (context: BuiltinContext) => Answer;

/** Status of a transaction as far as this node knows (the rules of the protocol's section 1.2.1). */
export function statusOf(replica: Replica, txId: TxId): 'Unknown' | 'Pending' | 'Committed' | 'Invalid' {
  const committed = replica.committed ?? { view: 0, seqno: 0 };
  const local = txId.seqno <= replica.store.version ? replica.viewAt(txId.seqno) : 0;
  if (committed.seqno >= txId.seqno) return local === txId.view ? 'Committed' : 'Invalid';
  if (local === txId.view) return 'Pending';
  return committed.view > txId.view ? 'Invalid' : 'Unknown';
}

/** A receipt without the fields that say nothing, in the order in which CCF writes them. */
export function receiptBody(receipt: Receipt): Record<string, unknown> {
  const { cert, leaf, leaf_components, node_id, proof, service_endorsements, signature } = receipt;
  return {
    cert,
    ...(leaf === undefined ? {} : { leaf }),
    ...(leaf_components === undefined ? {} : { leaf_components }),
    node_id,
    proof,
    ...(service_endorsements?.length ? { service_endorsements } : {}),
    signature,
  };
}
