import type { Engine } from '@coco/contracts';
import { type ByteString, byteStringToUtf8, type MapName, Store, type Tx, type WriteSet } from '@coco/kv';
import { reconsider } from '../proposals.ts';
import { EIGHT_ZERO_BYTES, json } from '../tables/codec.ts';
import { type NodeInfo, nodeEndorsedCertificates, nodeInfos } from '../tables/nodes.ts';
import { type ProposalInfo, proposalInfos } from '../tables/proposals.ts';
import { type ServiceInfo, serviceInfo } from '../tables/service.ts';
import { findEnvelope, replayRequest } from './request.ts';
import { replayWorld } from './world.ts';

/** What the auditor needs of one entry of a ledger. */
export interface AuditedEntry {
  readonly seqno: number;
  /** What it wrote to public maps; private ones may be there too, and are not looked at. */
  readonly writeSet: WriteSet;
  /** Root of the history before this entry, 32 bytes: proposals are bound to it. */
  readonly root: ByteString;
}

/** The first thing in a ledger that does not follow from what came before it. */
export interface GovernanceFinding {
  readonly seqno: number;
  readonly problem: string;
}

/**
 * Replays governance from the public part of a ledger: every signed request is verified and carried out again
 * under the constitution in force at the time, and must have written what it wrote. What nodes may write by
 * themselves is held to its rules. Needs no secrets and no node.
 *
 * Not covered: randomness of keys and certificates (only that they are where they belong), and constitutions or
 * ballots that decide by the clock, because the ledger does not record it.
 */
export class GovernanceAuditor {
  readonly #engine: Engine;
  readonly #store = new Store();
  #decisions = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** How many entries were carried out again so far: what members signed, and what followed from it later. */
  get decisions(): number {
    return this.#decisions;
  }

  /** Takes the entries in their order; after a finding the rest means nothing. */
  feed(entry: AuditedEntry): GovernanceFinding | undefined {
    const problem = touchesGovernance(entry.writeSet) ? this.#attempt(entry) : undefined;
    this.#store.apply(entry.seqno, entry.writeSet);
    return problem === undefined ? undefined : { seqno: entry.seqno, problem };
  }

  /** What cannot even be read does not follow either. */
  #attempt(entry: AuditedEntry): string | undefined {
    try {
      return this.#problemWith(entry);
    } catch (error) {
      if (error instanceof Error) return error.message;
      throw error;
    }
  }

  #problemWith(entry: AuditedEntry): string | undefined {
    if (createsService(entry)) return undefined;
    const tx = this.#store.begin();
    const world = replayWorld(this.#engine, entry);
    const envelope = findEnvelope(tx, entry.writeSet);
    if (envelope !== undefined) {
      this.#decisions++;
      const refusal = replayRequest(tx, world, envelope);
      return refusal ?? difference(tx.writeSet(), entry.writeSet);
    }
    const closed = closedProposal(tx, entry.writeSet);
    if (closed !== undefined) {
      this.#decisions++;
      const resolution = reconsider(tx, world, closed);
      if (resolution?.kind === 'failed') return `proposal ${closed}: ${resolution.failure.reason}`;
      return difference(tx.writeSet(), entry.writeSet);
    }
    return unsignedProblem(tx, entry.writeSet);
  }
}

const governed = (map: MapName): boolean => map.startsWith('public:ccf.gov.');

function touchesGovernance(writeSet: WriteSet): boolean {
  for (const map of writeSet.keys()) if (governed(map)) return true;
  return false;
}

const serviceCodec = json<ServiceInfo>();
const nodeCodec = json<NodeInfo>();
const proposalCodec = json<ProposalInfo>();

function written(writeSet: WriteSet, map: MapName, key: ByteString): ByteString | undefined {
  return writeSet.get(map)?.get(key) ?? undefined;
}

/** The first transaction of a service, or of an epoch of it, says so itself; its identity is the ledger's to check. */
function createsService({ seqno, writeSet }: AuditedEntry): boolean {
  const info = written(writeSet, serviceInfo.name, EIGHT_ZERO_BYTES);
  if (info === undefined) return false;
  const { current_service_create_txid: created, status } = serviceCodec.decode(info);
  const isNew = status === 'Opening' || status === 'Recovering';
  return isNew && created?.split('.')[1] === String(seqno);
}

