import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CryptoError, parseCertificate, splitPemBundle } from '@coco/crypto';
import { readEndorsement } from './amd/certificate.ts';
import { amdProducts } from './amd/products.ts';
import { parseSnpReport, reportHeader, reportSignature } from './amd/report.ts';
import { parseNitroDocument } from './aws/document.ts';
import { Checklist } from './checklist.ts';
import { readDer } from './der.ts';
import { AttestationError, Refusal } from './errors.ts';
import { verifyStatements } from './intel/collateral.ts';
import { collateralFromJson } from './intel/collateral-forms.ts';
import { readPckIdentity } from './intel/pck.ts';
import { parseEnclaveReport, parseQuote, parseTdReport } from './intel/quote.ts';
import { readQuoteInfo } from './quote-info.ts';
import { fileOf, ownFolder, ownRoots } from './testing/folders.test.ts';
import { parseAttest, parseSignature } from './tpm/attest.ts';
import { parseEventLog, replay } from './tpm/event-log.ts';
import { tpmEvidenceFromJson, tpmEvidenceToJson } from './tpm/json-form.ts';
import { parsePublicArea } from './tpm/public-area.ts';
import { checkVirtualSecureMode, parseVsmReport, secureKernelKey, windowsBoot } from './tpm/windows.ts';
import { evaluateVectors } from './vectors/evaluate.ts';

/** Mulberry32: a small seeded generator, so that what fails once fails again. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Changes bytes as an attacker would: flips, extreme values, cuts, repeats, joins. */
function broken(bytes: Uint8Array, random: () => number): Uint8Array {
  const at = () => Math.floor(random() * bytes.length);
  const copy = bytes.slice();
  for (let changes = Math.floor(random() * 4); changes >= 0; changes--) {
    switch (Math.floor(random() * 5)) {
      case 0:
        copy[at()]! ^= 1 << Math.floor(random() * 8);
        break;
      case 1:
        copy.fill(0xff, at(), at() + 4);
        break;
      case 2:
        copy.fill(0, at(), at() + 8);
        break;
      case 3:
        return copy.slice(0, at());
      default: {
        const [from, to] = [at(), at()];
        return Uint8Array.from([...copy.subarray(0, from), ...copy.subarray(to)]);
      }
    }
  }
  return copy;
}

/** What a parser may throw about bytes. Anything else is a crash. */
function isRefusal(error: unknown): boolean {
  return error instanceof Refusal || error instanceof CryptoError || error instanceof AttestationError;
}

const own = (name: string) => fileOf(ownFolder, name);
const [vcek] = splitPemBundle(new TextDecoder().decode(own('snp/v3/chain.pem')));
const quote = own('tdx/v5-td15/quote.bin');
const document = own('nitro/document/document.cose');
const encoder = new TextEncoder();
const tagged = Uint8Array.fromHex(
  `${'01000140'}${'14000000'}${'12000500'}${'08000000'}${'01'.padEnd(16, '0')}${'0d000500'}${'00000000'}`,
);
const log = own('tpm/ecc/boot.log');
const pck = splitPemBundle(parseQuote(quote).certificates ?? '')[0]!;

const tpmJson = encoder.encode(
  tpmEvidenceToJson({
    platform: 'tpm',
    quote: {
      attest: own('tpm/ecc/quote.msg'),
      signature: own('tpm/ecc/quote.sig'),
      pcrs: [{ bank: 11, index: 7, value: new Uint8Array(32) }],
      eventLog: log,
    },
    attestationKey: own('tpm/ecc/ak.tpmtpub'),
  }),
);

/** Everything that meets hostile bytes, with something well-formed to start from. */
const parsers: readonly (readonly [string, Uint8Array, (bytes: Uint8Array) => unknown])[] = [
  [
    'SNP report',
    own('snp/v3/report.bin'),
    (bytes) => [reportHeader(bytes), reportSignature(parseSnpReport(bytes).signature)],
  ],
  ['VCEK extensions', vcek!.der, (bytes) => readEndorsement(parseCertificate(bytes), amdProducts[0]!)],
  ['quote v3', own('sgx/v3/quote.bin'), parseQuote],
  ['quote v4', own('tdx/v4/quote.bin'), parseQuote],
  ['quote v5', quote, parseQuote],
  ['TD report', parseQuote(quote).body, (bytes) => parseTdReport(bytes, 'td-1.5')],
  ['enclave report', parseQuote(quote).qeReport, parseEnclaveReport],
  ['PCK extension', pck.der, (bytes) => readPckIdentity(parseCertificate(bytes))],
  [
    'collateral',
    own('tdx/v4/collateral.json'),
    (bytes) => verifyStatements(new Checklist(), collateralFromJson(bytes), ownRoots().intel, 0),
  ],
  ['Nitro document', document.subarray(9), parseNitroDocument],
  ['TPM attestation', own('tpm/ecc/quote.msg'), parseAttest],
  ['TPM signature', own('tpm/ecc/quote.sig'), parseSignature],
  ['TPM key, ECC', own('tpm/ecc/ak.tpmtpub'), parsePublicArea],
  ['TPM key, RSA', own('tpm/rsa/ak.tpmtpub'), parsePublicArea],
  ['boot log', log, (bytes) => replay(parseEventLog(bytes), 11)],
  [
    'Windows events',
    tagged,
    (data) => {
      const boot = windowsBoot([{ pcr: 12, type: 6, digests: new Map(), data }], undefined);
      checkVirtualSecureMode(boot);
      return secureKernelKey(boot);
    },
  ],
  [
    'enclave of virtual secure mode',
    Uint8Array.from([...own('snp/v3/report.bin').subarray(0, 504)]),
    parseVsmReport,
  ],
  ['TPM evidence in a record', tpmJson, tpmEvidenceFromJson],
  ['DER value', Uint8Array.fromHex('300b06092a864886f84d010d01'), (bytes) => readDer(bytes, 'value')],
];

