import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import {
  type Credential,
  paravisorHardware,
  quoteFormats,
  tpmQuoteInfo,
  wantedCollateral,
  wantedVcek,
} from '@coco/attestation';
import { encodePem, fromBase64, toBase64 } from '@coco/crypto';
import type { Attested, EvidenceSource, NodeEvidence, QuoteInfo, TpmActivation } from '@coco/node';
import type { Configuration } from '../configuration/configuration.ts';
import { HostError, messageOf } from '../errors.ts';
import { readSecurityContext, type SecurityContext, securityContextDirectory } from './azure-container.ts';
import {
  snpCertificateTable,
  type TsmFiles,
  type TsmReport,
  tsmDirectory,
  tsmReport,
} from './configfs-tsm.ts';
import { gramineDirectory, gramineQuote } from './gramine.ts';
import { printedBy, programEvidence } from './program.ts';
import { qualifyingData, readTpmIndex, tpmEvidence, tpmSecret } from './tpm.ts';
import { fetchCollateral, fetchVcek } from './vendor-servers.ts';

/** Where this machine shows what it is; a test puts directories of its own in their place. */
export interface Places {
  readonly tsm: string;
  readonly gramine: string;
  readonly root: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Operations on the tree `tsm`; plain file access when left out. */
  readonly files?: TsmFiles;
}

/** Makes this machine's evidence. */
export interface EvidenceMaker {
  readonly source: EvidenceSource;
  /** For the log: what was found. */
  readonly description: string;
  /** Never rejects. */
  attest(reportData: Uint8Array, credential?: Credential): Promise<Attested>;
}

type Settings = Pick<Configuration, 'attestation' | 'coco'>;
type Make = (reportData: Uint8Array, credential: Credential | undefined) => Promise<NodeEvidence>;

const realPlaces: Places = {
  tsm: tsmDirectory,
  gramine: gramineDirectory,
  root: '/',
  environment: process.env,
};

/**
 * Chooses where evidence comes from: as configured, or what the machine has. A machine that has nothing runs a
 * virtual node, and that is said aloud: its evidence says so too, so no service takes it for another.
 */
export function evidenceMaker(settings: Settings, places: Places = realPlaces): EvidenceMaker {
  const wanted = settings.coco.attestation.platform;
  const platform = wanted === 'auto' ? detect(places) : wanted;
  if (platform === 'virtual') {
    return {
      source: 'virtual',
      description: 'INSECURE: a virtual node proves nothing, and who runs this machine sees everything',
      attest: async () => ({ error: 'a virtual node makes no evidence' }),
    };
  }
  const make = makers[platform](settings, places);
  return {
    source: 'host',
    description: `evidence of ${platform}`,
    attest: (reportData, credential) =>
      make(reportData, credential).then(
        (evidence) => ({ evidence }),
        (error: unknown) => ({ error: messageOf(error) }),
      ),
  };
}

type HostPlatform = Exclude<Configuration['coco']['attestation']['platform'], 'auto' | 'virtual'>;

/** In the order of trial. A TPM is never taken by itself: nearly every machine has one. */
function detect({ gramine, tsm }: Places): HostPlatform | 'virtual' {
  if (existsSync(gramine)) return 'sgx';
  return existsSync(tsm) ? 'configfs' : 'virtual';
}

const makers: Readonly<Record<HostPlatform, (settings: Settings, places: Places) => Make>> = {
  configfs: (settings, places) => async (reportData) => {
    const report = await tsmReport(reportData, places.tsm, places.files);
    switch (report.provider) {
      case 'sev_guest':
        return snpEvidence(report, settings, places);
      case 'tdx_guest':
        return { quote: await intelQuoteInfo('tdx', report.report, settings) };
      default:
        throw new HostError('Evidence', `reports of ${report.provider} are not understood`);
    }
  },
  sgx: (settings, places) => async (reportData) => ({
    quote: await intelQuoteInfo('sgx', await gramineQuote(reportData, places.gramine), settings),
  }),
  tpm: (settings) => (reportData, credential) => tpmNodeEvidence(reportData, credential, settings),
  'azure-vm': (settings) => (reportData) => azureVmEvidence(reportData, settings),
  program: (settings) => (reportData) => programEvidence(settings.coco.attestation.program, reportData),
};

async function snpEvidence(report: TsmReport, settings: Settings, places: Places): Promise<NodeEvidence> {
  const context = await securityContext(settings, places);
  const quote: QuoteInfo = {
    format: quoteFormats.snp,
    quote: toBase64(report.report),
    endorsements: base64Text(await snpCertificates(report, context.certificates, settings)),
    ...(context.uvmEndorsements === undefined ? {} : { uvm_endorsements: context.uvmEndorsements }),
  };
  const { securityPolicy } = context;
  return securityPolicy === undefined ? { quote } : { quote, securityPolicy };
}

/** The files the configuration names stand for those of the security context. */
async function securityContext({ attestation }: Settings, places: Places): Promise<SecurityContext> {
  const directory = securityContextDirectory(places.environment, places.root);
  const found: Partial<SecurityContext> = directory === undefined ? {} : await readSecurityContext(directory);
  const policy = await optionalText(attestation.snp_security_policy_file);
  const uvm = await optionalText(attestation.snp_uvm_endorsements_file);
  return {
    securityPolicy: policy === undefined ? found.securityPolicy : fromBase64Text(policy),
    uvmEndorsements: uvm?.trim() ?? found.uvmEndorsements,
    certificates: found.certificates,
  };
}

