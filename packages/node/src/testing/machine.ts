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

/** One node and the part of the world that is its own: files that outlive it, and what has yet to reach it. */
export class Machine {
  readonly name: string;
  readonly node: Node;
  readonly config: NodeConfig;
  /** Entries by seqno. */
  readonly ledger: Map<number, Uint8Array>;
  /** Committed snapshots with their receipts, by name. */
  readonly snapshots: Map<string, Uint8Array>;
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
  /** Whether its disk has stopped answering. */
  readsNothing = false;
  exit: string | undefined;
  serviceCertificate = '';

  constructor(
    name: string,
    node: Node,
    config: NodeConfig,
    files: Partial<Pick<Machine, 'ledger' | 'snapshots'>> = {},
  ) {
    this.name = name;
    this.node = node;
    this.config = config;
    this.ledger = files.ledger ?? new Map();
    this.snapshots = files.snapshots ?? new Map();
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
