// The tool against a real node: a service is run by `coco dev`, used, governed and audited with nothing else.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { listChunks, readEntries } from './ledger/folder.ts';
import type { Ending } from './program.ts';
import { type Place, place } from './testing/place.ts';

const samples = fileURLToPath(new URL('../../../samples', import.meta.url));
const write = ['transaction', 'submit', 'POST', '/app/log/private', '--data'];
const message = '/app/log/private?id=42';

/** Resolves when `done` holds, or rejects with how the service ended before. */
async function until(running: Promise<Ending>, done: () => boolean): Promise<void> {
  const ended = running.then((ending) => assert.fail(`coco dev ended: ${ending.error}${ending.out}`));
  while (!done()) await Promise.race([delay(20), ended]);
}

const opensslMissing =
  spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not on this machine';

function openssl(here: Place, ...words: string[]): void {
  const { status, stderr } = spawnSync('openssl', words, { cwd: here.directory, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}

/** Turns the first ballot in favour around, in place. Answers the seqno of its entry. */
function tamperWithBallot(folder: string): number {
  for (const item of readEntries(listChunks(folder))) {
    if (item.kind !== 'entry') continue;
    const at = Buffer.from(item.bytes).indexOf('{ return true; }');
    if (at < 0) continue;
    const path = join(folder, item.file);
    const bytes = readFileSync(path);
    bytes.write('{ return null; }', item.offset + at);
    writeFileSync(path, bytes);
    return item.seqno;
  }
  return assert.fail('no ballot in the ledger');
}

describe('a service of three members', { timeout: 120_000 }, () => {
  let here: Place;
  let running: Promise<Ending>;

  before(async () => {
    here = place();
    const counts = ['--initial-member-count', '3', '--initial-user-count', '2'];
    const contract = ['--js-app-bundle', `${samples}/contracts/logging`];
    const constitution = ['--constitution-dir', `${samples}/constitutions/default`];
    running = here.coco('dev', '-n', '127.0.0.1:0', ...counts, ...contract, ...constitution);
    await until(running, () => here.progress.some((line) => line.includes('Ctrl-C')));
    for (const member of ['member1', 'member2']) {
      const keys = ['--cert', `workspace/sandbox_common/${member}_cert.pem`];
      keys.push('--key', `workspace/sandbox_common/${member}_privk.pem`);
      const { value } = await here.json('profile', 'show', 'dev');
      const address = ['--address', String((value.addresses as string[])[0])];
      const service = ['--service-cert', 'workspace/sandbox_common/service_cert.pem'];
      assert.equal((await here.coco('profile', 'set', member, ...address, ...service, ...keys)).code, 0);
    }
  });

  after(async () => {
    here.stop();
    const { code, error, out } = await running;
    here[Symbol.dispose]();
    assert.deepEqual([code, error, out], [0, '', 'stopped\n']);
  });

  const as = (profile: string, ...words: string[]) => here.json(...words, '--profile', profile);

  test('a node is known by its evidence alone, and never in silence', async () => {
    const { value: profile } = await here.json('profile', 'show', 'dev');
    const [address = ''] = profile.addresses as string[];
    using stranger = place();
    const words = ['attestation', 'node', '--address', address];
    const silent = await stranger.coco(...words);
    assert.match(silent.error, /--policy is needed/);
    writeFileSync(stranger.file('careful.json'), '{}');
    const refused = await stranger.coco(...words, '--policy', 'careful.json');
    assert.match(refused.error, /platform-accepted/);
    writeFileSync(stranger.file('policy.json'), '{"platforms": ["virtual"]}');
    const { code, value } = await stranger.json(...words, '--policy', 'policy.json', '--out', 'service.pem');
    assert.equal(code, 0);
    assert.equal((value.claims as { assurance: string }).assurance, 'none');
    const shown = await stranger.coco('attestation', 'show', address, '--policy', 'policy.json');
    assert.match(shown.out, /ok +report-data +the evidence binds the expected key/);
    const published = readFileSync(here.file('workspace/sandbox_common/service_cert.pem'), 'utf8');
    assert.equal(readFileSync(stranger.file('service.pem'), 'utf8'), published);
  });

  test('a member sees which nodes a policy would refuse before proposing it', async () => {
    const check = (policy: object) => {
      writeFileSync(here.file('proposed.json'), JSON.stringify(policy));
      return here.coco('attestation', 'policy', 'check', 'proposed.json', '--profile', 'dev');
    };
    const good = await check({ platforms: { virtual: {} }, lease: { seconds: 600 } });
    assert.equal(good.code, 0, good.error);
    assert.match(good.out, /may vote +may vote[\s\S]*0 of 1 node would fall/);
    const bad = await check({ platforms: { snp: {} } });
    assert.equal(bad.code, 1);
    assert.match(bad.out, /may vote +REFUSED platform-accepted +Quote could not be verified/);
    const shown = await here.json('attestation', 'policy', 'show', '--profile', 'dev');
    assert.deepEqual(shown.value, {});
  });

  test('a write is committed, and its receipt holds offline', async () => {
    const { code, value } = await as(
      'dev',
      ...write,
      '{"id": 42, "msg": "hello"}',
      '--receipt',
      'receipt.json',
    );
    assert.deepEqual([code, value.outcome, value.body], [0, 'Committed', true]);
    const transactionId = String(value.transactionId);
    assert.equal((await as('dev', 'transaction', 'status', transactionId)).value.status, 'Committed');
    assert.equal((await as('dev', 'transaction', 'wait', transactionId)).code, 0);
    const receipt = ['receipt', 'verify', 'receipt.json', '--service-cert'];
    const verified = await here.json(
      ...receipt,
      'workspace/sandbox_common/service_cert.pem',
      '--txid',
      transactionId,
    );
    assert.deepEqual([verified.code, verified.value.transaction], [0, transactionId]);
    assert.equal((await as('dev', 'receipt', 'get', transactionId, '--out', 'again.json')).code, 0);
  });

  test('what was written is read, now and as it was', async () => {
    const first = await as('dev', ...write, '{"id": 42, "msg": "one"}');
    await as('dev', ...write, '{"id": 42, "msg": "two"}');
    const now = await as('dev', 'transaction', 'get', message);
    assert.deepEqual(now.value.body, { msg: 'two' });
    const past = ['transaction', 'get', '/app/log/private/historical?id=42', '--at'];
    const then = await as('dev', ...past, String(first.value.transactionId));
    assert.deepEqual(then.value.body, { msg: 'one' });
  });

  test('what a contract claims is proven by the receipt', async () => {
    const claim = '{"id": 7, "msg": "claimed", "record_claim": true}';
    const words = [
      'transaction',
      'submit',
      'POST',
      '/app/log/public',
      '--data',
      claim,
      '--receipt',
      'claim.json',
    ];
    assert.equal((await as('dev', ...words)).code, 0);
    writeFileSync(here.file('claim.txt'), 'claimed');
    const verify = ['receipt', 'verify', 'claim.json', '--claims', 'claim.txt'];
    assert.equal((await as('dev', ...verify)).code, 0);
    writeFileSync(here.file('claim.txt'), 'another');
    const { code, value } = await as('dev', ...verify);
    assert.deepEqual([code, value.step], [1, 'claims']);
  });

  test('a body signed by its user is taken for what it is', async () => {
    const words = ['transaction', 'submit', 'POST', '/app/multi_auth', '--data', 'hi', '--sign'];
    const { code, value } = await as('dev', ...words);
    assert.equal(code, 0);
    assert.match(String(value.body), /user/i);
  });

  test('a refusal is told, with its reason', async () => {
    const config = ['--address', 'https://127.0.0.1:1'];
    const away = await as('dev', 'service', 'state', ...config);
    assert.equal(away.code, 1);
    const refused = await as('dev-member', ...write, '{"id": 1, "msg": "x"}');
    assert.deepEqual([refused.code, refused.value.outcome, refused.value.status], [1, 'Refused', 401]);
  });

  test('the service is looked at', async () => {
    const info = await as('dev', 'service', 'info');
    assert.deepEqual([info.code, info.value.status], [0, 'Open']);
    const nodes = await as('dev', 'node', 'list');
    assert.equal((nodes.value.nodes as unknown[]).length, 1);
    assert.equal((await as('dev', 'service', 'state')).value.state, 'PartOfNetwork');
    assert.equal((await as('dev', 'service', 'identity')).value.verified, true);
    const { addresses } = (await here.json('profile', 'show', 'dev')).value as { addresses: string[] };
    const [address = ''] = addresses;
    const stranger = await here.json('service', 'identity', '--unverified', '--address', address);
    assert.equal(stranger.value.verified, false);
    const human = await here.coco('service', 'info', '--profile', 'dev');
    assert.match(human.out, /status +Open/);
  });

  test('members propose, see what waits for them, vote and withdraw', async () => {
    const userCert = readFileSync(here.file('workspace/sandbox_common/user1_cert.pem'), 'utf8');
    const actions = [{ name: 'set_user', args: { cert: userCert, user_data: { isAdmin: true } } }];
    writeFileSync(here.file('proposal.json'), JSON.stringify({ actions }));
    const proposed = await as('dev-member', 'governance', 'propose', 'proposal.json');
    assert.deepEqual([proposed.code, proposed.value.proposalState], [0, 'Open']);
    const id = String(proposed.value.proposalId);
    const waiting = async (member: string) => {
      const { value } = await as(member, 'governance', 'list');
      const rows = value.value as { proposalId: string; awaitsYou: boolean }[];
      return rows.find(({ proposalId }) => proposalId === id)?.awaitsYou;
    };
    assert.equal(await waiting('member1'), true);
    // A user is a certificate too, and has no vote.
    assert.equal(await waiting('dev'), false);
    const told = await here.coco('service', 'info', '--profile', 'member1');
    assert.match(told.out, new RegExp(`waits for your vote +${id.slice(0, 12)}`));
    const voted = await as('member1', 'governance', 'vote', id.slice(0, 10), '--yes');
    assert.deepEqual([voted.code, voted.value.proposalState], [0, 'Open']);
    assert.equal(await waiting('member1'), false);
    const list = await here.coco('governance', 'list', '--waiting', '--profile', 'member1');
    assert.equal(list.out, 'nothing waits for your vote\n');
    const passed = await as('dev-member', 'governance', 'vote', id, '--yes');
    assert.equal(passed.value.proposalState, 'Accepted');
    const shown = await here.coco('governance', 'show', id, '--profile', 'member1');
    assert.match(shown.out, /set_user/);
    const other = await as('dev-member', 'governance', 'propose', 'proposal.json');
    const withdrawn = await as('dev-member', 'governance', 'withdraw', String(other.value.proposalId));
    assert.equal(withdrawn.value.proposalState, 'Withdrawn');
    assert.equal(((await as('dev', 'governance', 'members')).value.value as unknown[]).length, 3);
    assert.match((await here.coco('governance', 'constitution', '--profile', 'dev')).out, /resolve/);
  });

  test('before signing, a member reads what a proposal would change and decide', async () => {
    const law = (await here.json('governance', 'constitution', '--profile', 'dev')).value.constitution;
    const stricter = String(law).replace('"Open"', '"Rejected"');
    const cert = readFileSync(here.file('workspace/sandbox_common/user1_cert.pem'), 'utf8');
    const actions = [
      { name: 'set_constitution', args: { constitution: stricter } },
      { name: 'set_user', args: { cert, user_data: { isAdmin: false } } },
      { name: 'remove_js_app' },
      { name: 'trigger_ledger_rekey' },
    ];
    writeFileSync(here.file('change.json'), JSON.stringify({ actions }));
    const propose = ['governance', 'propose', 'change.json', '--profile', 'member1'];
    const { code, error, out } = await here.coco(...propose, '--dry-run', '--with', 'all=yes');
    assert.deepEqual([code, error], [0, '']);
    assert.match(out, /with these ballots +Accepted \(3 for, 0 against\)/);
    assert.match(out, /the constitution\n +@@ .*\n(.*\n)* +- .*"Open".*\n +\+ .*"Rejected"/);
    assert.match(out, /~ {2}[0-9a-f]{12} {2}user_data\.isAdmin: true -> false/);
    assert.match(out, /- GET \/log\/private/);
    assert.match(out, /the ledger gets a new secret/);

    const proposed = await here.json(...propose);
    const id = String(proposed.value.proposalId);
    assert.match((await here.coco('governance', 'show', id, '--profile', 'member2')).out, /once accepted/);
    assert.doesNotMatch((await here.coco('governance', 'show', id, '--profile', 'dev')).out, /once accepted/);
    const vote = ['governance', 'vote', id, '--yes', '--dry-run'];
    assert.equal((await as('member2', ...vote)).value.state, 'Open');
    assert.equal((await as('member2', ...vote, '--with', 'all=yes')).value.state, 'Accepted');
    assert.equal((await here.json('governance', 'show', id, '--profile', 'dev')).value.ballotCount, 0);
    assert.equal((await as('member1', 'governance', 'withdraw', id)).value.proposalState, 'Withdrawn');
    for (const wrong of ['nobody=yes', 'all']) {
      assert.notEqual((await here.coco(...propose, '--dry-run', '--with', wrong)).code, 0);
    }
  });

  test('who votes on an undo reads what it would do now, and whether that is what was proposed', async () => {
    const record = async (msg: string) =>
      (await as('dev', ...write, JSON.stringify({ id: 77, msg }))).value.transactionId as string;
    await record('right');
    const mistake = await record('wrong');
    const { plan } = (await as('member1', 'undo', 'preview', mistake)).value as { plan: string };
    const proposed = await as('member1', 'undo', 'propose', mistake, '--plan', plan, '--reason', 'wrong');
    const show = ['governance', 'show', String(proposed.value.proposalId), '--profile', 'member2'];
    const { out } = await here.coco(...show);
    assert.match(out, /"reason": "wrong"/);
    assert.match(out, new RegExp(`plan +${plan}\\n`));
    assert.match(out, /changes 1 key\n(.*\n)+\nthis is the plan that was proposed/);
    await record('meanwhile');
    assert.match(
      (await here.coco(...show)).out,
      new RegExp(`not the plan that was proposed, ${plan}: the last`),
    );
    assert.equal((await as('member1', 'governance', 'withdraw', show[2]!)).code, 0);
  });

  test('a member with nothing but openssl and this tool acknowledges, votes and opens its share', {
    skip: opensslMissing,
  }, async () => {
    const me = ['--cert', 'workspace/sandbox_common/member2_cert.pem'];
    const secret = 'workspace/sandbox_common/member2_privk.pem';
    /** What was prepared is signed by openssl, which stands for the hardware module. */
    const signed = async (...words: string[]) => {
      const files = ['--out', 'draft.json', '--bytes', 'bytes'];
      const prepared = await here.coco('governance', 'prepare', ...words, ...me, ...files);
      assert.deepEqual([prepared.code, prepared.error], [0, '']);
      openssl(here, 'dgst', '-sha256', '-sign', secret, '-out', 'signature', 'bytes');
      return as('dev', 'governance', 'finish', 'draft.json', '--signature', 'signature');
    };
    const memberId = (await here.json('key', 'id', 'workspace/sandbox_common/member2_cert.pem')).value.id;
    const updated = await signed('update');
    assert.deepEqual([updated.code, updated.value.memberId], [0, memberId]);
    assert.equal((await signed('ack', String(updated.value.stateDigest))).code, 0);

    writeFileSync(here.file('nothing.json'), '{"actions": []}');
    assert.equal((await signed('preview', 'nothing.json')).value.valid, true);
    const proposed = await signed('propose', 'nothing.json');
    const id = String(proposed.value.proposalId);
    assert.equal((await signed('vote', id, '--yes')).value.ballotCount, 1);
    assert.equal((await signed('withdraw', id)).value.proposalState, 'Withdrawn');

    const fetched = await as('dev', 'governance', 'share', '--encrypted', 'share.bin', ...me);
    assert.equal(fetched.code, 0);
    const oaep = ['-pkeyopt', 'rsa_padding_mode:oaep', '-pkeyopt', 'rsa_oaep_md:sha256'];
    const key = ['-inkey', 'workspace/sandbox_common/member2_enc_privk.pem'];
    openssl(here, 'pkeyutl', '-decrypt', ...key, ...oaep, '-in', 'share.bin', '-out', 'share');
    const submitted = await signed('share', 'share');
    assert.match(JSON.stringify(submitted.value), /ServiceNotWaitingForRecoveryShares/);
  });

  test('a share is not asked for while the service is open', async () => {
    const { code, value } = await as('dev-member', 'governance', 'share');
    assert.equal(code, 1);
    assert.match((value.error as { message: string }).message, /ServiceNotWaitingForRecoveryShares/);
  });

  test('the ledger of the running service is sound, and can be read', async () => {
    const folder = 'workspace/sandbox_0/ledger';
    const service = ['--service-cert', 'workspace/sandbox_common/service_cert.pem'];
    const { code, value } = await here.json('ledger', 'verify', folder, ...service);
    assert.deepEqual([code, value.sound, value.serviceStatus], [0, true, 'Open'], JSON.stringify(value));
    const first = await here.json('ledger', 'read', folder, '1');
    assert.ok('public:ccf.gov.constitution' in (first.value.maps as object));
  });

  test('every decision in the ledger is replayed offline, and a ballot that was tampered with is found', async () => {
    const folder = 'workspace/sandbox_0/ledger';
    const sound = await here.json('ledger', 'verify', folder, '--governance');
    const { decisions, finding } = sound.value.governance as { decisions: number; finding?: object };
    assert.deepEqual([sound.code, finding], [0, undefined], JSON.stringify(sound.value));
    assert.ok(decisions >= 10, `${decisions} decisions`);

    cpSync(here.file(folder), here.file('copy'), { recursive: true });
    const seqno = tamperWithBallot(here.file('copy'));
    const { code, value } = await here.json('ledger', 'verify', 'copy', '--governance');
    const found = value.governance as { finding?: { seqno: number; problem: string } };
    assert.deepEqual([code, value.sound, found.finding?.seqno], [1, false, seqno]);
    assert.match(found.finding?.problem ?? '', /proposals_info does not follow from the decision/);
    const told = await here.coco('ledger', 'verify', 'copy', '--governance');
    assert.match(told.out, new RegExp(`first decision +entry ${seqno}: `));
  });

  test('a service that denies what it had committed is refused', async () => {
    const { value } = await here.json('service', 'identity', '--profile', 'dev');
    const seen = here.file(`home/seen/${value.keyId}.json`);
    const remembered = readFileSync(seen, 'utf8');
    writeFileSync(seen, JSON.stringify({ transactionId: '1.1' }));
    const { code, error } = await here.coco('service', 'info', '--profile', 'dev');
    writeFileSync(seen, remembered);
    assert.equal(code, 1);
    assert.match(error, /went back on what it had committed/);
  });
});
