import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { minimalConfiguration } from '../testing/door.ts';
import { configurationFields, parseConfiguration } from './configuration.ts';
import { parseAddress, parseDuration, parseSize } from './units.ts';

/** A complete configuration in which one place, by its dotted path, has another value. */
function changed(path: string, value: unknown): string {
  const configuration = minimalConfiguration({});
  const names = path.split('.');
  const last = names.pop()!;
  let place = configuration;
  for (const name of names) {
    place[name] ??= {};
    place = place[name] as Record<string, unknown>;
  }
  place[last] = value;
  return JSON.stringify(configuration);
}

const parse = (text: string) => parseConfiguration(text, 'config.json');
const rpc = 'network.rpc_interfaces.main';

describe('a configuration', () => {
  test('that says the least has every default', () => {
    const { warnings, declared: _declared, ...rest } = parse(JSON.stringify(minimalConfiguration({})));
    assert.deepEqual(warnings, []);
    assert.deepEqual(rest.network.rpc_interfaces.main, {
      bind_address: '127.0.0.1:0',
      published_address: null,
      protocol: 'tcp',
      app_protocol: 'HTTP1',
      max_open_sessions_soft: 1000,
      max_open_sessions_hard: 1010,
      http_configuration: {
        max_body_size: 1_048_576,
        max_header_size: 16_384,
        max_headers_count: 256,
      },
      endorsement: { authority: 'Service' },
      accepted_endpoints: null,
      forwarding_timeout_ms: 3000,
      redirections: null,
    });
    assert.deepEqual(rest.ledger, { directory: 'ledger', read_only_directories: [], chunk_size: 5_242_880 });
    assert.deepEqual(rest.ledger_signatures, { tx_count: 5000, delay: 1000 });
    assert.deepEqual(rest.consensus, {
      message_timeout: 100,
      election_timeout: 5000,
      max_uncommitted_tx_count: 10_000,
    });
    assert.equal(rest.tick_interval, 10);
    assert.equal(rest.slow_io_logging_threshold, 10);
    assert.equal(rest.idle_connection_timeout, 60_000);
    assert.equal(rest.coco.metrics_address, null);
  });

  for (const [path, value] of [
    [`${rpc}.published_address`, '[2001:db8::1]:443'],
    [`${rpc}.http_configuration.max_body_size`, '1048576'],
    [`${rpc}.http_configuration`, null],
    [`${rpc}.accepted_endpoints`, ['/node/.*']],
    [`${rpc}.redirections`, { to_primary: { kind: 'NodeByRole', target: { role: 'primary' } } }],
    [`${rpc}.redirections`, { to_primary: { kind: 'StaticAddress', target: { address: 'a.b:1' } } }],
    ['command.recover', { previous_service_identity_file: null }],
    ['command.start.service_configuration', { recovery_threshold: 2 }],
    ['node_data_json_file', null],
    ['idle_connection_timeout', null],
    ['tick_interval', '1ms'],
    ['coco', { metrics_address: '127.0.0.1:9464' }],
    ['node_certificate.subject_alt_names', ['dNSName:a.b', 'iPAddress:1.2.3.4']],
  ] as const) {
    test(`may have ${path} = ${JSON.stringify(value)}`, () => {
      parse(changed(path, value));
    });
  }

  for (const [path, value, complaint] of [
    ['network', undefined, 'network: expected an object, it is missing'],
    ['network.rpc_interfaces', {}, 'network.rpc_interfaces: expected at least one interface, found {}'],
    [
      `${rpc}.bind_address`,
      8000,
      `${rpc}.bind_address: expected an address "host:port", IPv6 hosts in brackets, found 8000`,
    ],
    [
      `${rpc}.bind_address`,
      'a:99999',
      `${rpc}.bind_address: expected an address "host:port", IPv6 hosts in brackets, found "a:99999"`,
    ],
    [
      `${rpc}.bind_address`,
      '::1:80',
      `${rpc}.bind_address: expected an address "host:port", IPv6 hosts in brackets, found "::1:80"`,
    ],
    [
      `${rpc}.app_protocol`,
      'HTTP2',
      `${rpc}.app_protocol: expected "HTTP1"; HTTP/2 is not offered yet, found "HTTP2"`,
    ],
    [`${rpc}.protocol`, 'udp', `${rpc}.protocol: expected "tcp", found "udp"`],
    [
      `${rpc}.endorsement.authority`,
      'ACME',
      `${rpc}.endorsement.authority: expected "Service" or "Node" or "Unsecured", found "ACME"`,
    ],
    [
      `${rpc}.max_open_sessions_soft`,
      2000,
      `${rpc}.max_open_sessions_hard: expected at least max_open_sessions_soft`,
    ],
    [`${rpc}.max_open_sessions_soft`, -1, `${rpc}.max_open_sessions_soft: expected at least 0, found -1`],
    [
      `${rpc}.http_configuration.max_body_size`,
      5,
      `${rpc}.http_configuration.max_body_size: expected a size as a string, such as "5MB" or "16KB", found 5`,
    ],
    [
      `${rpc}.http_configuration.max_body_size`,
      '5 MB',
      `${rpc}.http_configuration.max_body_size: expected a size as a string, such as "5MB" or "16KB", found "5 MB"`,
    ],
    [
      `${rpc}.accepted_endpoints`,
      ['('],
      `${rpc}.accepted_endpoints.0: expected a regular expression, found "("`,
    ],
    [
      `${rpc}.redirections`,
      { to_primary: { kind: 'Guess' } },
      'expected an object with kind "NodeByRole" or "StaticAddress", found',
    ],
    [`${rpc}.port`, 1, `${rpc}.port: no such field`],
    [
      'command.type',
      'Begin',
      'command.type: expected an object with type "Start", "Join" or "Recover", found',
    ],
    ['command.start.members', [], 'command.start.members: expected at least one element, found []'],
    [
      'command.start.members',
      [{}],
      'command.start.members.0.certificate_file: expected the path of a file, it is missing',
    ],
    [
      'command.start.members',
      [{ certificate_file: 'a', recovery_role: 'Boss' }],
      'command.start.members.0.recovery_role: expected "NonParticipant" or "Participant" or "Owner", found "Boss"',
    ],
    [
      'command',
      { type: 'Recover', recover: {} },
      'command.recover.previous_service_identity_file: expected the path of a file, it is missing',
    ],
    [
      'command',
      { type: 'Join', join: { target_rpc_address: 'x y' } },
      'command.join.target_rpc_address: expected an address',
    ],
    ['ledger_signatures.tx_count', 0, 'ledger_signatures.tx_count: expected at least 1, found 0'],
    ['ledger_signatures.tx_count', 1.5, 'ledger_signatures.tx_count: expected an integer, found 1.5'],
    [
      'ledger_signatures.delay',
      1000,
      'ledger_signatures.delay: expected a duration as a string, such as "100ms", "10s" or "30min", found 1000',
    ],
    [
      'ledger_signatures.delay',
      '1 day',
      'ledger_signatures.delay: expected a duration as a string, such as "100ms", "10s" or "30min", found "1 day"',
    ],
    [
      'node_certificate.curve_id',
      'Ed25519',
      'node_certificate.curve_id: expected "Secp256R1" or "Secp384R1", found "Ed25519"',
    ],
    [
      'node_certificate.subject_alt_names',
      ['a.b'],
      'node_certificate.subject_alt_names.0: expected "dNSName:NAME" or "iPAddress:ADDRESS", found "a.b"',
    ],
    [
      'coco.metrics_address',
      '0.0.0.0:9464',
      'coco.metrics_address: expected a loopback address: metrics are served without TLS, found "0.0.0.0:9464"',
    ],
    ['ledgers', {}, 'ledgers: no such field'],
  ] as const) {
    test(`with ${path} = ${JSON.stringify(value)} is refused, naming the place`, () => {
      assert.throws(
        () => parse(changed(path, value)),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, 'Configuration');
          const line = error.message.split('\n').find((text) => text.includes(complaint));
          assert.ok(line?.startsWith('config.json: '), error.message);
          return true;
        },
      );
    });
  }

  test('with several faults is refused with a line for each', () => {
    const text = JSON.stringify({
      ...minimalConfiguration({ max_open_sessions_soft: 'x' }),
      tick_interval: 1,
    });
    assert.throws(() => parse(text), { message: /max_open_sessions_soft[\s\S]*\n.*tick_interval/ });
  });

  for (const [text, complaint] of [
    ['', /config\.json: is not JSON/],
    ['{"network": {,}', /config\.json: is not JSON/],
    ['[]', /config\.json: the file: expected an object, found \[\]/],
  ] as const) {
    test(`that reads ${JSON.stringify(text)} is refused`, () => {
      assert.throws(() => parse(text), { message: complaint });
    });
  }

  test('tells of fields that it takes and does not use, but not of those that are null', () => {
    const text = JSON.stringify({
      ...minimalConfiguration({ enabled_operator_features: [] }),
      worker_threads: 2,
      memory: { circuit_size: '4MB' },
      node_client_interface: null,
      snapshots: { min_tx_count: 0 },
      attestation: { snp_security_policy_file: null },
    });
    assert.deepEqual(parse(text).warnings, [
      `${rpc}.enabled_operator_features is accepted but has no effect`,
      'snapshots.min_tx_count is accepted but has no effect',
      'worker_threads is accepted but has no effect',
      'memory is accepted but has no effect',
    ]);
  });
});

