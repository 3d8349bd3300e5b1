import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { generateKeyPair, sha256Hex } from '@coco/crypto';
import {
  caCertBundles,
  constitution as constitutionTable,
  interpreterFlush,
  memberInfos,
  modules,
  nodeEndorsedCertificates,
  nodeInfos,
  nodePolicies,
  proposalInfos,
  runtimeOptions,
  serviceConfiguration,
  serviceInfo,
  snpHostData,
  snpTcbVersions,
  snpUvmEndorsements,
  userCerts,
  userInfos,
  virtualHostData,
  virtualMeasurements,
} from '../index.ts';
import { Consortium, nodeRecord } from '../testing/consortium.ts';
import { testEngine } from '../testing/engine.ts';
import { makePerson, type Person } from '../testing/people.ts';
import { variant } from '../testing/texts.ts';

const engine = testEngine();
const law = variant('default', 'virtual/actions.js');
/** One service for every check: what validation refuses leaves no trace. */
const service = new Consortium({ engine, constitution: law });
service.activateAll();
const [m0] = service.members as [Person, ...Person[]];
const id = 'c'.repeat(64);
const { certificate } = makePerson('somebody');

interface Action {
  readonly name: string;
  readonly args?: unknown;
}

const validity = { valid_from: '261123000000Z' };
const jwk = { kid: 'k', kty: 'RSA' };
const endpoint = {
  js_module: 'm.js',
  js_function: 'f',
  mode: 'readonly',
  forwarding_required: 'never',
  authn_policies: [],
};
function bundle(change: Record<string, unknown>, module = 'm.js') {
  const metadata = { endpoints: { '/x': { get: { ...endpoint, ...change } } } };
  return { bundle: { modules: [{ name: module, module: '' }], metadata } };
}