/** A proposal that this entry closes; without a signed request that is done after members came or went. */
function closedProposal(tx: Tx, writeSet: WriteSet): string | undefined {
  for (const [id, bytes] of writeSet.get(proposalInfos.name) ?? []) {
    const was = proposalInfos.get(tx, id)?.state;
    const is = bytes === null ? undefined : proposalCodec.decode(bytes).state;
    if (was === 'Open' && (is === 'Accepted' || is === 'Rejected')) return id;
  }
  return undefined;
}

/** Which written tables differ, in which key; keys and certificates are the node's own to make. */
function difference(replayed: WriteSet, recorded: WriteSet): string | undefined {
  const names = new Set([...replayed.keys(), ...recorded.keys()].filter(isComparable));
  for (const map of names) {
    const [ours, theirs] = [replayed.get(map) ?? new Map(), recorded.get(map) ?? new Map()];
    for (const key of new Set([...ours.keys(), ...theirs.keys()])) {
      const same =
        map === nodeEndorsedCertificates.name
          ? ours.has(key) === theirs.has(key)
          : canonical(ours.get(key)) === canonical(theirs.get(key));
      if (!same) return `${map} does not follow from the decision, at key ${printable(key)}`;
    }
  }
  return undefined;
}

function isComparable(map: MapName): boolean {
  return map.startsWith('public:') && !map.startsWith('public:ccf.internal.');
}

/** Equal JSON may be written with its keys in another order. */
function canonical(value: ByteString | null | undefined): string {
  if (value === undefined || value === null) return String(value);
  try {
    return JSON.stringify(JSON.parse(byteStringToUtf8(value)), (_, each: unknown) =>
      typeof each === 'object' && each !== null && !Array.isArray(each)
        ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
        : each,
    );
  } catch {
    return value;
  }
}

function printable(key: ByteString): string {
  return key === EIGHT_ZERO_BYTES ? '(the only one)' : key.slice(0, 96);
}

/** Tables that nodes write without a member's signature, each with the rule it is held to. */
const unsignedRules: Readonly<
  Record<MapName, (tx: Tx, key: ByteString, value: ByteString | null) => string | undefined>
> = {
  [nodeInfos.name]: nodeProblem,
  [nodeEndorsedCertificates.name]: () => undefined,
  [serviceInfo.name]: serviceProblem,
  // A digest to acknowledge, asked for by its member; and keys that an issuer published anew.
  'public:ccf.gov.members.acks': () => undefined,
  'public:ccf.gov.jwt.public_signing_keys_metadata_v2': () => undefined,
};

function unsignedProblem(tx: Tx, writeSet: WriteSet): string | undefined {
  for (const [map, writes] of writeSet) {
    if (!governed(map)) continue;
    const rule = unsignedRules[map];
    if (rule === undefined) return `${map} was written without any decision of the members`;
    for (const [key, value] of writes) {
      const problem = rule(tx, key, value);
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}

/** A node may join, be retired for good and forgotten; it becomes trusted by itself only while nothing is open. */
function nodeProblem(tx: Tx, id: ByteString, value: ByteString | null): string | undefined {
  if (value === null) return undefined;
  const was = nodeInfos.get(tx, id)?.status;
  const is = nodeCodec.decode(value).status;
  const status = serviceInfo.get(tx)?.status;
  if (is === 'Trusted' && was !== 'Trusted' && status !== 'Opening' && status !== 'Recovering') {
    return `node ${id} became trusted without a decision while the service was ${status}`;
  }
  if (is === 'Retired' && was !== 'Retired') return `node ${id} was retired without a decision`;
  return undefined;
}

/** The end of a recovery opens the service; nothing else about it changes by itself. */
function serviceProblem(tx: Tx, _key: ByteString, value: ByteString | null): string | undefined {
  const was = serviceInfo.get(tx);
  const is = value === null ? undefined : serviceCodec.decode(value);
  const opened = was?.status === 'WaitingForRecoveryShares' && is?.status === 'Open';
  return opened && was.cert === is.cert ? undefined : 'the service changed without a decision of the members';
}
