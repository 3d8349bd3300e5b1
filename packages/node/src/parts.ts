import type { Origin } from '@coco/consensus';
import type { Engine } from '@coco/contracts';
import type { Attester } from './attester.ts';
import type { NodeConfig } from './config.ts';
import type { Correspondence } from './correspondence.ts';
import type { HostFacts } from './event.ts';
import type { Forwarding } from './forwarding.ts';
import type { KnownService, NodeIdentity, Random } from './identity.ts';
import type { ReopeningStart } from './lifecycle/reopening.ts';
import type { Outbox } from './outbox.ts';
import type { PreviousServices } from './previous-services.ts';
import type { ReplicaState } from './replica.ts';
import type { Seat } from './seat.ts';
import type { Acquaintance } from './wire.ts';

/** What stays with a node for its whole life. */
export interface NodeParts {
  readonly config: NodeConfig;
  readonly engine: Engine;
  readonly random: Random;
  readonly identity: NodeIdentity;
  readonly versions: { readonly product: string; readonly engine: string };
  readonly outbox: Outbox;
  readonly world: Correspondence;
  readonly attester: Attester;
  /** Wall clock of the latest tick, ms. */
  readonly clock: { now: number; host: HostFacts | undefined };
}

/** What a node begins to serve with: made at genesis or brought back by recovery. */
export interface Beginning {
  readonly state: ReplicaState;
  readonly origin: Origin;
  readonly service: KnownService;
  /** PEM of the node's certificate endorsed by the service. */
  readonly endorsedPem: string;
  readonly previousServices: PreviousServices;
  readonly cose: { readonly issuer: string; readonly subject: string };
  /** Nodes the service named when it admitted this one. */
  readonly introduced?: readonly Acquaintance[];
  readonly reopening: ReopeningStart;
  /** What a node keeps whose state a snapshot replaces. */
  readonly kept?: Kept;
}

/** What outlives the state of a node. */
export interface Kept {
  readonly seat: Seat;
  readonly forwarding: Forwarding;
  /** Whether the node has ever seen itself in the tables. */
  readonly tookPart: boolean;
}