const checks: readonly [string, unknown, string][] = [
  ['set_member', { cert: 'x' }, 'cert must be a valid X509 certificate (bundle) in PEM format'],
  ['set_member', { cert: certificate, member_data: 5 }, 'member_data must be of type object but is number'],
  [
    'set_member',
    { cert: certificate, encryption_pub_key: generateKeyPair('P-256').publicKey.pem },
    'encryption_pub_key must be an RSA public key in PEM format',
  ],
  [
    'set_member',
    { cert: certificate, recovery_role: 'Owner' },
    'Cannot specify a recovery_role value when encryption_pub_key is not specified',
  ],
  [
    'set_member',
    { cert: certificate, recovery_role: 'King' },
    'recovery_role must be one of NonParticipant,Participant,Owner',
  ],
  ['remove_member', { member_id: 'ab' }, 'member_id must contain exactly 64 characters'],
  ['remove_member', { member_id: 'x'.repeat(64) }, 'member_id contains non-hexadecimal character'],
  ['remove_member', { member_id: 5 }, 'member_id must be of type string but is number'],
  ['set_member_data', { member_id: id }, 'member_data must be of type object but is undefined'],
  ['set_user', {}, 'cert must be a valid X509 certificate (bundle) in PEM format'],
  ['set_user_data', { user_id: id, user_data: 'x' }, 'user_data must be of type object but is string'],
  ['set_recovery_threshold', { recovery_threshold: 1.5 }, 'threshold must be an integer'],
  ['set_recovery_threshold', { recovery_threshold: 0 }, 'threshold must be greater than 1'],
  ['set_recovery_threshold', { recovery_threshold: 255 }, 'threshold must be lower than 254'],
  ['trigger_ledger_rekey', 'now', 'Proposal does not accept any argument, found "now"'],
  ['trigger_recovery_shares_refresh', {}, 'Proposal does not accept any argument, found "[object Object]"'],
  [
    'transition_service_to_open',
    {},
    'next service identity (PEM certificate) must be of type string but is undefined',
  ],
  [
    'transition_service_to_open',
    { next_service_identity: certificate, previous_service_identity: 'x' },
    'previous_service_identity must be a valid X509 certificate (bundle) in PEM format',
  ],
  [
    'set_service_configuration',
    { consensus: 'BFT' },
    'Cannot change consensus via set_service_configuration.',
  ],
  [
    'set_service_configuration',
    { recent_cose_proposals_window_size: 10001 },
    'recent cose proposals window size must be lower than 10000',
  ],
  [
    'assert_service_identity',
    { service_identity: certificate },
    'service_identity does not match the identity of this service',
  ],
  ['set_constitution', { constitution: 5 }, 'constitution must be of type string but is number'],
  ['set_js_app', { bundle: 'x' }, 'bundle must be of type object but is string'],
  ['set_js_app', bundle({}, 'other.js'), "module 'm.js' not found in bundle"],
  [
    'set_js_app',
    bundle({ mode: 'write' }),
    'bundle.metadata.endpoints["/x"]["get"].mode must be one of readwrite,readonly,historical',
  ],
  [
    'set_js_app',
    bundle({ authn_policies: [5] }),
    'bundle.metadata.endpoints["/x"]["get"].authn_policies[0] must be of type string or object but is number',
  ],
  [
    'set_js_app',
    bundle({ authn_policies: [{ all_of: [5] }] }),
    'bundle.metadata.endpoints["/x"]["get"].authn_policies[0].all_of[0] must be of type string but is number',
  ],
  ['set_js_runtime_options', { max_heap_bytes: 1 }, 'max_stack_bytes must be an integer'],
  [
    'set_ca_cert_bundle',
    { name: 'ca', cert_bundle: 'x' },
    'cert_bundle must be a valid X509 certificate (bundle) in PEM format',
  ],
  [
    'set_jwt_issuer',
    { issuer: 'x', auto_refresh: true },
    'ca_cert_bundle_name is missing but required if auto_refresh is true',
  ],
  [
    'set_jwt_issuer',
    { issuer: 'http://x', auto_refresh: true, ca_cert_bundle_name: 'ca' },
    'issuer must be a URL starting with https:// if auto_refresh is true',
  ],
  [
    'set_jwt_issuer',
    { issuer: 'https://x/?a', auto_refresh: true, ca_cert_bundle_name: 'ca' },
    'issuer must be a URL without query/fragment if auto_refresh is true',
  ],
  ['set_jwt_public_signing_keys', { issuer: 'x', jwks: {} }, 'jwks.keys must be an array'],
  [
    'set_jwt_public_signing_keys',
    { issuer: 'x', jwks: { keys: [jwk] } },
    'JWK must contain either x5c, or n/e for RSA key type, or x/y/crv for EC key type',
  ],
  [
    'set_jwt_public_signing_keys',
    { issuer: 'x', jwks: { keys: [{ ...jwk, x5c: [] }] } },
    'jwks.keys[0].x5c must be an array of minimum 1 elements',
  ],
  [
    'set_jwt_public_signing_keys',
    { issuer: 'x', jwks: { keys: [{ ...jwk, x: 'a', y: 'b' }] } },
    'jwks.keys[0].crv must be of type string but is undefined',
  ],
  ['transition_node_to_trusted', { node_id: id }, 'valid_from must be of type string but is undefined'],
  [
    'transition_node_to_trusted',
    { node_id: id, ...validity, validity_period_days: 0 },
    'validity_period_days must be greater than 1',
  ],
  ['set_attestation_policy', { policy: [] }, 'policy must be an object'],
  ['set_attestation_policy', { policy: { platform: {} } }, 'policy has no member platform'],
  [
    'set_attestation_policy',
    { policy: { platforms: { arm: {} } } },
    'policy.platforms member must be one of snp,tdx,sgx,tpm,azure-vm,nitro,virtual',
  ],
  [
    'set_attestation_policy',
    { policy: { platforms: { snp: { snp: { minTcb: { Milan: { sno: 1 } } } } } } },
    'policy.platforms.snp.snp.minTcb.Milan has no member sno',
  ],
  [
    'set_attestation_policy',
    { policy: { platforms: { tdx: { measurements: ['AB'] } } } },
    'policy.platforms.tdx.measurements[0] must be lower case hexadecimal',
  ],
  [
    'set_attestation_policy',
    { policy: { roles: { vote: 'best' } } },
    'policy.roles.vote must be one of processor,cloud,boot,none',
  ],
  [
    'set_attestation_policy',
    { policy: { lease: { seconds: 1 } } },
    'policy.lease.seconds must be greater than 60',
  ],
  [
    'set_attestation_policy',
    { policy: { machines: { ['a'.repeat(64)]: ['ff'], ['b'.repeat(64)]: ['ff'] } } },
    `machine ff is of ${'a'.repeat(64)} and of ${'b'.repeat(64)}`,
  ],
  [
    'set_platform_rule',
    { platform: 'tpm', rule: { tpm: { pcrs: { 32: [] } } } },
    'rule.tpm.pcrs member 32 is no register',
  ],
  ['set_platform_rule', { platform: 'snp', rule: { debug: true } }, 'rule has no member debug'],
  ['add_snp_uvm_endorsement', { did: 'd', feed: 'f', svn: 5 }, 'svn must be of type string but is number'],
  [
    'add_snp_host_data',
    { host_data: id, security_policy: 'policy' },
    `The hash of raw policy ${sha256Hex('policy')} does not match digest ${id}`,
  ],
  [
    'set_snp_minimum_tcb_version',
    { cpuid: '00A00F11', tcb_version: {} },
    'cpuid must be lower case hexadecimal',
  ],
  [
    'set_snp_minimum_tcb_version',
    { cpuid: '00a00f11', tcb_version: {} },
    'tcb_version.boot_loader must be of type number but is undefined',
  ],
  [
    'set_snp_minimum_tcb_version_hex',
    { cpuid: '00a00f11', tcb_version: 'd3' },
    'tcb_version must contain exactly 16 characters',
  ],
  ['set_party', { party: 'everybody' }, 'party must not be caller or everybody, which rules mean otherwise'],
  ['set_party', { party: 'caller' }, 'party must not be caller or everybody, which rules mean otherwise'],
  [
    'set_access_grant',
    {
      ...{ grant: 'g', to: 'role:auditor', purpose: 'audit', expires: '2027-01-01T00:00:00Z' },
      ...{ from: '2026-12-01T00:00:00Z', until: '2026-11-01T00:00:00Z' },
    },
    'from must be before until',
  ],
  ['pause_app', { endpoints: ['POST /nope'] }, 'endpoints[0] is no endpoint of the application: POST /nope'],
  ['pause_app', { endpoints: [] }, 'endpoints must name at least one; without it all are meant'],
  [
    'pause_app',
    { endpoint: ['POST /nope'] },
    'args has an unknown field endpoint: known are endpoints, reason',
  ],
  ['resume_app', { endpoints: ['POST /nope'] }, 'endpoints[0] is no endpoint of the application: POST /nope'],
  ['undo_transactions', null, 'args must be of type object but is null'],
  ['add_virtual_measurement', {}, 'measurement must be of type string but is undefined'],
];

