import type { Message } from '@coco/consensus';
import type { Renewal } from '@coco/governance';
import type { EntryLoans } from './entry-loans.ts';
import type { Forwarding } from './forwarding.ts';
import type { RequestEvent } from './frontend/pipeline.ts';
import type { Outbox } from './outbox.ts';
import type { ParcelKeeper } from './parcels/parcel-keeper.ts';
import type { Peers } from './peers.ts';
import { decodeWire } from './wire.ts';

/** Whom other nodes may want to speak with. */
export interface SwitchboardParts {
  readonly outbox: Outbox;
  readonly peers: Peers;
  readonly forwarding: Forwarding;
  readonly loans: EntryLoans;
  readonly parcels: ParcelKeeper;
  consensus(from: string, message: Message): void;
  evidence(from: string, renewal: Renewal): void;
  /** A node asks to be elected, or another one says that it does. */
  candidate(id: string, from: string): void;
}

/** Hands what other nodes say to whom it concerns. What is no message, or of a stranger, is left alone. */
export class Switchboard {
  readonly #parts: SwitchboardParts;
  /** Requests of other nodes' clients that came in this step. */
  #passedOn: RequestEvent[] = [];

  constructor(parts: SwitchboardParts) {
    this.#parts = parts;
  }

  received(from: string, bytes: Uint8Array): void {
    const { peers, forwarding, loans, parcels, consensus, evidence, candidate } = this.#parts;
    if (!peers.has(from)) return;
    const message = this.#decode(from, bytes);
    if (!message) return;
    switch (message.kind) {
      case 'consensus':
        consensus(from, message.message);
        if (message.message.kind === 'vote-request') candidate(from, from);
        return;
      case 'request': {
        const event = forwarding.received(from, message);
        if (event) this.#passedOn.push(event);
        return;
      }
      case 'answer':
        forwarding.answered(from, message);
        return;
      case 'peers':
        peers.heard(from, message.nodes);
        return;
      case 'evidence':
        evidence(from, message);
        return;
      case 'stray':
        if (peers.has(message.id)) candidate(message.id, from);
        return;
      case 'wanted':
        loans.wanted(from, message);
        return;
      case 'lent':
        loans.lent(from, message);
        return;
      default:
        parcels.received(from, message);
    }
  }

  /** A channel to another node came up, or was lost. */
  channel(id: string, state: 'up' | 'down'): void {
    const { peers, forwarding, parcels } = this.#parts;
    if (state === 'down') {
      forwarding.lost(id);
      parcels.lost(id);
      return;
    }
    forwarding.found(id);
    parcels.found();
    peers.greet(id);
  }

  /** Takes the requests that other nodes passed on since the last time. */
  takeRequests(): readonly RequestEvent[] {
    const requests = this.#passedOn;
    this.#passedOn = [];
    return requests;
  }

  #decode(from: string, bytes: Uint8Array): ReturnType<typeof decodeWire> | undefined {
    try {
      return decodeWire(bytes);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#parts.outbox.log('fail', `Node ${from} sent what is no message: ${error.message}`);
      return undefined;
    }
  }
}
