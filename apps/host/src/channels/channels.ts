import type { Server, TLSSocket } from 'node:tls';
import type { Peer } from '@coco/node';
import { type HostPort, parseAddress } from '../configuration/units.ts';
import { type Complain, type Identity, listenOn } from '../http/listener.ts';
import type { Flushable } from '../http/session-host.ts';
import { limits } from '../limits.ts';
import { FrameReader, signOfLife } from './frames.ts';
import { acceptor, present } from './handshake.ts';
import { Link, type LinkHost } from './link.ts';

/** Who hears of what the peers do. */
export interface ChannelsListener {
  received(from: string, message: Uint8Array): void;
  channel(id: string, state: 'up' | 'down'): void;
  /** Asks for `flush` at the end of this turn. */
  dirty(link: Flushable): void;
  complain: Complain;
  /** What an operator wants to know when nodes do not find each other. */
  note(what: string): void;
}

/** What the channels count. */
export interface ChannelFacts {
  /** Peers that can be sent to now, and those that should be. */
  up: number;
  peers: number;
  sent: number;
  sentBytes: number;
  received: number;
  receivedBytes: number;
  /** Messages that found no channel, or a full queue. */
  dropped: number;
  dials: number;
  /** Connections of others than the peers. */
  refused: number;
}

interface Incoming {
  readonly id: string;
  readonly socket: TLSSocket;
  lastHeard: number;
}

/**
 * The channels between this node and its peers: TLS 1.3 in which both ends prove to hold the key that their node id
 * is the hash of. Nobody else gets past the handshake.
 */
export class Channels {
  readonly #listener: ChannelsListener;
  readonly #server: Server;
  readonly #links = new Map<string, Link>();
  readonly #incoming = new Set<Incoming>();
  readonly #counts = {
    sent: 0,
    sentBytes: 0,
    received: 0,
    receivedBytes: 0,
    dropped: 0,
    dials: 0,
    refused: 0,
  };
  readonly #linkHost: LinkHost;
  #identity: Identity | null = null;
  #sweeps: NodeJS.Timeout | undefined;
  /** Reasons that were noted, and since when none was. */
  readonly #refusals = new Set<string>();
  #refusalsSince = 0;

  constructor(listener: ChannelsListener) {
    this.#listener = listener;
    this.#server = acceptor(
      (socket, id) => this.#onAccepted(socket, id),
      (why) => this.#refuse(why),
    );
    this.#server.prependListener('connection', (socket) => {
      // Before the node has an identity there is nothing to shake hands with.
      if (this.#identity === null) socket.destroy();
    });
    this.#linkHost = {
      identity: () => this.#identity,
      facts: this.#counts,
      dirty: (link) => listener.dirty(link),
      changed: (link, state) => listener.channel(link.peer.id, state),
      note: (what) => listener.note(what),
    };
  }

  /** Binds the address for the other nodes and answers the one bound. @throws HostError `Listen` */
  async listen(address: string): Promise<HostPort> {
    const bound = await listenOn(this.#server, address, 'node-to-node interface', this.#listener.complain);
    this.#sweeps = setInterval(() => this.#sweep(), limits.channelSweepMs);
    return bound;
  }

  /** Speaks as this node from now on; connections there are go on as they are. */
  setIdentity(identity: Identity): void {
    this.#identity = identity;
    present(this.#server, identity);
    for (const link of this.#links.values()) link.wake();
  }

  /** What this node presents to others; null before it has an identity. */
  get identity(): Identity | null {
    return this.#identity;
  }

  /** Who may have a channel with this node: those who left the list are cut off, those who came are dialled. */
  setPeers(peers: readonly Peer[]): void {
    const wanted = new Map(peers.map((peer) => [peer.id, peer]));
    for (const [id, link] of this.#links) {
      if (wanted.get(id)?.address === link.peer.address) continue;
      this.#links.delete(id);
      link.close();
    }
    for (const { id, socket } of this.#incoming) {
      if (!wanted.has(id)) socket.destroy();
    }
    for (const peer of peers) {
      if (!this.#links.has(peer.id)) this.#add(peer);
    }
  }

  /** Puts a message on its way to a peer; it may be lost. */
  send(to: string, message: Uint8Array): void {
    const link = this.#links.get(to);
    if (link === undefined) this.#counts.dropped += 1;
    else link.send(message);
  }

  facts(): ChannelFacts {
    const up = [...this.#links.values()].filter((link) => link.up).length;
    return { ...this.#counts, up, peers: this.#links.size };
  }

  /** Cuts everything off. */
  close(): void {
    clearInterval(this.#sweeps);
    for (const link of this.#links.values()) link.close();
    for (const { socket } of this.#incoming) socket.destroy();
    this.#links.clear();
    this.#server.close();
  }

  #add(peer: Peer): void {
    const address = parseAddress(peer.address);
    if (address === undefined || address.port === 0) {
      this.#listener.complain(`node ${peer.id} publishes ${peer.address}, which cannot be dialled`);
      return;
    }
    const link = new Link(peer, address, this.#linkHost);
    this.#links.set(peer.id, link);
    link.wake();
  }

  #onAccepted(socket: TLSSocket, id: string): void {
    const link = this.#links.get(id);
    if (link === undefined) {
      socket.destroy();
      this.#refuse(`${socket.remoteAddress} has the key of node ${id}, which is no peer of this node`);
      return;
    }
    const incoming: Incoming = { id, socket, lastHeard: performance.now() };
    this.#incoming.add(incoming);
    const reader = new FrameReader(limits.channelMessageBytesMax);
    socket.on('data', (bytes: Buffer) => {
      incoming.lastHeard = performance.now();
      if (reader.push(bytes, (message) => this.#onMessage(incoming, message))) return;
      this.#listener.complain(`node ${id} announced a message beyond every bound: cut off`);
      socket.destroy();
    });
    socket.on('end', () => socket.destroy());
    socket.on('close', () => this.#incoming.delete(incoming));
    socket.write(signOfLife);
    // Who dials is there to be dialled.
    link.wake();
  }

  #onMessage({ id, socket }: Incoming, message: Uint8Array): void {
    if (message.length === 0) {
      // While an answer is under way no other is given: nobody can make this end gather them.
      if (socket.writableLength === 0) socket.write(signOfLife);
      return;
    }
    this.#counts.received += 1;
    this.#counts.receivedBytes += message.length;
    this.#listener.received(id, message);
  }

  #refuse(why: string): void {
    this.#counts.refused += 1;
    // Once for each reason in a while: whoever is refused tries again at once.
    if (this.#refusals.has(why) || this.#refusals.size >= limits.refusalsNotedMax) return;
    this.#refusals.add(why);
    this.#listener.note(`a connection was refused: ${why}`);
  }

  #sweep(): void {
    const now = performance.now();
    if (now - this.#refusalsSince > limits.refusalsNotedMs) {
      this.#refusals.clear();
      this.#refusalsSince = now;
    }
    for (const link of this.#links.values()) link.sweep(now);
    for (const { socket, lastHeard } of this.#incoming) {
      if (now - lastHeard > limits.channelSilenceMsMax) socket.destroy();
    }
  }
}
