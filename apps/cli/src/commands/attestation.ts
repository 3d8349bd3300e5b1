import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  AttestationError,
  type Endorsements,
  type Evidence,
  type Expected,
  evaluateVectors,
  type Policy,
  type QuoteInfo,
  type Roots,
  readEvidence,
  readQuoteInfo,
  vendorRoots,
  verify,
} from '@coco/attestation';
import { attestNode, type NodeExpectation, type Session } from '@coco/client';
import { parseCertificate, publicKeyOf } from '@coco/crypto';
import type { NodePolicy, NodeReview } from '@coco/governance';
import { forecast, type NodeForecast, publishedPlatforms } from '../attestation/policy-check.ts';
import { claimsText, refusalJson, vectorsText } from '../attestation/render.ts';
import { type Input, type Io, type Noun, needed, type Outcome } from '../command.ts';
import { connectionOptions, withSession, withStranger } from '../connection.ts';
import { CliError } from '../errors.ts';
import { readBytes, readJson, readText, writeFile } from '../files.ts';
import { profileOf } from '../profiles.ts';
import { columns, counted, facts, short } from '../text.ts';

/** `coco attestation`: what a machine's hardware says it runs. */
export const attestation: Noun = {
  verbs: [
    {
      name: 'show',
      arguments: '<file|url> [more...]',
      summary: 'Verify evidence and print its claims with each check. Further files are what vouches for it',
      example: 'attestation show report.bin vcek.pem ask.pem ark.pem --key node.pem',
      options: [
        { flags: '--key <pem>', summary: 'the key that the evidence must bind' },
        { flags: '--policy <json>', summary: 'what is accepted; without it, the careful defaults' },
        { flags: '--at <time>', summary: 'verify as of this time, as 2026-11-23T00:00:00Z' },
        { flags: '--roots <json>', summary: "trust these roots and not the vendors': for tests" },
      ],
      run: show,
    },
    {
      name: 'node',
      summary: 'Verify the node that answers: its evidence, that its key is the one TLS proved, its service',
      example:
        'attestation node --address https://127.0.0.1:8000 --policy policy.json --out service_cert.pem',
      options: [
        ...connectionOptions,
        {
          flags: '--policy <json>',
          summary: 'what is accepted of the platform; needed: there is no default',
        },
        { flags: '--max-age <seconds>', summary: 'refuse evidence that was verified longer ago' },
        {
          flags: '--out <file>',
          summary: 'write the certificate of the service that endorses the node here',
        },
        { flags: '--roots <json>', summary: "trust these roots and not the vendors': for tests" },
      ],
      run: attest,
    },
    {
      name: 'policy',
      arguments: '<show|check> [file]',
      summary: "The members' policy for nodes: show it, or say which nodes would fall under a proposed one",
      example: 'attestation policy check proposed.json',
      options: [
        ...connectionOptions,
        { flags: '--roots <json>', summary: "trust these roots and not the vendors': for tests" },
      ],
      run: policy,
    },
    {
      name: 'vectors',
      arguments: '<dir>',
      summary: 'Evaluate a folder of recorded evidence with its manifest.json and mutations.json',
      example: 'attestation vectors tests/vectors/attestation --roots tests/vectors/attestation/roots.json',
      options: [{ flags: '--roots <json>', summary: "trust these roots and not the vendors': for tests" }],
      run: vectors,
    },
  ],
};

async function show(input: Input, io: Io): Promise<Outcome> {
  const [file = '', ...more] = namesIn(input);
  const asked = file.startsWith('https://') ? await askNode(file) : undefined;
  const now = timeOf(input.text('at'));
  const policy = input.text('policy');
  const trust = {
    roots: rootsOf(input, io),
    policy: policy === undefined ? {} : (readJson(io, policy) as Policy),
    expected: { ...asked?.expected, ...expectedOf(input, io) },
  };
  try {
    const { evidence, endorsements } = asked
      ? readQuoteInfo(asked.info)
      : await readFiles(io, file, more, now);
    const { claims, checks } = verify(evidence, endorsements, trust, now);
    return { ok: true, json: { verdict: 'valid', claims, checks }, text: claimsText(claims, checks) };
  } catch (error) {
    if (!(error instanceof AttestationError)) throw error;
    const { code, message, claims, checks } = error;
    const text = `${claimsText(claims, checks)}\n\nREFUSED: ${code}: ${message}`;
    return { ok: false, json: refusalJson(error), text };
  }
}

/** A node's own evidence, which must bind the key that its TLS proves. Nothing else about it is trusted. */
async function askNode(url: string): Promise<{ readonly info: QuoteInfo; readonly expected: Expected }> {
  const { peerCertificate, body } = await withStranger(url, (session) =>
    session.request({ method: 'GET', path: '/node/quotes/self' }),
  );
  const info = quoteInfoOf(body);
  if (info === undefined || peerCertificate === undefined) {
    throw new CliError('Failed', `${url} does not answer with evidence`);
  }
  return { info, expected: { publicKey: parseCertificate(peerCertificate).publicKey.spki } };
}

/** All arguments: there is no empty file name among them. */
function namesIn(input: Input): readonly string[] {
  const names: string[] = [];
  for (let index = 0; input.argument(index) !== ''; index++) names.push(input.argument(index));
  return names;
}

/** One file may be what a node sent to join (`quote_info`, or the answer of `/node/quotes/self`). */
async function readFiles(
  io: Io,
  file: string,
  more: readonly string[],
  now: number,
): Promise<{ readonly evidence: Evidence; readonly endorsements: Endorsements }> {
  const contents = new Map<string, Uint8Array>();
  for (const name of [file, ...more]) contents.set(name, await readBytes(io, name));
  const info = quoteInfoOf(contents.get(file) ?? new Uint8Array());
  if (info !== undefined) return readQuoteInfo(info);
  return readEvidence([file, ...more], (name) => contents.get(name), now);
}