const tries = 1000;
/** Whole certificates, collateral and keys are slow to parse. */
const slowTries = 200;
const slow: readonly string[] = [
  'VCEK extensions',
  'PCK extension',
  'collateral',
  'TPM key, RSA',
  'TPM key, ECC',
];
const triesOf = (what: string) => (slow.includes(what) ? slowTries : tries);
const inputs = parsers.reduce((sum, [what]) => sum + triesOf(what), 0);
/** Of processor time, which is the parser's alone on a busy machine, but for collecting garbage. */
const inputMsMax = 1000;

test(`${inputs} broken inputs crash and hang no parser`, (t) => {
  let [slowest, accepted] = [0, 0];
  for (const [what, seed, parse] of parsers) {
    const random = generator(what.length * 7919);
    for (let index = 0; index < triesOf(what); index++) {
      const bytes = broken(seed, random);
      const started = process.cpuUsage();
      try {
        parse(bytes);
        accepted += 1;
      } catch (error) {
        if (!isRefusal(error)) throw new Error(`${what}, input ${index}: ${bytes.toHex()}`, { cause: error });
      }
      const { user, system } = process.cpuUsage(started);
      slowest = Math.max(slowest, (user + system) / 1000);
    }
  }
  assert.ok(slowest < inputMsMax, `the slowest input took ${slowest} ms`);
  t.diagnostic(`${inputs} inputs, ${accepted} well-formed, the slowest took ${slowest.toFixed(1)} ms`);
});

test('random bytes are no evidence of any kind', () => {
  const random = generator(42);
  for (let index = 0; index < 500; index++) {
    const bytes = Uint8Array.from({ length: Math.floor(random() * 300) }, () => Math.floor(random() * 256));
    for (const format of [
      'AMD_SEV_SNP_v1',
      'Intel_TDX_v1',
      'OE_SGX_v1',
      'AWS_Nitro_v1',
      'TPM_2_0_v1',
      'Azure_CVM_v1',
      'Insecure_Virtual',
    ]) {
      try {
        readQuoteInfo({ format, quote: bytes.toBase64(), endorsements: bytes.toBase64() });
      } catch (error) {
        assert.ok(error instanceof AttestationError, format);
      }
    }
  }
});

test('no broken piece of evidence is valid, whatever is broken in it', (t) => {
  const random = generator(7);
  const manifest = JSON.parse(new TextDecoder().decode(own('manifest.json'))) as {
    vectors: { id: string; files: object }[];
  };
  const bases = ['snp/v3', 'tdx/v4', 'sgx/v3', 'nitro/document', 'tpm/ecc'];
  const mutations: unknown[] = [];
  for (const { id, files } of manifest.vectors.filter((vector) => bases.includes(vector.id))) {
    const [file = ''] = Object.keys(files);
    const { length } = own(file);
    // The bytes of evidence itself, all of them signed; TDX: up to the certificates, whose text has slack.
    const signed = id === 'sgx/v3' ? 1000 : id === 'tdx/v4' ? 1200 : length;
    for (let index = 0; index < 20; index++) {
      const edit = { file, xor: [[Math.floor(random() * signed), 1 << Math.floor(random() * 8)]] };
      mutations.push({ base: id, name: `${index}`, edit, expect: 'refused' });
    }
  }
  const read = (name: string) =>
    name === 'mutations.json' ? encoder.encode(JSON.stringify(mutations)) : fileOf(ownFolder, name);
  const rows = evaluateVectors(read, { roots: ownRoots() }).filter(({ mutation }) => mutation !== undefined);
  const valid = rows.filter(({ verdict }) => verdict === 'valid');
  assert.deepEqual(valid, []);
  t.diagnostic(`${rows.length} flipped bits, all refused`);
});