describe('units', () => {
  for (const [text, bytes] of [
    ['0', 0],
    ['16384', 16_384],
    ['16KB', 16_384],
    ['5MB', 5_242_880],
    ['10GB', 10 * 1024 ** 3],
    ['1kb', undefined],
    ['-1MB', undefined],
    ['1.5MB', undefined],
    ['MB', undefined],
    ['9999999TB', undefined],
    ['1constructor', undefined],
  ] as const) {
    test(`the size ${text} is ${bytes}`, () => assert.equal(parseSize(text), bytes));
  }

  for (const [text, ms] of [
    ['10ms', 10],
    ['10000us', 10],
    ['1s', 1000],
    ['30min', 1_800_000],
    ['2h', 7_200_000],
    ['10', undefined],
    ['1 s', undefined],
    ['1d', undefined],
  ] as const) {
    test(`the duration ${text} is ${ms} ms`, () => assert.equal(parseDuration(text), ms));
  }

  for (const [text, address] of [
    ['127.0.0.1:8000', { host: '127.0.0.1', port: 8000 }],
    ['localhost', { host: 'localhost', port: 0 }],
    ['[::1]:80', { host: '::1', port: 80 }],
    ['[::1]', { host: '::1', port: 0 }],
    ['::1', undefined],
    ['a:b', undefined],
    ['a:65536', undefined],
    [':80', undefined],
    ['', undefined],
  ] as const) {
    test(`the address "${text}" is ${JSON.stringify(address)}`, () => {
      assert.deepEqual(parseAddress(text), address);
    });
  }
});

describe('the reference of the configuration', () => {
  const reference = readFileSync(
    join(import.meta.dirname, '../../../../docs/operate/configuration.md'),
    'utf8',
  );

  test('has one row for each field of the parser, with its default, and no other', () => {
    const cell = (value: unknown) => `\`${JSON.stringify(value)}\``;
    const rows = configurationFields().map(({ path, description, mandatory, fallback, unused }) => {
      const holds = mandatory ? 'required' : fallback === undefined ? '' : cell(fallback);
      return `| \`${path}\` | ${unused ? 'no effect' : holds} | ${description} |`;
    });
    assert.deepEqual(
      reference.split('\n').filter((line) => line.startsWith('| `')),
      rows,
    );
  });
});
