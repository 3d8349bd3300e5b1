import { parseCertificate, verifyIssuedBy } from '@coco/crypto';
import type { Effect, FetchResult } from '@coco/node';
import { Network } from '../world/network.ts';
import type { Random } from '../world/random.ts';
import type { Consortium } from './consortium.ts';
import type { Daemon } from './daemon.ts';

const FETCH_TIMEOUT_MS = 3_000;

/** Channels between nodes, and the requests they send one another: what goes from machine to machine. */
export class Wires {
  readonly network: Network<() => void>;
  readonly #consortium: Consortium;

  constructor(consortium: Consortium, random: Random) {
    this.#consortium = consortium;
    const { clock, faults, parameters } = consortium;
    const deliver = (_from: string, _to: string, arrive: () => void) => arrive();
    this.network = new Network({ options: parameters.network, clock, random, faults, deliver });
  }

  /** A message over the channel of two nodes; lost when there is none at its end. */
  send(from: Daemon, to: string, message: Uint8Array): void {
    const target = this.#nodeOf(to);
    if (target === undefined || !hasChannel(from, target)) return;
    const bytes = message.slice();
    this.network.send(from.machine.name, target.machine.name, () => {
      if (hasChannel(from, target)) target.push({ kind: 'received', from: from.node.id, message: bytes });
    });
  }

  /** Two nodes that know one another have a channel. */
  peersChanged(daemon: Daemon): void {
    for (const id of daemon.peers) {
      const other = this.#nodeOf(id);
      if (other === undefined || !other.peers.has(daemon.node.id)) continue;
      this.#tell(daemon, other, 'up');
    }
  }

  ended(daemon: Daemon): void {
    for (const other of this.#consortium.daemons()) {
      if (hasChannel(daemon, other)) other.push({ kind: 'channel', id: daemon.node.id, state: 'down' });
    }
  }

  /** Asks another node as a client over HTTPS. */
  fetch(from: Daemon, effect: Extract<Effect, { kind: 'fetch' }>): void {
    const { clock } = this.#consortium;
    let isDone = false;
    const finish = (result: FetchResult) => {
      if (isDone) return;
      isDone = true;
      from.push({ kind: 'fetched', id: effect.id, result });
    };
    clock.after(FETCH_TIMEOUT_MS, () => finish({ error: 'timed out' }));
    const { host } = new URL(effect.url);
    const machine = this.#consortium.machines.find(({ address }) => address === host);
    if (machine === undefined) {
      finish({ error: `there is no ${host}` });
      return;
    }
    this.network.send(from.machine.name, machine.name, () => {
      const target = machine.daemon;
      if (target === null || !presents(target, effect.caPem)) {
        finish({ error: `${host} does not answer, or not with a certificate of the service` });
        return;
      }
      this.#ask(from, target, effect, finish);
    });
  }

  #ask(
    from: Daemon,
    target: Daemon,
    { url, method, headers, body, presentsNode }: Extract<Effect, { kind: 'fetch' }>,
    finish: (result: FetchResult) => void,
  ): void {
    const { pathname, search } = new URL(url);
    const own = presentsNode ? from.certificates.get('Node') : undefined;
    const session = {
      id: this.#consortium.nextSession(),
      interface: 'main',
      clientCertificate: own === undefined ? null : parseCertificate(own).der,
    };
    const request = { method, target: pathname + search, headers, body: body ?? new Uint8Array(0) };
    target.request(session, request, {
      respond: (response) => {
        const bytes =
          typeof response.body === 'string' ? Buffer.from(response.body, 'latin1') : response.body;
        const result = {
          status: response.status,
          headers: Object.fromEntries(response.headers),
          body: Uint8Array.from(bytes),
        };
        this.network.send(target.machine.name, from.machine.name, () => finish(result));
      },
      broken: () => finish({ error: 'the connection broke' }),
    });
  }

  #tell(a: Daemon, b: Daemon, state: 'up' | 'down'): void {
    a.push({ kind: 'channel', id: b.node.id, state });
    b.push({ kind: 'channel', id: a.node.id, state });
  }

  #nodeOf(id: string): Daemon | undefined {
    return this.#consortium.daemons().find(({ node }) => node.id === id);
  }
}

function hasChannel(a: Daemon, b: Daemon): boolean {
  return a.peers.has(b.node.id) && b.peers.has(a.node.id);
}

/** As TLS would find: what the server presents was issued by the certificate the client trusts. */
function presents(daemon: Daemon, caPem: string): boolean {
  const presented = daemon.certificates.get('Service');
  if (presented === undefined) return false;
  try {
    verifyIssuedBy(parseCertificate(presented), parseCertificate(caPem));
    return true;
  } catch {
    return false;
  }
}