describe('actions refuse what makes no sense', () => {
  for (const [name, args, message] of checks) {
    test(`${name}: ${message}`, () => {
      const answer = service.propose(m0, { name, args });
      assert.equal(answer.status, 400, answer.text);
      const said = (answer.body as { error: { message: string } }).error.message;
      const expected = `Proposal failed to validate: ${name} at position 0 failed validation: Error: ${message}`;
      assert.equal(said, expected);
    });
  }
});

const tcb = { boot_loader: 4, tee: 0, snp: 22, microcode: 213 };

/** Each action that is accepted, and what it leaves in the tables. */
const effects: readonly [
  string,
  readonly Action[],
  (state: ReturnType<Consortium['store']['begin']>) => unknown,
  unknown,
][] = [
  [
    'a user’s data can be set, and taken away again',
    [
      { name: 'set_user', args: { cert: certificate, user_data: { a: 1 } } },
      { name: 'set_user_data', args: { user_id: makeId(), user_data: null } },
    ],
    (state) => [userCerts.has(state, makeId()), userInfos.has(state, makeId())],
    [true, false],
  ],
  [
    'a user can be removed',
    [{ name: 'remove_user', args: { user_id: makeId() } }],
    (state) => userCerts.has(state, makeId()),
    false,
  ],
  [
    'configuration takes only what was given',
    [
      {
        name: 'set_service_configuration',
        args: {
          recent_cose_proposals_window_size: 200,
          recovery_threshold: null,
          reconfiguration_type: null,
        },
      },
    ],
    (state) => {
      const { recent_cose_proposals_window_size: window, recovery_threshold } =
        serviceConfiguration.require(state);
      return [window, recovery_threshold];
    },
    [200, 3],
  ],
  [
    'runtime options are stored as they were given',
    [
      {
        name: 'set_js_runtime_options',
        args: {
          max_heap_bytes: 1,
          max_stack_bytes: 2,
          max_execution_time_ms: 3,
          return_exception_details: true,
        },
      },
    ],
    (state) => runtimeOptions.get(state),
    { max_heap_bytes: 1, max_stack_bytes: 2, max_execution_time_ms: 3, return_exception_details: true },
  ],
  [
    'an app is installed and removed',
    [
      { name: 'set_js_app', args: { ...bundle({}), disable_bytecode_cache: true } },
      { name: 'remove_js_app' },
    ],
    (state) => [modules.size(state), interpreterFlush.get(state)],
    [0, undefined],
  ],
  [
    'certificate bundles come and go',
    [
      { name: 'set_ca_cert_bundle', args: { name: 'a', cert_bundle: certificate } },
      { name: 'set_ca_cert_bundle', args: { name: 'b', cert_bundle: certificate } },
      { name: 'remove_ca_cert_bundle', args: { name: 'a' } },
    ],
    (state) => [...caCertBundles.keys(state)],
    ['b'],
  ],
  [
    'UVM endorsements merge by issuer, and an issuer without feeds goes',
    [
      { name: 'add_snp_uvm_endorsement', args: { did: 'd1', feed: 'f1', svn: '1' } },
      { name: 'add_snp_uvm_endorsement', args: { did: 'd1', feed: 'f2', svn: '2' } },
      { name: 'add_snp_uvm_endorsement', args: { did: 'd2', feed: 'f1', svn: '1' } },
      { name: 'remove_snp_uvm_endorsement', args: { did: 'd1', feed: 'f1' } },
      { name: 'remove_snp_uvm_endorsement', args: { did: 'd2', feed: 'f1' } },
    ],
    (state) => [...snpUvmEndorsements.entries(state)],
    [['d1', { f2: { svn: '2' } }]],
  ],
  [
    'host data goes with the policy it is the digest of',
    [
      { name: 'add_snp_host_data', args: { host_data: sha256Hex('policy'), security_policy: 'policy' } },
      { name: 'add_snp_host_data', args: { host_data: id, security_policy: '' } },
      { name: 'remove_snp_host_data', args: { host_data: id } },
    ],
    (state) => [...snpHostData.entries(state)],
    [[sha256Hex('policy'), 'policy']],
  ],
  [
    'minimum firmware versions come and go',
    [
      { name: 'set_snp_minimum_tcb_version', args: { cpuid: '00a00f11', tcb_version: tcb } },
      { name: 'set_snp_minimum_tcb_version', args: { cpuid: '00a10f11', tcb_version: tcb } },
      { name: 'remove_snp_minimum_tcb_version', args: { cpuid: '00a00f11' } },
    ],
    (state) => [...snpTcbVersions.entries(state)],
    [['00a10f11', tcb]],
  ],
  [
    'the attestation policy is built rule by rule',
    [
      {
        name: 'set_attestation_policy',
        args: { policy: { lease: { seconds: 600 }, roles: { vote: 'cloud' }, graceSeconds: 60 } },
      },
      { name: 'set_platform_rule', args: { platform: 'tdx', rule: { measurements: ['ab'] } } },
      {
        name: 'set_platform_rule',
        args: { platform: 'snp', rule: { snp: { minTcb: { Milan: { snp: 22 } } } } },
      },
      { name: 'set_member_machines', args: { member_id: id, platform_ids: ['cd'] } },
      { name: 'remove_platform_rule', args: { platform: 'tdx' } },
    ],
    (state) => nodePolicies.get(state),
    {
      lease: { seconds: 600 },
      roles: { vote: 'cloud' },
      graceSeconds: 60,
      platforms: { snp: { snp: { minTcb: { Milan: { snp: 22 } } } } },
      machines: { [id]: ['cd'] },
    },
  ],
  [
    'the attestation policy goes as a whole',
    [{ name: 'remove_attestation_policy' }],
    (state) => nodePolicies.get(state) ?? null,
    null,
  ],
  [
    'virtual platforms come and go',
    [
      { name: 'add_virtual_measurement', args: { measurement: 'v2' } },
      {
        name: 'remove_virtual_measurement',
        args: { measurement: 'Insecure hard-coded virtual measurement v1' },
      },
      { name: 'add_virtual_host_data', args: { host_data: 'cd' } },
      { name: 'remove_virtual_host_data', args: { host_data: 'ab'.repeat(32) } },
    ],
    (state) => [[...virtualMeasurements.keys(state)], [...virtualHostData.values(state)]],
    [['v2'], ['cd']],
  ],
  [
    'the ledger’s chunks and snapshots are triggered',
    [{ name: 'trigger_ledger_chunk' }, { name: 'trigger_snapshot' }],
    () => service.effects.slice(-2),
    ['chunk', 'snapshot'],
  ],
  [
    'the right identity changes nothing',
    [{ name: 'assert_service_identity', args: { service_identity: service.serviceCertificate } }],
    (state) => serviceInfo.require(state).status,
    'Opening',
  ],
];