function quoteInfoOf(bytes: Uint8Array): QuoteInfo | undefined {
  if (bytes[0] !== 0x7b) return undefined;
  try {
    const json = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    const { format, endorsements, uvm_endorsements: uvm } = json;
    const quote = json.quote ?? json.raw;
    if (typeof format !== 'string' || typeof quote !== 'string') return undefined;
    return {
      format,
      quote,
      ...(typeof endorsements === 'string' ? { endorsements } : {}),
      ...(typeof uvm === 'string' ? { uvm_endorsements: uvm } : {}),
    };
  } catch {
    return undefined;
  }
}

function expectedOf(input: Input, io: Io): Expected {
  const key = input.text('key');
  return key === undefined ? {} : { publicKey: publicKeyOf(readText(io, key)).spki };
}

function rootsOf(input: Input, io: Io): Roots {
  const file = input.text('roots');
  return file === undefined ? vendorRoots : (readJson(io, file) as Roots);
}

function timeOf(text: string | undefined): number {
  const time = text === undefined ? Date.now() : Date.parse(text);
  if (!Number.isNaN(time)) return time;
  throw new CliError('Usage', `--at takes a time as 2026-11-23T00:00:00Z, not ${text}`);
}

async function vectors(input: Input, io: Io): Promise<Outcome> {
  const folder = resolve(io.directory, input.argument(0));
  const read = (name: string): Uint8Array | undefined => {
    const path = resolve(folder, name);
    // A manifest names files of its own folder and no others.
    const isInside = path.startsWith(`${folder}/`) && statSync(path, { throwIfNoEntry: false })?.isFile();
    return isInside === true ? new Uint8Array(readFileSync(path)) : undefined;
  };
  if (read('manifest.json') === undefined) {
    throw new CliError('Failed', `${input.argument(0)} has no manifest.json`);
  }
  const rows = evaluateVectors(read, { clock: () => performance.now(), roots: rootsOf(input, io) });
  return { ok: rows.every(({ ok }) => ok), json: rows, text: vectorsText(rows) };
}

/** Without a pinned service, the node's evidence is what the service is known by: nothing is trusted in silence. */
async function attest(input: Input, io: Io): Promise<Outcome> {
  const file = needed(input, 'policy', 'say what you accept, for instance {"platforms": ["snp"], ...}');
  const age = input.whole('maxAge');
  const expected: NodeExpectation = {
    policy: readJson(io, file) as Policy,
    roots: rootsOf(input, io),
    ...(age === undefined ? {} : { ageMsMax: age * 1000 }),
  };
  const [address] = input.texts('address');
  const pinned = input.text('serviceCert') ?? profileOf(io, input.text('profile')).serviceCert;
  const isStranger = pinned === undefined && address !== undefined;
  const use = (session: Session) => attestNode(session, expected);
  const node = isStranger ? await withStranger(address, use) : await withSession(input, io, use);
  const out = input.text('out');
  if (out !== undefined) writeFile(io, out, node.serviceCertificate, { replace: false });
  const said = facts([
    ['node', node.id],
    ['verified', new Date(node.verified).toISOString()],
    ['service', parseCertificate(node.serviceCertificate).publicKey.id],
    ['pinned', isStranger ? 'no: the service is known by this evidence alone' : 'yes'],
    ['written to', out],
  ]);
  return { ok: true, json: node, text: `${said}\n\n${claimsText(node.claims, node.checks)}` };
}

async function policy(input: Input, io: Io): Promise<Outcome> {
  const what = input.argument(0);
  const published = await withSession(input, io, publishedPlatforms);
  const current = published.attestation.policy as NodePolicy;
  switch (what) {
    case 'show':
      return { ok: true, json: current, text: JSON.stringify(current, null, 2) };
    case 'check': {
      const file = input.argument(1);
      const proposed = file === '' ? current : (readJson(io, file) as NodePolicy);
      const rows = forecast(published, proposed, { now: Date.now(), roots: rootsOf(input, io) });
      return forecastOutcome(rows);
    }
    default:
      throw new CliError('Usage', `attestation policy takes "show" or "check", not ${what}`);
  }
}

function forecastOutcome(rows: readonly NodeForecast[]): Outcome {
  const verdict = ({ admission }: NodeReview) =>
    admission.kind === 'admitted' ? `may ${admission.role}` : `REFUSED ${admission.refusal}`;
  const reason = ({ admission }: NodeReview) => (admission.kind === 'refused' ? admission.message : '');
  const lines = rows.map(({ id, current, proposed }) => [
    short(id),
    current.standing?.claims.product ?? '',
    verdict(current),
    verdict(proposed),
    reason(proposed),
  ]);
  const outcome = ({ admission }: NodeReview) =>
    admission.kind === 'admitted' ? admission.role : admission.refusal;
  const fall = rows.filter(({ proposed }) => proposed.admission.kind === 'refused');
  return {
    ok: fall.length === 0,
    json: rows.map(({ id, current, proposed }) => ({
      nodeId: id,
      platform: current.standing?.claims.platform ?? null,
      platformId: current.standing?.claims.platformId ?? null,
      current: outcome(current),
      proposed: outcome(proposed),
      accepted: proposed.admission.kind === 'admitted',
      reason: reason(proposed),
    })),
    text: `${columns([['node', 'platform', 'now', 'proposed', ''], ...lines])}\n\n${fall.length} of ${counted(rows.length, 'node')} would fall`,
  };
}
