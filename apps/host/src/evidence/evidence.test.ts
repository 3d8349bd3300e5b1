import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type Claims, type Policy, type Roots, readQuoteInfo, verify } from '@coco/attestation';
import type { NodeEvidence } from '@coco/node';
import { parseConfiguration } from '../configuration/configuration.ts';
import { FakeTsm } from '../testing/fake-tsm.ts';
import { type EvidenceMaker, evidenceMaker, type Places } from './evidence.ts';

const folder = mkdtempSync(join(tmpdir(), 'evidence-'));
const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true });
});

const vectors = join(import.meta.dirname, '../../../../tests/vectors/attestation');
const vector = (path: string) => new Uint8Array(readFileSync(join(vectors, path)));
const roots = JSON.parse(readFileSync(join(vectors, 'roots.json'), 'utf8')) as Roots;
const at = Date.parse('2026-06-01T00:00:00Z');
const reportData = new Uint8Array(64).fill(5);

/** A configuration with these settings, and a machine with nothing unless `places` says so. */
function maker(
  coco: Readonly<Record<string, unknown>>,
  places: Partial<Places> = {},
  attestation: Readonly<Record<string, unknown>> = {},
): EvidenceMaker {
  const text = JSON.stringify({
    network: {
      node_to_node_interface: { bind_address: '127.0.0.1:0' },
      rpc_interfaces: { main: { bind_address: '127.0.0.1:0' } },
    },
    command: { type: 'Recover', recover: { previous_service_identity_file: 'x' } },
    attestation,
    coco: { attestation: coco },
  });
  const none = join(folder, 'none');
  const nothing: Places = { tsm: none, gramine: none, root: none, environment: {} };
  return evidenceMaker(parseConfiguration(text, 'test'), { ...nothing, ...places });
}

async function made(source: EvidenceMaker): Promise<NodeEvidence> {
  const result = await source.attest(reportData);
  assert.ok('evidence' in result, JSON.stringify(result));
  return result.evidence;
}

function claimsOf({ quote, securityPolicy }: NodeEvidence, policy: Policy = {}): Claims {
  const { evidence, endorsements } = readQuoteInfo(quote);
  const text =
    securityPolicy === undefined ? {} : { securityPolicy: new TextEncoder().encode(securityPolicy) };
  return verify(evidence, { ...endorsements, ...text }, { roots, policy }, at).claims;
}