/** From the host with the report, from a file, from the security context, or from the vendor. */
async function snpCertificates(
  { report, certificates }: Pick<TsmReport, 'report' | 'certificates'>,
  contextual: string | undefined,
  { attestation }: Settings,
): Promise<string> {
  const given = await optionalText(attestation.snp_endorsements_file);
  if (given !== undefined) return given;
  const table = snpCertificateTable(certificates);
  const leaf = table.get('vcek') ?? table.get('vlek');
  const [ask, ark] = [table.get('ask'), table.get('ark')];
  if (leaf !== undefined && ask !== undefined && ark !== undefined) {
    return [leaf, ask, ark].map((der) => encodePem('CERTIFICATE', der)).join('\n');
  }
  if (contextual !== undefined) return contextual;
  return fetchVcek(attestation.snp_endorsements_servers, wantedVcek(report));
}

async function intelQuoteInfo(
  platform: 'tdx' | 'sgx',
  quote: Uint8Array,
  { coco }: Settings,
): Promise<QuoteInfo> {
  const { collateral_file: file, collateral_url: url } = coco.attestation;
  const collateral = (await optionalText(file)) ?? (await fetchCollateral(url, wantedCollateral(quote)));
  return { format: quoteFormats[platform], quote: toBase64(quote), endorsements: base64Text(collateral) };
}

async function tpmNodeEvidence(
  reportData: Uint8Array,
  credential: Credential | undefined,
  { coco }: Settings,
): Promise<NodeEvidence> {
  const { device, key, registers, event_log: eventLog, certificates_file: file } = coco.attestation.tpm;
  const place = { device, key: Number(key), registers, eventLog: eventLog ?? undefined };
  const shown = await tpmEvidence(place, qualifyingData(reportData));
  const evidence = { platform: 'tpm', ...shown } as const;
  const quote = tpmQuoteInfo(evidence, (await optionalText(file)) ?? '');
  const activation = await tpmActivation(credential, coco.attestation.tpm);
  return activation === undefined ? { quote } : { quote, activation };
}

/** The certified endorsement key, if there is one, and what its TPM finds in a credential. */
async function tpmActivation(
  credential: Credential | undefined,
  settings: Settings['coco']['attestation']['tpm'],
): Promise<TpmActivation | undefined> {
  const certificates = await optionalText(settings.endorsement_certificates_file);
  if (certificates === undefined) return undefined;
  if (credential === undefined) return { certificates };
  const keys = { attestationKey: Number(settings.key), endorsementKey: Number(settings.endorsement_key) };
  return { certificates, secret: await tpmSecret(settings.device, keys, credential) };
}

/** Where the paravisor of an Azure confidential VM leaves its report, and the key of its virtual TPM. */
const paravisor = { index: 0x01400001, attestationKey: 0x81000003 } as const;

/** The virtual TPM quotes for the node's key, and the processor vouches for the virtual TPM. */
async function azureVmEvidence(reportData: Uint8Array, settings: Settings): Promise<NodeEvidence> {
  const { device, registers, event_log: eventLog } = settings.coco.attestation.tpm;
  const place = { device, key: paravisor.attestationKey, registers, eventLog: eventLog ?? undefined };
  const { quote } = await tpmEvidence(place, qualifyingData(reportData));
  const hclReport = await readTpmIndex(device, paravisor.index);
  const { platform, report } = paravisorHardware(hclReport);
  const evidence = { platform: 'azure-vm', quote, hclReport } as const;
  if (platform === 'snp') {
    const certificates = await snpCertificates(
      { report, certificates: new Uint8Array(0) },
      undefined,
      settings,
    );
    return { quote: tpmQuoteInfo(evidence, JSON.stringify({ certificates })) };
  }
  const tdQuote = await tdQuoteOf(report, settings);
  const { collateral_file: file, collateral_url: url } = settings.coco.attestation;
  const collateral = (await optionalText(file)) ?? (await fetchCollateral(url, wantedCollateral(tdQuote)));
  const endorsements = JSON.stringify({ collateral: JSON.parse(collateral) });
  return { quote: tpmQuoteInfo({ ...evidence, tdQuote }, endorsements) };
}

/** Only Azure's own service turns a report into a quote, and only by its network: the operator's program asks it. */
async function tdQuoteOf(tdReport: Uint8Array, { coco }: Settings): Promise<Uint8Array> {
  return fromBase64((await printedBy(coco.attestation.program, tdReport)).trim());
}

async function optionalText(path: string | null | undefined): Promise<string | undefined> {
  if (path === null || path === undefined) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new HostError('Evidence', `${path}: ${messageOf(error)}`, { cause: error });
  }
}

function base64Text(text: string): string {
  return toBase64(new TextEncoder().encode(text));
}

function fromBase64Text(base64: string): string {
  return new TextDecoder().decode(Uint8Array.fromBase64(base64.trim()));
}
