import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { describe, test } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { Door, describeRequest, plain, selfSigned } from '../testing/door.ts';

const get = (target: string, ...headers: string[]) =>
  `GET ${target} HTTP/1.1\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`;
const post = (target: string, body: string, ...headers: string[]) =>
  `POST ${target} HTTP/1.1\r\ncontent-length: ${body.length}\r\n` +
  `${headers.map((line) => `${line}\r\n`).join('')}\r\n${body}`;

/** Body of an answer of the stand-in, which tells what the node was given. */
const told = (response: string) => JSON.parse(response.slice(response.indexOf('\r\n\r\n') + 4));

/** Waits, turn by turn of the event loop, until something holds. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

/** The same, for so many turns that whatever is under way on loopback has arrived; answers whether it held. */
async function turnsUntil(holds: () => boolean): Promise<boolean> {
  for (let turn = 0; turn < 500 && !holds(); turn += 1) await new Promise((resolve) => setImmediate(resolve));
  return holds();
}

describe('a request over TLS', () => {
  test('reaches the node as it was sent, and the answer has no header that was not asked for', async (t) => {
    const door = await Door.open(t);
    const client = await door.connect();
    client.send(post('/app/log?id=1%20', 'hällo', 'Host: h', 'X-Twice: a', 'x-twice: b'));
    const [response] = await client.responses(1);
    assert.deepEqual(told(response!), {
      method: 'POST',
      target: '/app/log?id=1%20',
      headers: { 'content-length': '5', host: 'h', 'x-twice': 'a, b' },
      body: 'hällo',
    });
    const head = response!.slice(0, response!.indexOf('\r\n\r\n'));
    assert.match(head, /^HTTP\/1\.1 200 OK\r\ncontent-length: \d+\r\ncontent-type: text\/plain$/);
  });

  test('is answered in order when pipelined, in however many pieces it comes', async (t) => {
    const door = await Door.open(t);
    const stream = [1, 2, 3, 4].map((i) => post(`/${i}`, `body ${i}`)).join('');
    for (const size of [1, 7, 40, 64, 100, stream.length]) {
      const client = await door.connect();
      for (let at = 0; at < stream.length; at += size) client.send(stream.slice(at, at + size));
      const bodies = (await client.responses(4)).map(told).map(({ target, body }) => [target, body]);
      assert.deepEqual(
        bodies,
        [1, 2, 3, 4].map((i) => [`/${i}`, `body ${i}`]),
      );
      client.socket.destroy();
    }
  });

  test('keeps its place when the node answers a later one first', async (t) => {
    const ids: number[] = [];
    const both = Promise.withResolvers<void>();
    const door = await Door.open(t, {}, (event) => {
      if (ids.push(event.id) === 2) both.resolve();
      return null;
    });
    const client = await door.connect();
    client.send(get('/a') + get('/b'));
    await both.promise;
    door.answer(ids[1]!, plain('second'));
    door.answer(ids[0]!, plain('first'));
    const responses = await client.responses(2);
    assert.match(responses[0]!, /first$/);
    assert.match(responses[1]!, /second$/);
  });

  test('comes with the others of its turn as one batch', async (t) => {
    const door = await Door.open(t);
    const client = await door.connect();
    client.send(get('/1') + get('/2') + get('/3'));
    await client.responses(3);
    assert.deepEqual(
      door.batches.map((batch) => batch.length),
      [3],
    );
  });

  test('with the client gone is reported as abandoned, and its answer goes nowhere', async (t) => {
    const door = await Door.open(t, { endorsement: { authority: 'Unsecured' } }, () => null);
    const client = await door.connect();
    client.send(get('/slow'));
    await until(() => door.batches.length === 1);
    client.socket.resetAndDestroy();
    await until(() => door.batches.length === 2);
    const [request, abandoned] = door.batches.flat();
    assert.equal(request!.kind, 'request');
    assert.deepEqual(abandoned, { kind: 'abandoned', id: (request as { id: number }).id });
    door.answer((request as { id: number }).id, plain('too late'));
  });

  test('is answered after the client has closed its half', async (t) => {
    const door = await Door.open(t);
    const client = await door.connect();
    client.socket.end(get('/last'));
    assert.match(await client.untilClosed(), /"target":"\/last"/);
  });

  test('carries the DER of the client certificate, and nothing when there is none', async (t) => {
    const seen: (Uint8Array | null)[] = [];
    const door = await Door.open(t, {}, (event) => {
      seen.push(event.session.clientCertificate);
      return plain('');
    });
    const { certificatePem: cert, privateKeyPem: key } = selfSigned('user');
    for (const options of [{ cert, key }, {}]) {
      const client = await door.connect(options);
      client.send(get('/'));
      await client.responses(1);
    }
    assert.deepEqual(seen, [new Uint8Array(new X509Certificate(cert).raw), null]);
  });

  test('keeps one session id for a connection, another for the next', async (t) => {
    const ids: number[] = [];
    const door = await Door.open(t, {}, (event) => {
      ids.push(event.session.id);
      assert.equal(event.session.interface, 'main');
      return plain('');
    });
    for (const _ of [1, 2]) {
      const client = await door.connect();
      client.send(get('/') + get('/'));
      await client.responses(2);
    }
    assert.equal(ids[0], ids[1]);
    assert.equal(ids[2], ids[3]);
    assert.notEqual(ids[0], ids[2]);
  });
});

