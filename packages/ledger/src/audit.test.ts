import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateKeyPair } from '@coco/crypto';
import {
  nodeCertificate,
  SampleService,
  serviceCertificate,
} from '../../../tests/vectors/ledger/sample-service.ts';
import {
  type AuditOptions,
  Auditor,
  type AuditReport,
  buildSignature,
  buildSnapshot,
  encodeEntry,
  readSnapshot,
  singletonKey,
  tables,
} from './index.ts';

function serviceWithRecords(): SampleService {
  const service = new SampleService().open();
  for (let i = 0; i < 5; i++) service.record(`key ${i}`, 'value');
  service.sign();
  return service;
}

/** Feeds entries with an offset each, as a reader of files would. */
function audit(entries: Iterable<{ bytes: Uint8Array }>, options: AuditOptions = {}): AuditReport {
  const auditor = new Auditor(options);
  let offset = 8;
  for (const { bytes } of entries) {
    auditor.feed(bytes, { file: 'ledger_1', offset });
    offset += bytes.length;
  }
  return auditor.finish();
}

const nodeInfo = (status: string, retired = false) => JSON.stringify({ status, retired_committed: retired });
const writeNode = (service: SampleService, status: string, retired = false) =>
  service.write(new Map([[tables.nodesInfo, new Map([[service.nodeId, nodeInfo(status, retired)]])]]));
const writeService = (service: SampleService, status: string, cert = service.serviceCert.pem) =>
  service.write(new Map([[tables.serviceInfo, new Map([[singletonKey, JSON.stringify({ status, cert })]])]]));

test('a sound ledger has no problems, and the report says how far it is vouched for', () => {
  const service = serviceWithRecords();
  service.view = 5;
  service.record('unsigned', 'tail');
  const report = audit(service.entries, { trustedServiceCert: service.serviceCert.pem });
  const { problems, lastSigned, views, entries, signatures, coseSignatures, serviceStatus, first, last } =
    report;
  assert.deepEqual(problems, []);
  assert.deepEqual([entries, signatures, coseSignatures, first, last], [10, 2, 2, 1, 10]);
  assert.deepEqual(lastSigned, { view: 2, seqno: 9 });
  assert.equal(report.lastSignedRoot, service.history.root(9));
  assert.deepEqual(views, [
    { view: 2, seqno: 1 },
    { view: 5, seqno: 10 },
  ]);
  assert.equal(serviceStatus, 'Open');
});

test('an audit goes on after a snapshot', () => {
  const service = serviceWithRecords();
  const seqno = service.entries.length;
  service.store.retain();
  const { leaf, view } = service.entry(seqno);
  const content = {
    txId: { view, seqno },
    leaf,
    viewHistory: service.views.toArray(),
    state: service.store.at(seqno),
  };
  const after = readSnapshot(buildSnapshot(content, service.secrets).bytes);
  service.record('after', 'snapshot');
  service.sign();
  const report = audit(service.entries.slice(seqno), { after, trustedServiceCert: service.serviceCert.pem });
  assert.deepEqual(report.problems, []);
  assert.deepEqual([report.first, report.last, report.serviceStatus], [10, 11, 'Open']);
  assert.deepEqual(report.lastSigned, { view: 2, seqno: 11 });
});

test('the service in force at the end must be the trusted one', () => {
  const service = serviceWithRecords();
  const { problems } = audit(service.entries, { trustedServiceCert: new SampleService().serviceCert.pem });
  assert.deepEqual(
    problems.map(({ step }) => step),
    ['service-key'],
  );
});

test('changing any entry shows at the next signature, which is named', () => {
  const service = serviceWithRecords();
  const intact = service.entries;
  for (const changed of [1, 4, 6]) {
    const { view, seqno } = intact[changed]!;
    // A well-formed entry with other content, as only a holder of the ledger secret could make.
    const forged = encodeEntry(
      { view, seqno, writeSet: new Map([['records', new Map([['x', 'y']])]]) },
      service.secrets,
    );
    const entries = intact.map((entry) => (entry.seqno === seqno ? forged : entry));
    const { problems, lastSigned } = audit(entries);
    const next = changed < 2 ? 1 : 8;
    const found = problems.find((problem) => problem.step === 'root');
    assert.ok(found !== undefined || changed === 1, `entry ${seqno}`);
    if (changed !== 1) {
      assert.equal(found?.seqno, intact[next]!.seqno);
      assert.deepEqual(lastSigned, { view: 2, seqno: 2 });
    }
  }
});

test('a gap, a repetition or a view that falls ends the audit there', () => {
  const service = serviceWithRecords();
  const [first, second, third] = service.entries;
  const older = encodeEntry({ view: 1, seqno: 3, writeSet: new Map() }, service.secrets);
  for (const [entries, seqno] of [
    [[first, third], 2],
    [[first, second, second], 3],
    [[first, second, older], 3],
    [[second], 1],
  ] as const) {
    const report = audit(entries.map((entry) => entry!));
    assert.equal(report.stopped, true);
    assert.deepEqual(
      report.problems.map((problem) => problem.seqno),
      [seqno],
    );
  }
});