async function served(answer: (url: string) => Uint8Array | string | undefined): Promise<string> {
  const server = createServer((request, response) => {
    const body = answer(request.url ?? '');
    response.writeHead(body === undefined ? 404 : 200).end(body);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a machine without means', () => {
  test('runs a virtual node, and says so', () => {
    const { source, description } = maker({});
    assert.equal(source, 'virtual');
    assert.match(description, /INSECURE/);
  });

  test('gives no evidence that it was told to give', async () => {
    const result = await maker({ platform: 'configfs' }).attest(reportData);
    assert.ok('error' in result);
    assert.match(result.error, /none: ENOENT/);
  });
});

describe('an SNP guest', () => {
  const chain = readFileSync(join(vectors, 'snp/v3/chain.pem'), 'utf8');
  const guest = { provider: 'sev_guest', report: () => vector('snp/v3/report.bin') };

  /** The tree as the kernel shows it; `evidenceMaker` reads it by its own file access. */
  async function evidence(attestation: Readonly<Record<string, unknown>>, root = 'none') {
    const base = mkdtempSync(join(folder, 'tsm-'));
    const places = { tsm: base, root: join(folder, root), files: new FakeTsm(guest) };
    return made(maker({}, places, attestation));
  }

  test('is found by itself, and its chain read from a file', async () => {
    const file = join(folder, 'chain.pem');
    writeFileSync(file, chain);
    const found = await evidence({ snp_endorsements_file: file });
    assert.equal(found.quote.format, 'AMD_SEV_SNP_v1');
    assert.equal(claimsOf(found).assurance, 'processor');
  });

  test('has its chain fetched, from the next server when one has none', async () => {
    const blocks = chain.split(/(?<=-----END CERTIFICATE-----)\s*/).filter(Boolean);
    const [leaf = '', ...above] = blocks;
    const der = Uint8Array.fromBase64(leaf.replace(/-----[^-]+-----|\s/g, ''));
    const asked: string[] = [];
    const amd = await served((url) => {
      asked.push(url);
      return url.endsWith('/cert_chain') ? above.join('\n') : url.includes('?blSPL=') ? der : undefined;
    });
    const empty = await served(() => undefined);
    const list = [
      { type: 'Azure', url: empty },
      { type: 'AMD', url: amd },
    ];
    const found = await evidence({ snp_endorsements_servers: list });
    assert.equal(claimsOf(found).platform, 'snp');
    assert.match(
      asked[0] ?? '',
      /^\/vcek\/v1\/Milan\/[0-9a-f]{128}\?blSPL=\d+&teeSPL=\d+&snpSPL=\d+&ucodeSPL=\d+$/,
    );
    await assert.rejects(
      evidence({ snp_endorsements_servers: [{ type: 'Azure', url: empty }] }),
      /answers 404/,
    );
  });

  test("in Azure's container brings what its security context holds", async () => {
    const directory = join(folder, 'azure/security-context-1');
    mkdirSync(directory, { recursive: true });
    const [vcekCert, ...above] = chain.split(/(?<=-----END CERTIFICATE-----)\s*/).filter(Boolean);
    const thim = JSON.stringify({ vcekCert, certificateChain: above.join('\n') });
    writeFileSync(join(directory, 'host-amd-cert-base64'), Buffer.from(thim).toString('base64'));
    writeFileSync(
      join(directory, 'security-policy-base64'),
      Buffer.from('package policy').toString('base64'),
    );
    writeFileSync(join(directory, 'reference-info-base64'), 'AAAA\n');
    const found = await evidence({}, 'azure');
    assert.equal(found.securityPolicy, 'package policy');
    assert.equal(found.quote.uvm_endorsements, 'AAAA');
    const { uvm_endorsements: _none, ...quote } = found.quote;
    assert.equal(claimsOf({ quote }).platform, 'snp');
  });
});

describe('Intel', () => {
  test('TDX: the quote and its collateral verify together', async () => {
    const guest = { provider: 'tdx_guest', report: () => vector('tdx/v4/quote.bin') };
    const base = mkdtempSync(join(folder, 'tsm-'));
    const file = join(vectors, 'tdx/v4/collateral.json');
    const found = await made(maker({ collateral_file: file }, { tsm: base, files: new FakeTsm(guest) }));
    assert.equal(found.quote.format, 'Intel_TDX_v1');
    assert.equal(claimsOf(found).tcbStatus, 'UpToDate');
  });

  test('SGX under Gramine: the report data is written, the quote read', async () => {
    const gramine = join(folder, 'gramine');
    mkdirSync(gramine);
    writeFileSync(join(gramine, 'attestation_type'), 'dcap\n');
    writeFileSync(join(gramine, 'user_report_data'), new Uint8Array(64));
    writeFileSync(join(gramine, 'quote'), vector('sgx/v3/quote.bin'));
    const file = join(vectors, 'sgx/v3/collateral.json');
    const found = await made(maker({ collateral_file: file }, { gramine }));
    assert.deepEqual(new Uint8Array(readFileSync(join(gramine, 'user_report_data'))), reportData);
    const policy = { intel: { statuses: ['SWHardeningNeeded'] } };
    assert.equal(claimsOf(found, policy).platform, 'sgx');

    writeFileSync(join(gramine, 'attestation_type'), 'none\n');
    const refused = await maker({ collateral_file: file }, { gramine }).attest(reportData);
    assert.match(JSON.stringify(refused), /sgx.remote_attestation must be/);
  });

  test('collateral is fetched as the signed texts, to the letter', async () => {
    const whole = JSON.parse(readFileSync(join(vectors, 'tdx/v4/collateral.json'), 'utf8')) as Record<
      string,
      string
    >;
    const server = createServer((request, response) => {
      const url = request.url ?? '';
      const chain = (name: string, key: string) =>
        response.setHeader(name, encodeURIComponent(whole[key] ?? ''));
      if (url.includes('/tdx/certification/v4/tcb?fmspc=')) {
        chain('TCB-Info-Issuer-Chain', 'tcb_info_issuer_chain');
        response.end(`{"tcbInfo":${whole.tcb_info},"signature":"${whole.tcb_info_signature}"}`);
      } else if (url === '/tdx/certification/v4/qe/identity') {
        chain('SGX-Enclave-Identity-Issuer-Chain', 'qe_identity_issuer_chain');
        response.end(`{"enclaveIdentity":${whole.qe_identity},"signature":"${whole.qe_identity_signature}"}`);
      } else if (url.startsWith('/sgx/certification/v4/pckcrl?ca=')) {
        response.end(Buffer.from(whole.pck_crl ?? '', 'hex'));
      } else {
        response.end(whole.root_ca_crl);
      }
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const guest = { provider: 'tdx_guest', report: () => vector('tdx/v4/quote.bin') };
    const places = { tsm: mkdtempSync(join(folder, 'tsm-')), files: new FakeTsm(guest) };
    const found = await made(maker({ collateral_url: url }, places));
    assert.equal(claimsOf(found).tcbStatus, 'UpToDate');
  });
});

describe('a program', () => {
  test('is given the report data, and what it prints is the evidence', async () => {
    const script = "console.log(JSON.stringify({ format: 'AWS_Nitro_v1', quote: process.argv[1] }))";
    const found = await made(maker({ platform: 'program', program: [process.execPath, '-e', script] }));
    assert.deepEqual(found.quote, {
      format: 'AWS_Nitro_v1',
      quote: Buffer.from(reportData).toString('hex'),
      endorsements: '',
    });
  });

  test('that prints nonsense gives no evidence', async () => {
    const source = maker({ platform: 'program', program: [process.execPath, '-e', 'console.log(1)'] });
    assert.match(JSON.stringify(await source.attest(reportData)), /printed no evidence/);
  });
});