describe('the identity of an interface', () => {
  test('is presented with TLS 1.3, or 1.2 to those who know no better, and never less', async (t) => {
    const door = await Door.open(t);
    for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
      const client = await door.connect({ maxVersion, minVersion: 'TLSv1.2' });
      assert.equal((client.socket as TLSSocket).getProtocol(), maxVersion);
    }
    const old = door.connect({ maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' });
    await assert.rejects(old, /protocol version|no protocols/i);
  });

  test('is swapped for new connections when it is renewed; those there are go on', async (t) => {
    const door = await Door.open(t);
    const before = await door.connect();
    const renewed = selfSigned('renewed');
    door.listener.setIdentity('Node', selfSigned('of another authority'));
    door.listener.setIdentity('Service', renewed);
    const after = await door.connect({
      ca: renewed.certificatePem,
      rejectUnauthorized: true,
      checkServerIdentity: () => undefined,
    });
    assert.equal((after.socket as TLSSocket).authorized, true);
    before.send(get('/still/here'));
    await before.responses(1);
  });

  test('has to be there before anyone is let in', async (t) => {
    const door = await Door.open(t, { endorsement: { authority: 'Node' } });
    const { port } = door.listener.address!;
    const refused = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
    await assert.rejects(once(refused, 'secureConnect'));
    door.listener.setIdentity('Node', selfSigned('node'));
    const client = await door.connect();
    client.send(get('/'));
    await client.responses(1);
  });

  test('is not asked of an unsecured interface: it speaks plain TCP', async (t) => {
    const door = await Door.open(t, { endorsement: { authority: 'Unsecured' } });
    const client = await door.connect();
    client.send(get('/plain'));
    assert.equal(told((await client.responses(1))[0]!).target, '/plain');
  });
});

describe('limits', () => {
  const unsecured = { endorsement: { authority: 'Unsecured' } };

  test('sessions beyond the soft cap are answered 503 and closed', async (t) => {
    const door = await Door.open(t, { ...unsecured, max_open_sessions_soft: 1 });
    const first = await door.connect();
    first.send(get('/'));
    await first.responses(1);
    const response = await door.exchange(get('/'));
    assert.match(response, /^HTTP\/1\.1 503 /);
    assert.match(response, /"code":"SessionCapExhausted"/);
    first.send(get('/'));
    await first.responses(1);
    assert.equal(door.listener.facts().active, 1);
    assert.equal(door.listener.facts().peak, 2);
  });

  test('connections beyond the hard cap are closed before a byte is exchanged', async (t) => {
    const door = await Door.open(t, { max_open_sessions_soft: 1, max_open_sessions_hard: 1 });
    const first = await door.connect();
    const { port } = door.listener.address!;
    const second = connectTcp({ port, host: '127.0.0.1' });
    second.on('error', () => {});
    await once(second, 'close');
    assert.equal(second.bytesRead, 0);
    first.send(get('/'));
    await first.responses(1);
  });

  test('a session that is silent for too long is closed, one that waits for the node is not', async (t) => {
    const door = await Door.open(
      t,
      unsecured,
      (event) => (event.request.target === '/slow' ? null : plain('')),
      50,
    );
    const silent = await door.connect();
    silent.send(get('/'));
    await silent.responses(1);
    const waiting = await door.connect();
    waiting.send(get('/slow'));
    await until(() => door.turns.facts.requests === 2);
    door.turns.clock.now += 51;
    door.listener.sweep();
    await silent.untilClosed();
    assert.equal(door.listener.facts().active, 1);
  });

  test('a request that dribbles in is refused after a while, however lively it is', async (t) => {
    const door = await Door.open(t, unsecured);
    const client = await door.connect();
    for (const piece of ['GET / HT', 'TP/1.1\r\n', 'x: ']) {
      client.send(piece);
      await until(() => door.listener.facts().active > 0);
    }
    await received(door, client);
    door.turns.clock.now += 30_001;
    door.listener.sweep();
    assert.match(await client.untilClosed(), /^HTTP\/1\.1 408 /);
  });

  /** A second connection's answer shows that what was sent before on the first has been read. */
  async function received(door: Door, client: { send(text: string): void }): Promise<void> {
    client.send('y');
    const other = await door.connect();
    other.send(get('/'));
    await other.responses(1);
    other.socket.destroy();
  }

  test('a client that does not read its answers is not read from', async (t) => {
    const body = 'x'.repeat(500_000);
    const door = await Door.open(t, unsecured, () => plain(body));
    const client = await door.connect();
    client.socket.pause();
    let sent = 0;
    // One by one, until one is not taken any more: the system's own buffers are full by then.
    for (let taken = true; taken; sent += 1) {
      assert.ok(sent < 200, 'all of 100 MB was taken though nobody reads');
      client.send(get(`/${sent}`));
      taken = await turnsUntil(() => door.turns.facts.requests === sent + 1);
    }
    const head = `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\ncontent-type: text/plain\r\n\r\n`;
    client.socket.resume();
    await until(() => client.received.length === sent * (head.length + body.length));
  });
});

describe('answers', () => {
  const unsecured = { endorsement: { authority: 'Unsecured' } };

  test('to HEAD have the length of the body and not the body', async (t) => {
    const door = await Door.open(t, unsecured, () => plain('four'));
    const client = await door.connect();
    client.send(`HEAD / HTTP/1.1\r\n\r\n${get('/')}`);
    const text = await new Promise<string>((resolve) => {
      client.socket.on('data', () => client.received.endsWith('four') && resolve(client.received));
    });
    const head = 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-type: text/plain\r\n\r\n';
    assert.equal(text, `${head}${head}four`);
  });

  test('end the session when the node says so; what follows is not heard', async (t) => {
    const door = await Door.open(t, unsecured, () => plain('bye', { close: true }));
    const text = await door.exchange(get('/1') + get('/2'));
    assert.equal(text.match(/bye/g)?.length, 1);
    assert.match(text, /connection: close\r\n/);
  });

  test('may be bytes of any size', async (t) => {
    for (const size of [0, 1, 16_384, 16_385, 3_000_000]) {
      const body = new Uint8Array(size).map((_, i) => i);
      const door = await Door.open(t, {}, () => plain('', { body, close: true }));
      const text = await door.exchange(get('/'));
      const received = Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'latin1');
      assert.ok(received.equals(body), `${size} bytes`);
    }
  });

  for (const [what, response] of [
    ['a line break in a header value', { headers: [['x', 'a\r\nset-cookie: b']] }],
    ['a header name that is none', { headers: [['x: y\r\n', 'a']] }],
    ['a status that is none', { status: 42 }],
    ['an interim status', { status: 101 }],
    ['a character beyond latin1 in a header', { headers: [['x', '\u2603']] }],
  ] as const) {
    test(`with ${what} become a 500 that shows nothing of it`, async (t) => {
      const door = await Door.open(t, unsecured, () => plain('secret', response as never));
      const text = await door.exchange(get('/', 'connection: close'));
      assert.match(text, /^HTTP\/1\.1 500 /);
      assert.doesNotMatch(text, /secret|set-cookie/);
    });
  }

  test('cannot reframe the session by their own headers', async (t) => {
    const headers = [
      ['Content-Length', '9999'],
      ['Transfer-Encoding', 'chunked'],
      ['connection', 'upgrade'],
      ['X-App', 'yes'],
    ] as const;
    const door = await Door.open(t, unsecured, () => plain('ok', { headers }));
    const client = await door.connect();
    client.send(get('/'));
    const [response] = await client.responses(1);
    assert.equal(response, 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-app: yes\r\n\r\nok');
  });
});

describe('shutting down', () => {
  test('does not wait for who has connected and says nothing', async (t) => {
    const door = await Door.open(t);
    const socket = connectTcp({ port: door.listener.address!.port, host: '127.0.0.1' });
    await once(socket, 'connect');
    // Somebody who came later was let in, so the silent one has been seen.
    await door.connect();
    door.listener.destroy();
    await Promise.all([door.listener.shutdown(), once(socket, 'close')]);
  });

  test('answers what was asked and lets nobody in any more', async (t) => {
    const ids: number[] = [];
    const door = await Door.open(t, {}, (event) => {
      ids.push(event.id);
      return null;
    });
    const client = await door.connect();
    client.send(get('/'));
    await until(() => ids.length > 0);
    const closed = door.listener.shutdown();
    client.send(get('/too-late'));
    door.answer(ids[0]!, plain('done'));
    await closed;
    assert.match(await client.untilClosed(), /done$/);
    assert.equal(describeRequest(door.batches[0]![0] as never).includes('too-late'), false);
    assert.equal(ids.length, 1);
  });
});
