import { existsSync, readFileSync } from 'node:fs';
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
import { publicKeyOf } from '@coco/crypto';
import { claimsText, refusalJson, vectorsText } from '../attestation/render.ts';
import type { Input, Io, Noun, Outcome } from '../command.ts';
import { CliError } from '../errors.ts';
import { readBytes, readJson, readText } from '../files.ts';

/** `coco attestation`: what a machine's hardware says it runs. */
export const attestation: Noun = {
  verbs: [
    {
      name: 'show',
      arguments: '<file> [more...]',
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
  const now = timeOf(input.text('at'));
  const policy = input.text('policy');
  const trust = {
    roots: rootsOf(input, io),
    policy: policy === undefined ? {} : (readJson(io, policy) as Policy),
    expected: expectedOf(input, io),
  };
  try {
    const { evidence, endorsements } = await readFiles(io, file, more, now);
    const { claims, checks } = verify(evidence, endorsements, trust, now);
    return { ok: true, json: { verdict: 'valid', claims, checks }, text: claimsText(claims, checks) };
  } catch (error) {
    if (!(error instanceof AttestationError)) throw error;
    const { code, message, claims, checks } = error;
    const text = `${claimsText(claims, checks)}\n\nREFUSED: ${code}: ${message}`;
    return { ok: false, json: refusalJson(error), text };
  }
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
    const inside = path.startsWith(`${folder}/`);
    return inside && existsSync(path) ? new Uint8Array(readFileSync(path)) : undefined;
  };
  if (read('manifest.json') === undefined) {
    throw new CliError('Failed', `${input.argument(0)} has no manifest.json`);
  }
  const rows = evaluateVectors(read, { clock: () => performance.now(), roots: rootsOf(input, io) });
  return { ok: rows.every(({ ok }) => ok), json: rows, text: vectorsText(rows) };
}
