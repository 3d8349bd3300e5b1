import type { TLSSocket } from 'node:tls';
import type { Peer } from '@coco/node';
import { formatAddress, type HostPort } from '../configuration/units.ts';
import type { Identity } from '../http/listener.ts';
import { limits } from '../limits.ts';
import { FrameReader, signOfLife } from './frames.ts';
import { type Dialled, dial } from './handshake.ts';
import { SendQueue } from './send-queue.ts';

/** What a link has from the channels it belongs to. */
export interface LinkHost {
  /** What this node presents; null before it has an identity. */
  identity(): Identity | null;
  readonly facts: { sent: number; sentBytes: number; dropped: number; dials: number };
  /** Asks for `flush` at the end of this turn. */
  dirty(link: Link): void;
  changed(link: Link, state: 'up' | 'down'): void;
  /** Says why a peer is not reached, for the log. */
  note(what: string): void;
}

/**
 * The way out to one peer: a connection that this node dialled, dialled again when it is lost, and what waits to be
 * sent over it. What comes back over it are signs of life and nothing else; the peer's messages come over the
 * connection that the peer dials. So nobody has to decide which of two connections of a pair is the right one, and a
 * network that carries only one way is seen as what it is.
 */
export class Link {
  readonly peer: Peer;
  readonly #host: LinkHost;
  readonly #address: HostPort;
  #socket: TLSSocket | null = null;
  #dialling: Dialled | null = null;
  #redial: NodeJS.Timeout | undefined;
  readonly #queue = new SendQueue();
  #dirty = false;
  /** Dials in a row that came to nothing. */
  #failures = 0;
  #lastHeard = 0;
  /** The peer has greeted: it knows this node and reads what it is sent. */
  #up = false;
  #closed = false;

  constructor(peer: Peer, address: HostPort, host: LinkHost) {
    this.peer = peer;
    this.#host = host;
    this.#address = address;
  }

  get up(): boolean {
    return this.#up;
  }

  /** Puts a message on its way. It is dropped when the peer cannot be reached, or reads more slowly than is sent. */
  send(message: Uint8Array): void {
    const reachable = this.#socket !== null || this.#dialling !== null;
    if (!reachable || !this.#queue.push(message)) {
      this.#host.facts.dropped += 1;
      return;
    }
    this.#host.facts.sent += 1;
    this.#host.facts.sentBytes += message.length;
    if (this.#dirty || !this.#up) return;
    this.#dirty = true;
    this.#host.dirty(this);
  }

  /** Writes what has gathered in this turn, in one piece; waits while the peer has not taken what came before. */
  flush(): void {
    this.#dirty = false;
    const socket = this.#socket;
    if (!this.#up || socket === null || socket.writableNeedDrain || this.#queue.length === 0) return;
    socket.cork();
    for (const piece of this.#queue.take(limits.channelWriteBytes)) socket.write(piece);
    socket.uncork();
  }

  /** Dials at once, if there is no connection: at the beginning, and when there is a sign that the peer is back. */
  wake(): void {
    if (this.#closed || this.#socket !== null || this.#dialling !== null) return;
    const identity = this.#host.identity();
    if (identity === null) return;
    clearTimeout(this.#redial);
    this.#host.facts.dials += 1;
    this.#dialling = dial(this.#address, this.peer.id, identity, {
      connected: (socket) => this.#onConnected(socket),
      failed: (why) => this.#onFailed(why),
    });
  }

  /** Asks the peer for a sign of life, and gives it up when it owes one for too long. Every `channelSweepMs`. */
  sweep(now: number): void {
    if (this.#socket === null) return;
    if (now - this.#lastHeard > limits.channelSilenceMsMax) {
      this.#host.note(`${this.#name()} is silent: dialling again`);
      this.#socket.destroy();
    } else if (!this.#queue.isWithinFrame) {
      this.#socket.write(signOfLife);
    }
  }

  /** Ends for good. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#redial);
    this.#dialling?.abandon();
    this.#socket?.destroy();
    this.#queue.clear();
    this.#setUp(false);
  }

  #onConnected(socket: TLSSocket): void {
    this.#dialling = null;
    this.#socket = socket;
    this.#lastHeard = performance.now();
    const reader = new FrameReader(0);
    socket.on('data', (bytes: Buffer) => {
      this.#lastHeard = performance.now();
      if (!reader.push(bytes, () => this.#onSignOfLife())) socket.destroy();
    });
    socket.on('drain', () => {
      this.#lastHeard = performance.now();
      this.flush();
    });
    socket.on('end', () => socket.destroy());
    socket.on('close', () => this.#onLost());
  }

  #onSignOfLife(): void {
    if (this.#up) return;
    this.#failures = 0;
    this.#setUp(true);
    this.flush();
  }

  #onFailed(why: string): void {
    this.#dialling = null;
    if (this.#failures === 0) this.#host.note(`${this.#name()} cannot be reached: ${why}`);
    this.#later();
  }

  #onLost(): void {
    this.#socket = null;
    this.#setUp(false);
    this.#later();
  }

  #setUp(up: boolean): void {
    if (this.#up === up) return;
    this.#up = up;
    this.#host.changed(this, up ? 'up' : 'down');
  }

  /** What waited is lost: a peer that was away is better served with what is true when it is back. */
  #later(): void {
    this.#host.facts.dropped += this.#queue.clear();
    if (this.#closed) return;
    const { redialMsMin, redialMsMax } = limits;
    const pause = Math.min(redialMsMax, redialMsMin * 2 ** this.#failures);
    this.#failures += 1;
    // Two nodes that lost each other do not come back in step.
    this.#redial = setTimeout(() => this.wake(), pause * (0.5 + Math.random() / 2));
  }

  #name(): string {
    return `node ${this.peer.id} at ${formatAddress(this.#address)}`;
  }
}
