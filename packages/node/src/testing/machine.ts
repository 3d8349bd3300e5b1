import { virtualMeasurement } from '@coco/attestation';
import type { NodeConfig } from '../config.ts';
import type { Effect, HttpResponse } from '../effect.ts';
import type { Event } from '../event.ts';
import type { Node } from '../node.ts';

/** An answer as a test looks at it. */
export interface Reply {
  /** Of the request, by which `Machine.streams` knows an answer that goes on. */
  readonly id: number;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly json: unknown;
  readonly closes: boolean;
}

/** What outlives the process of a node. */
export type MachineFiles = Partial<Pick<Machine, 'ledger' | 'snapshots' | 'parcels'>>;

/** One node and the part of the world that is its own: files that outlive it, and what has yet to reach it. */
export class Machine {
  readonly name: string;
  readonly node: Node;
  readonly config: NodeConfig;
  /** Entries by seqno. */
  readonly ledger: Map<number, Uint8Array>;
  /** Committed snapshots with their receipts, by name. */
  readonly snapshots: Map<string, Uint8Array>;
  /** Parcels by path. */
  readonly parcels: Map<string, Uint8Array>;
  readonly drafts = new Map<string, Uint8Array>();
  readonly replies = new Map<number, (response: HttpResponse, id: number) => void>();
  /** What has come on each answer that goes on, by request. */
  readonly streams = new Map<number, string>();
  readonly log: string[] = [];
  readonly identities = new Map<string, { certificatePem: string }>();
  peers: readonly string[] = [];
  inbox: Event[] = [];
  isUp = true;
  /** Whether its platform has stopped to give evidence. */
  isMute = false;
  /** Where whoever runs it has stopped its clock; ms. */
  clockStoppedAt: number | undefined;
  /** Whether its disk has stopped answering. */
  readsNothing = false;
  /** Whether its disk keeps no parcels any more. */
  keepsNothing = false;
  exit: string | undefined;
  serviceCertificate = '';

  constructor(name: string, node: Node, config: NodeConfig, files: MachineFiles = {}) {
    this.name = name;
    this.node = node;
    this.config = config;
    this.ledger = files.ledger ?? new Map();
    this.snapshots = files.snapshots ?? new Map();
    this.parcels = files.parcels ?? new Map();
  }

  get id(): string {
    return this.node.id;
  }

  get address(): string {
    return this.config.network.rpc_interfaces.main?.published_address ?? '';
  }
}

/** A platform that proves nothing, by way of the host. */
export function attested({ id, reportData }: Extract<Effect, { kind: 'attest' }>): Event {
  const statement = {
    measurement: virtualMeasurement,
    host_data: 'ab'.repeat(32),
    report_data: reportData.toBase64(),
  };
  const quote = new TextEncoder().encode(JSON.stringify(statement)).toBase64();
  const evidence = { quote: { format: 'Insecure_Virtual', quote, endorsements: '' } } as const;
  return { kind: 'attested', id, result: { evidence } };
}

/** Does with parcels what a node asks; answers what it is to be told, if anything. */
export function performParcels(
  { parcels, keepsNothing = false }: Pick<Machine, 'parcels'> & Partial<Pick<Machine, 'keepsNothing'>>,
  effect: Extract<Effect, { kind: `${string}-parcels` }>,
): Event | undefined {
  switch (effect.kind) {
    case 'keep-parcels':
      if (keepsNothing) return { kind: 'parcels-kept', id: effect.id, error: 'the disk is full' };
      for (const { path, bytes } of effect.parcels) parcels.set(path, bytes.slice());
      return { kind: 'parcels-kept', id: effect.id };
    case 'read-parcels': {
      const there = effect.paths.filter((path) => parcels.has(path));
      const read = there.map((path) => ({ path, bytes: parcels.get(path) ?? new Uint8Array() }));
      return { kind: 'parcels-read', id: effect.id, parcels: read };
    }
    case 'list-parcels': {
      const folder = `${effect.folder}/`;
      const names = [...parcels.keys()].filter((path) => path.startsWith(folder));
      return {
        kind: 'parcels-listed',
        id: effect.id,
        names: names.map((path) => path.slice(folder.length)).sort(),
      };
    }
    case 'drop-parcels': {
      const isDropped = (path: string) =>
        'folder' in effect ? path.startsWith(`${effect.folder}/`) : effect.paths.includes(path);
      for (const path of [...parcels.keys()]) if (isDropped(path)) parcels.delete(path);
      return undefined;
    }
  }
}

export function entriesOf(ledger: ReadonlyMap<number, Uint8Array>, from: number, to: number): Uint8Array[] {
  const entries: Uint8Array[] = [];
  for (let seqno = from; seqno <= to; seqno++) {
    const entry = ledger.get(seqno);
    if (!entry) break;
    entries.push(entry);
  }
  return entries;
}

export function readSnapshot(
  machine: Machine,
  { id, snapshot, from, to }: Extract<Effect, { kind: 'read-snapshot' }>,
): Event {
  const seqno = (name: string): number => Number(name.split('_')[1]);
  const names = [...machine.snapshots.keys()].sort((a, b) => seqno(b) - seqno(a));
  const name = names.find((each) =>
    'name' in snapshot ? each === snapshot.name : seqno(each) < snapshot.newestBefore,
  );
  const file = (name && machine.snapshots.get(name)) || new Uint8Array();
  return { kind: 'snapshot-read', id, name: name ?? null, size: file.length, bytes: file.slice(from, to) };
}

export function readableBytes({ status, headers, body }: HttpResponse) {
  const bytes = typeof body === 'string' ? Uint8Array.from(body, (char) => char.charCodeAt(0)) : body;
  return { status, headers: Object.fromEntries(headers), body: bytes };
}

export function readable(response: HttpResponse, id: number): Reply {
  const { status, headers, body } = readableBytes(response);
  const text = new TextDecoder().decode(body);
  return {
    id,
    status,
    headers,
    text,
    closes: response.close === true,
    get json() {
      return JSON.parse(text);
    },
  };
}