function makeId(): string {
  return sha256Hex(Buffer.from(certificate.split('\n').slice(1, -2).join(''), 'base64'));
}

describe('actions do what they say', () => {
  for (const [name, actions, read, expected] of effects) {
    test(name, () => {
      const answer = service.pass(...actions);
      assert.equal((answer.body as { proposalState?: string }).proposalState, 'Accepted', answer.text);
      assert.deepEqual(read(service.store.begin()), expected);
    });
  }

  test('a node is trusted once, gets certificates as long as allowed, and is retired', () => {
    const { store } = service;
    service.write((tx) => nodeInfos.set(tx, id, nodeRecord(service.nodeKey.publicKey.pem)));
    const status = () => nodeInfos.get(store.begin(), id)?.status;
    const days = (validity_period_days: number) => ({ node_id: id, ...validity, validity_period_days });
    const tooLong = service.pass({ name: 'transition_node_to_trusted', args: days(366) });
    assert.match(tooLong.text, /Validity period 366 \(days\) is not allowed: service max allowed is 365/);
    assert.equal(status(), 'Pending');
    service.pass({ name: 'transition_node_to_trusted', args: days(30) });
    assert.equal(nodeInfos.require(store.begin(), id).ledger_secret_seqno, service.secret.from);
    const first = nodeEndorsedCertificates.require(store.begin(), id);
    service.pass({ name: 'transition_node_to_trusted', args: days(60) });
    assert.equal(nodeEndorsedCertificates.require(store.begin(), id), first);
    service.pass({ name: 'set_node_certificate_validity', args: days(60) });
    assert.notEqual(nodeEndorsedCertificates.require(store.begin(), id), first);
    service.pass({ name: 'set_node_data', args: { node_id: id, node_data: { rack: 7 } } });
    service.pass({ name: 'remove_node', args: { node_id: id } });
    assert.equal(status(), 'Retired');
    assert.match(
      service.pass({ name: 'set_node_certificate_validity', args: days(1) }).text,
      /is not trusted/,
    );
    const unknown = { name: 'transition_node_to_trusted', args: { ...days(1), node_id: 'e'.repeat(64) } };
    assert.match(service.pass(unknown).text, /No such node/);
  });

  test('a pending node that is removed leaves no record', () => {
    service.write((tx) => nodeInfos.set(tx, id, nodeRecord(service.nodeKey.publicKey.pem)));
    service.pass({ name: 'remove_node', args: { node_id: id } });
    assert.equal(nodeInfos.has(service.store.begin(), id), false);
  });

  test('the service certificate is renewed with the same key', () => {
    const before = serviceInfo.require(service.store.begin()).cert;
    service.pass({
      name: 'set_service_certificate_validity',
      args: { ...validity, validity_period_days: 90 },
    });
    assert.notEqual(serviceInfo.require(service.store.begin()).cert, before);
  });

  test('an app of which a module does not parse is refused when it is installed, and the one before stays', () => {
    const before = modules.size(service.store.begin());
    const broken = { name: 'm.js', module: 'export function f( {' };
    const args = { bundle: { ...bundle({}).bundle, modules: [broken] } };
    const answer = service.pass({ name: 'set_js_app', args });
    assert.equal(answer.status, 500, answer.text);
    assert.match(answer.text, /Failed to apply\(\).*\/m\.js: Unexpected token \(1:20\)/);
    assert.equal(modules.size(service.store.begin()), before);
  });

  test('members may install it all the same: then the calls that need the module fail', () => {
    const modules = [{ name: 'm.js', module: 'export function f( {' }];
    const args = { bundle: { ...bundle({}).bundle, modules }, disable_bytecode_cache: true };
    assert.equal(service.pass({ name: 'set_js_app', args }).status, 200);
  });
});

