import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { place } from '../testing/place.ts';
import { NodeProcess } from './node-process.ts';
import {
  constitutionFiles,
  nodeConfiguration,
  openWorkspace,
  prepareWorkspace,
  readLedgersBeside,
  recoverCommand,
  startCommand,
} from './workspace.ts';

const people = { members: 2, users: 1 };

test("a workspace has the files that CCF's sandbox makes", () => {
  using here = place();
  const { common, node } = prepareWorkspace(here.directory, people, Date.now());
  assert.deepEqual(readdirSync(common).sort(), [
    'member0_cert.pem',
    'member0_enc_privk.pem',
    'member0_enc_pubk.pem',
    'member0_privk.pem',
    'member1_cert.pem',
    'member1_enc_privk.pem',
    'member1_enc_pubk.pem',
    'member1_privk.pem',
    'user0_cert.pem',
    'user0_privk.pem',
  ]);
  assert.ok(existsSync(node));
});

test('the next time keys stay, and what the node had written goes', () => {
  using here = place();
  const { common, node } = prepareWorkspace(here.directory, people, Date.now());
  const before = readFileSync(`${common}/user0_cert.pem`, 'utf8');
  writeFileSync(`${node}/config.json`, '{}');
  mkdirSync(`${node}/ledger`);
  prepareWorkspace(here.directory, people, Date.now());
  assert.equal(readFileSync(`${common}/user0_cert.pem`, 'utf8'), before);
  assert.deepEqual(readdirSync(node), []);
});

test('nothing is done to a workspace whose nodes run', { timeout: 10_000 }, async () => {
  using here = place();
  const { node } = prepareWorkspace(here.directory, people, Date.now());
  const config = `${node}/config.json`;
  writeFileSync(config, '{}');
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()', config], { stdio: 'pipe' });
  const ended = once(child, 'exit');
  try {
    writeFileSync(`${node}/node.pid`, String(child.pid));
    for (const begin of [prepareWorkspace, openWorkspace]) {
      const message = new RegExp(`nodes run in .*kill ${child.pid}$`);
      assert.throws(() => begin(here.directory, people, Date.now()), { code: 'Failed', message });
    }
    assert.ok(existsSync(config));
  } finally {
    child.stdin.end();
    await ended;
  }
  writeFileSync(`${node}/node.pid`, String(process.pid));
  prepareWorkspace(here.directory, people, Date.now());
  assert.deepEqual(readdirSync(node), [], 'the number is of another program by now');
});

test('a node that recovers reads the ledgers of the other nodes as well', () => {
  using here = place();
  const workspace = prepareWorkspace(here.directory, people, Date.now());
  for (const node of ['sandbox_0', 'sandbox_1']) mkdirSync(here.file(`${node}/ledger`), { recursive: true });
  mkdirSync(here.file('sandbox_2'));
  const ledgersOf = (command: ReturnType<typeof recoverCommand>) => {
    const configuration = nodeConfiguration(workspace.node, { address: '127.0.0.1:0', command });
    readLedgersBeside(configuration);
    return (configuration.ledger as { read_only_directories?: string[] }).read_only_directories;
  };
  assert.deepEqual(ledgersOf(recoverCommand(workspace, 'previous.pem')), [here.file('sandbox_1/ledger')]);
  assert.equal(ledgersOf(startCommand(workspace, [])), undefined);
});

test('a folder of somebody else is left alone', () => {
  using here = place();
  mkdirSync(here.file('sandbox_0'));
  writeFileSync(here.file('sandbox_0/thesis.txt'), 'years of work');
  assert.throws(() => prepareWorkspace(here.directory, people, Date.now()), { code: 'Failed' });
  assert.ok(existsSync(here.file('sandbox_0/thesis.txt')));
});

test('a variant of the constitution replaces single scripts', () => {
  using here = place();
  for (const folder of ['variant', 'default']) mkdirSync(here.file(folder));
  for (const name of ['actions', 'apply', 'resolve', 'validate']) {
    writeFileSync(here.file(`default/${name}.js`), '');
  }
  writeFileSync(here.file('variant/resolve.js'), '');
  const files = constitutionFiles([here.file('variant'), here.file('default')]);
  assert.equal(files[2], here.file('variant/resolve.js'));
  assert.equal(files[0], here.file('default/actions.js'));
  assert.throws(() => constitutionFiles([here.file('variant')]), { code: 'Failed' });
});

/** A script in place of the daemon. */
function executable(text: string, name: string): string {
  writeFileSync(name, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return name;
}

test('a node that ends tells why, with the last lines it wrote', async () => {
  using here = place();
  const script = executable('echo "no such port" >&2; exit 3', here.file('node.sh'));
  await using node = new NodeProcess(here.directory, {}, script);
  await assert.rejects(node.address(here.file('service_cert.pem'), 5000), {
    message: /ended with code 3.*no such port/s,
  });
});

test('a node that cannot be started at all is told', async () => {
  using here = place();
  await using node = new NodeProcess(here.directory, {}, here.file('absent'));
  await assert.rejects(node.address(here.file('service_cert.pem'), 5000), { message: /did not start/ });
});

test('the address is the one the node wrote, and the node is stopped in the end', async () => {
  using here = place();
  const workspace = prepareWorkspace(here.directory, people, Date.now());
  const command = startCommand(workspace, []);
  const configuration = nodeConfiguration(workspace.node, { address: '127.0.0.1:0', command });
  const wrote = `echo '{"primary_rpc_interface": "127.0.0.1:4711"}' > rpc_addresses.json; touch cert`;
  const script = executable(`${wrote}; exec sleep 60`, here.file('node.sh'));
  await using node = new NodeProcess(workspace.node, configuration, script);
  assert.equal(await node.address(`${workspace.node}/cert`, 5000), 'https://127.0.0.1:4711');
  await node[Symbol.asyncDispose]();
  assert.equal(node.running, false);
});
