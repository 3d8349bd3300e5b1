import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, type TestContext, test } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { generateKeyPair, parseCertificate } from '@coco/crypto';
import type { Identity } from '../http/listener.ts';
import type { Flushable } from '../http/session-host.ts';
import { limits } from '../limits.ts';
import { selfSigned } from '../testing/door.ts';
import { Channels } from './channels.ts';
import { frame, signOfLife } from './frames.ts';
import { Link } from './link.ts';

const idOf = ({ certificatePem }: Identity) => parseCertificate(certificatePem).publicKey.id;
const bytes = (text: string) => new TextEncoder().encode(text);

/** One end with what it heard; `until` waits for what is to come. */
class End {
  readonly identity: Identity;
  readonly id: string;
  readonly channels: Channels;
  readonly heard: string[] = [];
  readonly notes: string[] = [];
  address = '';
  #waiting: { done: () => boolean; resolve: () => void }[] = [];

  constructor(t: TestContext, identity = selfSigned('node')) {
    this.identity = identity;
    this.id = idOf(identity);
    this.channels = new Channels({
      received: (from, message) => this.#hear(`${from.slice(0, 4)} ${new TextDecoder().decode(message)}`),
      channel: (id, state) => this.#hear(`${id.slice(0, 4)} ${state}`),
      dirty: (link: Flushable) => setImmediate(() => link.flush()),
      complain: (what) => this.#note(what),
      note: (what) => this.#note(what),
    });
    t.after(() => this.channels.close());
  }

  async open(address = '127.0.0.1:0'): Promise<this> {
    const { host, port } = await this.channels.listen(address);
    this.address = `${host}:${port}`;
    this.channels.setIdentity(this.identity);
    return this;
  }

  get peer() {
    return { id: this.id, address: this.address };
  }

  until(done: () => boolean): Promise<void> {
    if (done()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ done, resolve }));
  }

  untilHeard(what: string): Promise<void> {
    return this.until(() => this.heard.includes(what));
  }

  #hear(what: string): void {
    this.heard.push(what);
    this.#settle();
  }

  #note(what: string): void {
    this.notes.push(what);
    this.#settle();
  }

  #settle(): void {
    for (const { resolve } of this.#waiting.filter(({ done }) => done())) resolve();
    this.#waiting = this.#waiting.filter(({ done }) => !done());
  }
}

const short = (end: End) => end.id.slice(0, 4);

/** Two ends that know each other and have both channels up. */
async function pair(t: TestContext): Promise<[End, End]> {
  const [a, b] = [await new End(t).open(), await new End(t).open()];
  a.channels.setPeers([b.peer]);
  b.channels.setPeers([a.peer]);
  await Promise.all([a.untilHeard(`${short(b)} up`), b.untilHeard(`${short(a)} up`)]);
  return [a, b];
}