describe('a constitution', () => {
  const fresh = (constitution = law): Consortium => {
    const consortium = new Consortium({ engine, constitution, roles: ['participant', 'none', 'none'] });
    consortium.activateAll();
    return consortium;
  };
  const change = (constitution: string): Action => ({ name: 'set_constitution', args: { constitution } });
  const skeleton = (resolve: string): string => `
    export function validate(input) { return { valid: true, description: "" }; }
    export function resolve(proposal, proposerId, votes) { ${resolve} }
    export function apply(proposal, proposalId) {}`;

  const refused: readonly [string, string, RegExp][] = [
    ['empty', '', /must be a non-empty string/],
    ['not JavaScript', 'export function {', /does not parse/],
    ['without validate', skeleton('').replace('validate', 'check'), /does not export a function validate/],
    ['with a validate of no parameters', skeleton('').replace('input', ''), /validate takes 0 parameters/],
    [
      'with an apply of one',
      skeleton('').replace('proposal, proposalId', 'proposal'),
      /apply takes 1 parameters/,
    ],
    ['under which nothing ever passes', skeleton('return "Open";'), /would lock everybody out.*answers Open/],
    ['that rejects everything', skeleton('return "Rejected";'), /would lock everybody out.*answers Rejected/],
    ['whose resolve throws', skeleton('votes.missing();'), /would lock everybody out/],
    [
      'that asks for more members than there are',
      skeleton('return votes.length > 3 ? "Accepted" : "Open";'),
      /lock/,
    ],
  ];
  for (const [name, text, message] of refused) {
    test(`${name} is refused by validation`, () => {
      const consortium = fresh();
      const result = consortium.propose(consortium.members[0] as Person, change(text));
      assert.equal(result.status, 400, result.text);
      assert.match((result.body as { error: { message: string } }).error.message, message);
    });
  }

  test('is tried out in the midst of a proposal, which goes on', () => {
    const consortium = fresh();
    const guard = {
      name: 'assert_service_identity',
      args: { service_identity: consortium.serviceCertificate },
    };
    const answer = consortium.propose(consortium.members[0] as Person, change(law), guard);
    assert.equal(answer.status, 200, answer.text);
  });

  test('is changed under the constitution in force, and rules from then on', () => {
    const consortium = fresh();
    const answer = consortium.pass(change(variant('sandbox')));
    assert.equal((answer.body as { proposalState: string }).proposalState, 'Accepted');
    assert.equal(constitutionTable.get(consortium.store.begin()), variant('sandbox'));
    const next = consortium.propose(consortium.members[1] as Person, { name: 'remove_js_app' });
    assert.equal((next.body as { proposalState: string }).proposalState, 'Accepted');
  });

  const writing = (table: string) => `
    export function validate(input) { return { valid: true, description: "" }; }
    export function resolve(proposal, proposerId, votes) { return "Accepted"; }
    export function apply(proposal, proposalId) {
      const map = ccf.kv["${table}"];
      map.set(ccf.strToBuf("k"), ccf.strToBuf("v"));
      JSON.parse(proposal).read && map.get(ccf.strToBuf("k"));
    }`;
  const access: readonly [string, object, number, RegExp][] = [
    ['public:ccf.gov.own', { read: true }, 200, /Accepted/],
    ['public:app', {}, 200, /Accepted/],
    ['public:app', { read: true }, 500, /Cannot call get on table/],
    ['public:ccf.internal.tree', {}, 500, /Cannot call set on table/],
    ['app', {}, 500, /Cannot call set on table/],
    ['ccf.gov.own', {}, 500, /Cannot call set on table/],
    ['ccf.own', {}, 500, /Failed to apply/],
    ['public:ccf.own', {}, 500, /Failed to apply/],
  ];
  for (const [table, payload, status, expected] of access) {
    const what = 'read' in payload ? 'writes and reads' : 'writes';
    test(`that ${what} ${table} in apply is answered ${status}`, () => {
      const consortium = fresh(writing(table));
      const [first] = consortium.members as [Person];
      const answer = consortium.post('/gov/members/proposals:create', first, { type: 'proposal', payload });
      assert.equal(answer.status, status, answer.text);
      assert.match(answer.text, expected);
    });
  }

  test('cannot write, nor act on the node, before a proposal is accepted', () => {
    for (const call of ['ccf.kv["public:ccf.gov.own"].clear()', 'ccf.node.triggerSnapshot()']) {
      const text = skeleton('return "Accepted";').replace('return { valid', `${call}; return { valid`);
      const consortium = fresh(text);
      const answer = consortium.propose(consortium.members[0] as Person);
      assert.match(answer.text, /Failed to execute validation: TypeError/);
    }
  });
});

