import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Door, plain, splitResponses } from '../testing/door.ts';

const unsecured = { endorsement: { authority: 'Unsecured' } };
const small = {
  ...unsecured,
  http_configuration: { max_body_size: '100', max_header_size: '1KB', max_headers_count: 4 },
};
const json = (code: string) =>
  new RegExp(`\\r\\ncontent-type: application/json\\r\\n.*"code":"${code}"`, 's');
const malformed = (code: string) =>
  new RegExp(`content-type: text/plain\\r\\n.*Unable to parse data as a HTTP request.*${code}`, 's');

describe('what is not a request this door takes', () => {
  const chunked = 'POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n';
  for (const [what, bytes, status, shape] of [
    // Not HTTP.
    ['a word that is no method', 'BLAH BLAH\r\n\r\n', 400, malformed('HPE_INVALID_METHOD')],
    ['a TLS greeting', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, malformed('HPE_INVALID_METHOD')],
    ['an HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, malformed('HPE_')],
    ['an unknown version', 'GET / HTTP/3.7\r\n\r\n', 400, malformed('HPE_INVALID_VERSION')],
    ['a target with a space', 'GET /a b HTTP/1.1\r\n\r\n', 400, malformed('HPE_')],
    [
      'a zero byte in a header',
      'GET / HTTP/1.1\r\nx: \0\r\n\r\n',
      400,
      malformed('HPE_INVALID_HEADER_TOKEN'),
    ],
    [
      'a header without a colon',
      'GET / HTTP/1.1\r\nnonsense\r\n\r\n',
      400,
      malformed('HPE_INVALID_HEADER_TOKEN'),
    ],
    [
      'a space before the colon',
      'GET / HTTP/1.1\r\nx : y\r\n\r\n',
      400,
      malformed('HPE_INVALID_HEADER_TOKEN'),
    ],
    ['a folded header', 'GET / HTTP/1.1\r\nx: a\r\n b\r\n\r\n', 400, malformed('HPE_')],
    ['a bare line feed', 'GET / HTTP/1.1\nx: y\n\n', 400, malformed('HPE_')],
    // Framing that two readers could read differently.
    [
      'two lengths',
      'POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab',
      400,
      malformed('HPE_'),
    ],
    ['a length and chunks', `${chunked.slice(0, -2)}content-length: 3\r\n\r\nabc`, 400, malformed('HPE_')],
    ['a length that is no number', 'POST / HTTP/1.1\r\ncontent-length: 0x10\r\n\r\n', 400, malformed('HPE_')],
    ['a negative length', 'POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n', 400, malformed('HPE_')],
    [
      'an endless length',
      `POST / HTTP/1.1\r\ncontent-length: ${'9'.repeat(40)}\r\n\r\n`,
      400,
      malformed('HPE_'),
    ],
    ['a chunk size that is none', `${chunked}zz\r\n`, 400, malformed('HPE_INVALID_CHUNK_SIZE')],
    [
      'an unknown transfer coding',
      'POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n',
      400,
      malformed('HPE_'),
    ],
    // Too much.
    [
      'an announced body too large',
      'POST / HTTP/1.1\r\ncontent-length: 101\r\n\r\n',
      413,
      json('RequestBodyTooLarge'),
    ],
    [
      'a chunked body too large',
      `${chunked}66\r\n${'x'.repeat(102)}\r\n0\r\n\r\n`,
      413,
      json('RequestBodyTooLarge'),
    ],
    [
      'a header too large',
      `GET / HTTP/1.1\r\nx-big: ${'y'.repeat(1025)}\r\n\r\n`,
      431,
      json('RequestHeaderTooLarge'),
    ],
    [
      'a header name too large',
      `GET / HTTP/1.1\r\n${'y'.repeat(1025)}: x\r\n\r\n`,
      431,
      json('RequestHeaderTooLarge'),
    ],
    ['a target too large', `GET /${'y'.repeat(1024)} HTTP/1.1\r\n\r\n`, 431, json('RequestHeaderTooLarge')],
    ['too many headers', `GET / HTTP/1.1\r\n${'a: b\r\n'.repeat(5)}\r\n`, 431, json('RequestHeaderTooLarge')],
    [
      'hundreds of headers',
      `GET / HTTP/1.1\r\n${'a: b\r\n'.repeat(300)}\r\n`,
      431,
      json('RequestHeaderTooLarge'),
    ],
    [
      'headers without end',
      `GET / HTTP/1.1\r\n${'a: bbbbbbbb\r\n'.repeat(9000)}`,
      431,
      json('RequestHeaderTooLarge'),
    ],
    [
      'a header without end',
      `GET / HTTP/1.1\r\na: ${'b'.repeat(90_000)}`,
      431,
      json('RequestHeaderTooLarge'),
    ],
    // Wishes.
    [
      'an unknown expectation',
      'POST / HTTP/1.1\r\nexpect: cake\r\ncontent-length: 1\r\n\r\n',
      417,
      json('InvalidHeaderValue'),
    ],
  ] as const) {
    test(`${what} is refused with ${status} and the session ends`, async (t) => {
      const door = await Door.open(t, small, () => plain('the node was asked'));
      const response = await door.exchange(`${bytes}GET /after HTTP/1.1\r\n\r\n`);
      assert.match(response, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.match(response, shape);
      assert.match(response, /connection: close\r\n/);
      assert.doesNotMatch(response, /the node was asked/);
      assert.deepEqual(door.batches, []);
    });
  }

  test('is refused after the answers to what came before it', async (t) => {
    const door = await Door.open(t, small);
    const response = await door.exchange('GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nrubbish\r\n\r\n');
    assert.match(response, /^HTTP\/1\.1 200 .*"\/1".*HTTP\/1\.1 200 .*"\/2".*HTTP\/1\.1 400 /s);
  });

  test('is not given back in the refusal', async (t) => {
    const door = await Door.open(t, small);
    assert.doesNotMatch(await door.exchange('<script> HTTP\r\n\r\n'), /script/);
  });

  test('is counted', async (t) => {
    const door = await Door.open(t, small);
    await door.exchange('rubbish\r\n\r\n');
    await door.exchange(`GET / HTTP/1.1\r\n${'a: b\r\n'.repeat(5)}\r\n`);
    await door.exchange('POST / HTTP/1.1\r\ncontent-length: 101\r\n\r\n');
    assert.deepEqual(door.listener.facts().errors, {
      parsing: 1,
      request_header_too_large: 1,
      request_payload_too_large: 1,
    });
  });
});

describe('what is unusual but HTTP', () => {
  for (const [what, bytes, expected] of [
    [
      'a chunked body',
      'POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\nt: u\r\n\r\n',
      'abc',
    ],
    [
      'a body of exactly the limit',
      `POST / HTTP/1.1\r\ncontent-length: 100\r\n\r\n${'x'.repeat(100)}`,
      'x'.repeat(100),
    ],
    ['empty lines before it', '\r\n\r\nPOST / HTTP/1.1\r\ncontent-length: 1\r\n\r\na', 'a'],
    ['header bytes beyond ASCII', 'POST / HTTP/1.1\r\nx: \xe4\xff\r\ncontent-length: 1\r\n\r\nb', 'b'],
    ['no host', 'POST / HTTP/1.1\r\ncontent-length: 1\r\n\r\nc', 'c'],
    [
      'names that objects have',
      'POST / HTTP/1.1\r\n__proto__: a\r\nconstructor: b\r\ncontent-length: 1\r\n\r\nd',
      'd',
    ],
    ['a wish to upgrade', 'GET / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n', ''],
  ] as const) {
    test(`${what} is taken`, async (t) => {
      const bodies: string[] = [];
      const door = await Door.open(t, small, ({ request }) => {
        bodies.push(Buffer.from(request.body).toString('latin1'));
        return plain('', { close: true });
      });
      assert.match(await door.exchange(bytes), /^HTTP\/1\.1 200 /);
      assert.deepEqual(bodies, [expected]);
    });
  }

  test('headers are data: no name of theirs reaches a prototype', async (t) => {
    let seen: Readonly<Record<string, string>> = {};
    const door = await Door.open(t, small, ({ request }) => {
      seen = request.headers;
      return plain('', { close: true });
    });
    await door.exchange('GET / HTTP/1.1\r\n__proto__: polluted\r\ntoString: x\r\n\r\n');
    assert.deepEqual(Object.entries(seen), [
      ['__proto__', 'polluted'],
      ['tostring', 'x'],
    ]);
    assert.equal(seen.constructor, undefined);
  });

  test('HTTP/1.0 is answered and closed', async (t) => {
    const door = await Door.open(t, unsecured, () => plain('ok'));
    const response = await door.exchange('GET / HTTP/1.0\r\n\r\nGET /after HTTP/1.0\r\n\r\n');
    assert.equal(response, 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: text/plain\r\n\r\nok');
  });

  test('connection: close is honoured without a word about it', async (t) => {
    const door = await Door.open(t, unsecured, () => plain('ok'));
    const response = await door.exchange('GET / HTTP/1.1\r\nconnection: close\r\n\r\n');
    assert.equal(response, 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: text/plain\r\n\r\nok');
  });

  test('a client that expects 100-continue gets it once, and only if it still waits', async (t) => {
    const door = await Door.open(t, unsecured, ({ request }) => plain(Buffer.from(request.body).toString()));
    const client = await door.connect();
    const head = 'POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n';
    client.send(head);
    assert.deepEqual(await client.responses(1), ['HTTP/1.1 100 Continue\r\n\r\n']);
    client.send('hello');
    assert.match((await client.responses(1))[0]!, /^HTTP\/1\.1 200 .*hello$/s);
    client.send(`${head}again`);
    assert.match((await client.responses(1))[0]!, /^HTTP\/1\.1 200 .*again$/s);
  });

  test('a refused client that goes on sending reads the refusal and is then cut off', async (t) => {
    const door = await Door.open(t, small);
    const client = await door.connect();
    client.socket.once('end', () => {});
    client.send('POST / HTTP/1.1\r\ncontent-length: 1000000\r\n\r\n');
    assert.match((await client.responses(1))[0]!, /^HTTP\/1\.1 413 /);
    assert.equal(client.socket.destroyed, false);
    door.turns.clock.now += 2_001;
    door.listener.sweep();
    await client.untilClosed();
  });
});

describe('recorded from CCF', () => {
  const recorded = join(import.meta.dirname, '../../../../../shared/data/ccf-wire/js');
  /** Status, and headers by name, of an answer; and the beginning of its body. */
  const shape = (response: string) => {
    const [head = '', body = ''] = response.split('\r\n\r\n');
    const [line = '', ...headers] = head.split('\r\n');
    const names = headers.map((header) => header.split(':')[0]!).sort();
    return { status: line.split(' ')[1], names, body: body.slice(0, 42) };
  };

  for (const name of ['err_400_garbage', 'conn_close', 'err_http10', 'expect_continue']) {
    test(`${name} is answered with the same status and headers`, async (t) => {
      const path = join(recorded, name);
      if (!existsSync(`${path}.req`)) return t.skip('the recordings are not present');
      const expected = shape(readFileSync(`${path}.res`, 'latin1'));
      const door = await Door.open(t, unsecured, ({ request }) =>
        request.method === 'POST'
          ? plain(expected.body, {
              status: 201,
              headers: [
                ['content-type', 'application/json'],
                ['x-app', 'yes'],
                ['x-ms-ccf-transaction-id', '2.25'],
              ],
              close: true,
            })
          : plain(expected.body, { headers: [['content-type', 'application/json']] }),
      );
      const found = shape(await door.exchange(readFileSync(`${path}.req`)));
      // The one addition: a server that closes of its own accord says so (RFC 9112, 9.6).
      assert.deepEqual(
        { ...found, names: found.names.filter((header) => header !== 'connection') },
        expected,
      );
    });
  }

  test('err_431_header is answered with the same status, headers and code', async (t) => {
    const path = join(recorded, 'err_431_header.res');
    if (!existsSync(path)) return t.skip('the recordings are not present');
    const door = await Door.open(t, unsecured);
    const response = await door.exchange(`GET / HTTP/1.1\r\nx-big: ${'a'.repeat(20_000)}\r\n\r\n`);
    const bodyOf = (text: string) => text.slice(text.indexOf('\r\n\r\n') + 4);
    assert.deepEqual(JSON.parse(bodyOf(response)), JSON.parse(bodyOf(readFileSync(path, 'latin1'))));
  });
});

describe('any bytes', () => {
  const valid =
    'POST /a?b=c HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\nhelloGET /x HTTP/1.1\r\nx: y\r\n\r\n';

  test('end in answers of a known status, or silence, and harm no other session', async (t) => {
    const door = await Door.open(t, small, () => plain('ok'));
    const other = await door.connect();
    let seed = 20_261_123;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return Math.floor((seed / 2 ** 31) * below);
    };
    for (let round = 0; round < 300; round += 1) {
      const bytes = Buffer.from(valid, 'latin1');
      for (let change = random(6); change >= 0; change -= 1) bytes[random(bytes.length)] = random(256);
      const client = await door.connect();
      const cut = random(bytes.length);
      client.send(bytes.subarray(0, cut));
      client.socket.end(bytes.subarray(cut));
      for (const response of splitResponses(await client.untilClosed())) {
        assert.match(response, /^HTTP\/1\.1 (100|200|400|413|417|431) /, `round ${round}`);
      }
    }
    other.send('GET / HTTP/1.1\r\n\r\n');
    await other.responses(1);
    assert.equal(door.listener.facts().active, 1);
  });
});