/** Resolves when a connection is over, in whatever way. */
function closed(socket: TLSSocket): Promise<void> {
  socket.on('error', () => {});
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** Connects as TLS allows it and resolves when the other end has closed. */
async function closedOn(address: string, options: object): Promise<string> {
  const [host, port] = address.split(':');
  const socket = connect({ host, port: Number(port), rejectUnauthorized: false, ...options });
  let received = '';
  socket.on('data', (piece: Buffer) => {
    received += piece.toString('hex');
  });
  await closed(socket);
  return received;
}

describe('channels', () => {
  test('carry messages both ways, in order, from the first one on', async (t) => {
    const [a, b] = [await new End(t).open(), await new End(t).open()];
    b.channels.setPeers([a.peer]);
    a.channels.setPeers([b.peer]);
    // Sent while the dial is under way: it waits for the channel.
    a.channels.send(b.id, bytes('first'));
    await b.untilHeard(`${short(a)} first`);
    await b.untilHeard(`${short(a)} up`);
    for (let i = 0; i < 1000; i += 1) b.channels.send(a.id, bytes(`message ${i}`));
    await a.untilHeard(`${short(b)} message 999`);
    const messages = a.heard.filter((line) => line.includes('message'));
    assert.deepEqual(
      messages,
      Array.from({ length: 1000 }, (_, i) => `${short(b)} message ${i}`),
    );
    assert.equal(b.channels.facts().sent, 1000);
    assert.equal(a.channels.facts().received, 1000);
  });

  test('carry messages larger than what is written at a time, between small ones', async (t) => {
    const [a, b] = await pair(t);
    const large = 'x'.repeat(3 * limits.channelWriteBytes + 17);
    for (const text of ['before', large, 'after']) a.channels.send(b.id, bytes(text));
    await b.untilHeard(`${short(a)} after`);
    assert.deepEqual(
      b.heard.filter((line) => !/up|down/.test(line)),
      [`${short(a)} before`, `${short(a)} ${large}`, `${short(a)} after`],
    );
  });

  test('are dialled again when a peer comes back, and what was sent meanwhile is lost', async (t) => {
    const [a, b] = await pair(t);
    b.channels.close();
    await a.untilHeard(`${short(b)} down`);
    a.channels.send(b.id, bytes('into the void'));
    const again = await new End(t, b.identity).open(b.address);
    again.channels.setPeers([a.peer]);
    await a.until(() => a.heard.filter((line) => line === `${short(b)} up`).length === 2);
    a.channels.send(b.id, bytes('welcome back'));
    await again.untilHeard(`${short(a)} welcome back`);
    assert.ok(!again.heard.some((line) => line.includes('void')));
    assert.ok(a.channels.facts().dropped >= 1);
  });

  test('end when a peer leaves the list', async (t) => {
    const [a, b] = await pair(t);
    b.channels.setPeers([]);
    await a.untilHeard(`${short(b)} down`);
    await b.untilHeard(`${short(a)} down`);
    // The former peer goes on dialling, and is refused.
    await b.until(() => b.notes.some((note) => note.includes(`the key of node ${a.id}, which is no peer`)));
    assert.equal(b.channels.facts().peers, 0);
  });

  test('are refused to a node that is not in the list, which never counts as up', async (t) => {
    const b = await new End(t).open();
    const stranger = await new End(t).open();
    stranger.channels.setPeers([b.peer]);
    stranger.channels.send(b.id, bytes('let me in'));
    await b.until(() => b.notes.some((note) => note.includes(`the key of node ${stranger.id}`)));
    assert.deepEqual([b.heard, stranger.heard], [[], []]);
  });

  test('send nothing to a node that has another key than the one looked for', async (t) => {
    const [a, impostor] = [await new End(t).open(), await new End(t).open()];
    const wanted = generateKeyPair('P-256').publicKey.id;
    impostor.channels.setPeers([a.peer]);
    a.channels.setPeers([{ id: wanted, address: impostor.address }]);
    a.channels.send(wanted, bytes('for somebody else'));
    await a.until(() => a.notes.some((note) => note.includes(`it has the key of node ${impostor.id}`)));
    assert.deepEqual(impostor.heard, []);
  });

  const someone = selfSigned('someone');
  const ownKey = { cert: someone.certificatePem, key: someone.privateKeyPem };
  const strangers: [string, object][] = [
    ['no certificate', { ALPNProtocols: ['coco-node/1'] }],
    ['a certificate, but another protocol', { ...ownKey, ALPNProtocols: ['http/1.1'] }],
    ['a certificate, but no protocol', ownKey],
    ['TLS 1.2', { ...ownKey, ALPNProtocols: ['coco-node/1'], maxVersion: 'TLSv1.2' }],
  ];
  for (const [what, options] of strangers) {
    test(`refuse who comes with ${what}, without a word`, async (t) => {
      const b = await new End(t).open();
      b.channels.setPeers([{ id: idOf(someone), address: '127.0.0.1:1' }]);
      assert.equal(await closedOn(b.address, options), '');
      assert.equal(b.channels.facts().refused, 1);
    });
  }

  test('refuse everybody before there is an identity', async (t) => {
    const b = new End(t);
    const { port } = await b.channels.listen('127.0.0.1:0');
    assert.equal(await closedOn(`127.0.0.1:${port}`, ownKey), '');
  });

  test('cut off a peer that announces a message beyond every bound', async (t) => {
    const b = await new End(t).open();
    b.channels.setPeers([{ id: idOf(someone), address: '127.0.0.1:1' }]);
    const socket = connect({
      ...ownKey,
      port: Number(b.address.split(':')[1]),
      rejectUnauthorized: false,
      ALPNProtocols: ['coco-node/1'],
    });
    await once(socket, 'data');
    socket.write(Buffer.concat([frame(bytes('fine')), Buffer.from('ffffffff', 'hex')]));
    await closed(socket);
    assert.deepEqual(b.heard, [`${idOf(someone).slice(0, 4)} fine`]);
    assert.match(b.notes.join(), /announced a message beyond every bound/);
  });
});

describe('a link', () => {
  /** A peer that greets, and then does as `live` says. */
  async function peer(t: TestContext, live: (socket: TLSSocket) => void) {
    const theirs = selfSigned('peer');
    const sockets: TLSSocket[] = [];
    const server = createServer(
      {
        cert: theirs.certificatePem,
        key: theirs.privateKeyPem,
        requestCert: true,
        rejectUnauthorized: false,
        ALPNProtocols: ['coco-node/1'],
      },
      (socket) => {
        sockets.push(socket);
        socket.on('error', () => {});
        socket.write(signOfLife);
        live(socket);
      },
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const states: string[] = [];
    const us = selfSigned('us');
    const facts = { sent: 0, sentBytes: 0, dropped: 0, dials: 0 };
    const changes = Promise.withResolvers<void>();
    let wanted = { state: 'up', ...changes };
    const link = new Link(
      { id: idOf(theirs), address: '' },
      { host: '127.0.0.1', port },
      {
        identity: () => us,
        facts,
        dirty: (dirty) => setImmediate(() => dirty.flush()),
        changed: (_link, state) => {
          states.push(state);
          if (state === wanted.state) wanted.resolve();
        },
        note: () => {},
      },
    );
    t.after(() => {
      link.close();
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    link.wake();
    await changes.promise;
    const next = (state: string) => {
      wanted = { state, ...Promise.withResolvers<void>() };
      return wanted.promise;
    };
    return { link, facts, states, next };
  }

  test('to a peer that does not read keeps no more than its bound, and tells what it dropped', async (t) => {
    const { link, facts } = await peer(t, (socket) => socket.pause());
    const message = new Uint8Array(1_000_000);
    const count = 3 * Math.ceil(limits.channelQueueBytesMax / message.length);
    for (let i = 0; i < count; i += 1) link.send(message);
    assert.ok(facts.sentBytes <= limits.channelQueueBytesMax + message.length);
    assert.equal(facts.dropped, count - facts.sent);
  });

  test('holds a bounded number of small messages', async (t) => {
    const { link, facts } = await peer(t, (socket) => socket.pause());
    for (let i = 0; i < limits.channelQueueMax + 10; i += 1) link.send(new Uint8Array(1));
    assert.equal(facts.dropped, 10);
  });

  test('to a peer that has gone without a word is given up and dialled again', async (t) => {
    const { link, next, states } = await peer(t, () => {});
    const again = next('up');
    link.sweep(performance.now() + limits.channelSilenceMsMax / 2);
    link.sweep(performance.now() + limits.channelSilenceMsMax + 1000);
    await again;
    assert.deepEqual(states, ['up', 'down', 'up']);
  });

  test('asks for signs of life between messages, however many there are', async (t) => {
    let frames = '';
    const asked = Promise.withResolvers<void>();
    const { link } = await peer(t, (socket) => {
      socket.on('data', (bytes: Buffer) => {
        frames += bytes.toString('hex');
        if (frames.includes('00000000')) asked.resolve();
      });
    });
    link.send(bytes('busy'));
    link.flush();
    // The message is still on its way to the system.
    link.sweep(performance.now());
    await asked.promise;
    assert.equal(frames, `${Buffer.from(frame(bytes('busy'))).toString('hex')}00000000`);
  });

  test('gives up a peer that says more than signs of life', async (t) => {
    let visits = 0;
    const { next } = await peer(t, (socket) => {
      visits += 1;
      if (visits === 1) socket.once('data', () => socket.write(frame(bytes('out of turn'))));
    }).then((made) => {
      made.link.send(bytes('hello'));
      return made;
    });
    await next('up');
    assert.equal(visits, 2);
  });
});