describe('ways to resolve', () => {
  /** A service whose members have these data, with a pending node for each owner named. */
  function under(
    resolve: string,
    members: readonly (Record<string, unknown> | 'no key')[] = [{}, {}, {}, {}],
  ) {
    const roles = members.map(
      (each) => (each === 'no key' ? 'none' : 'participant') as 'none' | 'participant',
    );
    const consortium = new Consortium({
      engine,
      constitution: variant(resolve),
      roles,
      recoveryThreshold: 1,
    });
    consortium.activateAll();
    consortium.write((tx) => {
      members.forEach((data, i) => {
        const { id: member } = consortium.members[i] as Person;
        const member_data = data === 'no key' ? { is_operator: true } : data;
        memberInfos.set(tx, member, { ...memberInfos.require(tx, member), member_data });
      });
    });
    return consortium;
  }

  /** States after submission and after each vote, + in favour, - against, cast by members 0, 1, 2... */
  function course(consortium: Consortium, votes: string, action: Action = { name: 'remove_js_app' }): string {
    let answer = consortium.propose(consortium.members[0] as Person, action);
    const states: string[] = [];
    for (let i = 0; ; i++) {
      const { proposalId, proposalState } = answer.body as { proposalId: string; proposalState: string };
      states.push(proposalState);
      if (i === votes.length || proposalState !== 'Open') return states.join(' ');
      const ballot = `export function vote() { return ${votes[i] === '+'}; }`;
      answer = consortium.vote(consortium.members[i] as Person, proposalId, ballot);
    }
  }

  const veto = { veto: true };
  const courses: readonly [string, Parameters<typeof under>[1], string, string][] = [
    ['default', undefined, '+++', 'Open Open Open Accepted'],
    ['default', undefined, '---+', 'Open Open Open Open Open'],
    ['default', [{}, {}, {}], '-++', 'Open Open Open Accepted'],
    ['sandbox', undefined, '', 'Accepted'],
    ['m_of_n', undefined, '++', 'Open Open Accepted'],
    ['m_of_n', undefined, '---', 'Open Open Open Rejected'],
    ['m_of_n', [{}], '+', 'Open Accepted'],
    ['unanimous', [{}, {}, {}], '+++', 'Open Open Open Accepted'],
    ['unanimous', [{}, {}, {}], '+-', 'Open Open Rejected'],
    ['veto', undefined, '+-', 'Open Open Rejected'],
    ['veto', [{}, {}, veto], '-++', 'Open Open Open Accepted'],
    ['veto', [{}, {}, veto], '-+-', 'Open Open Open Rejected'],
    ['operator', [{}, {}, 'no key'], '++', 'Open Open Accepted'],
    ['automated_nodes', [{}, {}], '++', 'Open Open Accepted'],
  ];
  for (const [resolve, members, votes, expected] of courses) {
    const who = members === undefined ? '4 members' : `${members.length} members`;
    test(`${resolve}, ${who}, votes ${votes || 'none'}: ${expected}`, () => {
      assert.equal(course(under(resolve, members), votes), expected);
    });
  }

  const trust = (node_id: string): Action => ({
    name: 'transition_node_to_trusted',
    args: { node_id, valid_from: '261123000000Z' },
  });
  const addNode = (consortium: Consortium, node_id: string, owner?: string): Action => {
    const record = nodeRecord(consortium.nodeKey.publicKey.pem, owner === undefined ? null : { owner });
    consortium.write((tx) => nodeInfos.set(tx, node_id, record));
    return trust(node_id);
  };
  const stateOf = (answer: { body: never }): string =>
    (answer.body as { proposalState: string }).proposalState;

  test('operator: trusts a node alone, and nothing else', () => {
    const consortium = under('operator', ['no key', {}, {}]);
    const [operator, member] = consortium.members as [Person, Person, Person];
    const action = addNode(consortium, '1'.repeat(64));
    assert.equal(stateOf(consortium.propose(member, action)), 'Open');
    assert.equal(stateOf(consortium.propose(operator, action, { name: 'remove_js_app' })), 'Open');
    assert.equal(stateOf(consortium.propose(operator, action)), 'Accepted');
    const newOperator = { cert: makePerson('op2').certificate, member_data: { is_operator: true } };
    assert.equal(
      stateOf(consortium.propose(operator, { name: 'set_member', args: newOperator })),
      'Accepted',
    );
    // Nor can it take a member's key away by naming the member anew.
    const strip = { cert: member.certificate, member_data: { is_operator: true } };
    assert.equal(stateOf(consortium.propose(operator, { name: 'set_member', args: strip })), 'Open');
    const dismiss = { name: 'remove_member', args: { member_id: member.id } };
    assert.equal(stateOf(consortium.propose(operator, dismiss)), 'Open');
  });

  test('operator: an operator has no vote in what members decide', () => {
    const consortium = under('operator', [{}, {}, 'no key']);
    const [m0, , operator] = consortium.members as [Person, Person, Person];
    const { proposalId } = consortium.propose(m0, { name: 'remove_js_app' }).body as { proposalId: string };
    consortium.vote(m0, proposalId);
    assert.equal(stateOf(consortium.vote(operator, proposalId)), 'Open');
  });

  test('automated_nodes: a member brings in its own nodes up to the limit, others only by vote', () => {
    const consortium = under('automated_nodes', [{}, {}]);
    const [m0, m1] = consortium.members as [Person, Person];
    const own = ['1', '2', '3'].map((digit) => addNode(consortium, digit.repeat(64), m0.id));
    const nobodys = addNode(consortium, '4'.repeat(64));
    assert.equal(stateOf(consortium.propose(m1, own[0] as Action)), 'Open');
    assert.equal(stateOf(consortium.propose(m0, nobodys)), 'Open');
    assert.equal(stateOf(consortium.propose(m0, trust('5'.repeat(64)))), 'Open');
    assert.equal(stateOf(consortium.propose(m0)), 'Open');
    assert.equal(stateOf(consortium.propose(m0, own[0] as Action)), 'Accepted');
    assert.equal(stateOf(consortium.propose(m0, own[1] as Action, own[2] as Action)), 'Open');
    assert.equal(stateOf(consortium.propose(m0, own[1] as Action)), 'Accepted');
    assert.equal(stateOf(consortium.propose(m0, own[2] as Action)), 'Open');
    const remove = { name: 'remove_node', args: { node_id: '1'.repeat(64) } };
    assert.equal(stateOf(consortium.propose(m1, remove)), 'Open');
    assert.equal(stateOf(consortium.propose(m0, remove)), 'Accepted');
    assert.equal(stateOf(consortium.propose(m0, own[2] as Action)), 'Accepted');
    assert.equal(
      [...proposalInfos.entries(consortium.store.begin())].filter(([, p]) => p.state === 'Accepted').length,
      1,
    );
  });
});