test('bytes that are no entry end the audit with their place', () => {
  const service = serviceWithRecords();
  const { problems, stopped, entries } = audit([
    service.entries[0]!,
    { bytes: new Uint8Array(60) },
    service.entries[1]!,
  ]);
  assert.equal(stopped, true);
  assert.equal(entries, 1);
  const offset = 8 + service.entries[0]!.bytes.length;
  assert.deepEqual(problems[0]?.location, { file: 'ledger_1', offset });
});

test('a signature counts only of a node that may sign', () => {
  for (const [status, retired, laterView, may] of [
    ['Pending', false, false, false],
    ['Retired', false, true, true],
    // The primary signs its own retirement, and nothing after its view.
    ['Retired', true, false, true],
    ['Retired', true, true, false],
    ['Trusted', false, true, true],
  ] as const) {
    const service = serviceWithRecords();
    writeNode(service, status, retired);
    if (laterView) service.view += 1;
    const { seqno } = service.sign();
    const { problems } = audit(service.entries);
    const expected = may ? [] : [{ seqno, step: 'node' }];
    assert.deepEqual(
      problems.map(({ seqno, step }) => ({ seqno, step })),
      expected,
      `${status} ${retired} ${laterView}`,
    );
  }
  const removed = serviceWithRecords();
  removed.write(new Map([[tables.nodesInfo, new Map<string, string | null>([[removed.nodeId, null]])]]));
  removed.sign();
  assert.deepEqual(
    audit(removed.entries).problems.map(({ step }) => step),
    ['node'],
  );
});

/** Signs as the service would, but with some of it replaced. */
function signWith(service: SampleService, change: Partial<Parameters<typeof buildSignature>[0]>): void {
  const seqno = service.history.size;
  const request = {
    view: service.view,
    seqno,
    history: service.history,
    nodeKey: service.keys.node,
    nodeId: service.nodeId,
    nodeCert: service.nodeCert.pem,
    serviceKey: service.keys.service,
    cose: { issuer: 'i', subject: 's' },
    nowSeconds: 1,
    commit: { view: 2, seqno: 1 },
  };
  service.write(buildSignature({ ...request, ...change }));
}

test('each part of a signature is checked', () => {
  const stranger = generateKeyPair('P-256');
  const strangerService = serviceCertificate(stranger);
  const cases: [string, (service: SampleService) => Partial<Parameters<typeof buildSignature>[0]>, string][] =
    [
      ['another node key', () => ({ nodeKey: stranger }), 'root-signature'],
      ['unknown node', () => ({ nodeId: stranger.publicKey.id }), 'node'],
      ['another service key', () => ({ serviceKey: stranger }), 'service-key'],
      ['another view', () => ({ view: 7 }), 'transaction-id'],
      [
        'certificate of another service',
        ({ keys }) => ({ nodeCert: nodeCertificate(keys.node, stranger, strangerService).pem }),
        'node-certificate',
      ],
      [
        'certificate of another node',
        ({ keys, serviceCert }) => ({ nodeCert: nodeCertificate(stranger, keys.service, serviceCert).pem }),
        'node',
      ],
    ];
  for (const [what, change, step] of cases) {
    const service = serviceWithRecords();
    signWith(service, change(service));
    const { problems, lastSigned } = audit(service.entries);
    assert.deepEqual(
      problems.map((problem) => problem.step),
      [step],
      what,
    );
    assert.deepEqual(lastSigned, { view: 2, seqno: 9 }, what);
  }
});

test('the service goes through its states as it may, and identities change only in a recovery', () => {
  const stranger = serviceCertificate(generateKeyPair('P-256')).pem;
  const open = serviceWithRecords;
  const transitions: [string[], boolean][] = [
    [['Open'], true],
    [['Recovering'], false],
    [['WaitingForRecoveryShares'], false],
    [['Closed'], false],
  ];
  for (const [statuses, fine] of transitions) {
    const service = open();
    for (const status of statuses) writeService(service, status);
    assert.equal(audit(service.entries).problems.length === 0, fine, statuses.join());
  }
  const recovered = open();
  for (const status of ['Recovering', 'WaitingForRecoveryShares', 'Open'])
    writeService(recovered, status, stranger);
  assert.deepEqual(audit(recovered.entries).problems, []);
  const stolen = open();
  writeService(stolen, 'Open', stranger);
  assert.deepEqual(
    audit(stolen.entries).problems.map(({ step }) => step),
    ['service-key'],
  );
});

test('an audit that finds nothing but problems stops', () => {
  const service = serviceWithRecords();
  for (let i = 0; i < 150; i++) writeService(service, i % 2 === 0 ? 'Opening' : 'Open', `${i}`);
  const { problems, stopped } = audit(service.entries);
  assert.equal(problems.length, 100);
  assert.equal(stopped, true);
});
