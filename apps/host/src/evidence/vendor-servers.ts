import type { WantedCollateral, WantedVcek } from '@coco/attestation';
import { encodePem } from '@coco/crypto';
import { HostError, messageOf } from '../errors.ts';
import { limits } from '../limits.ts';
import { thimChain } from './azure-container.ts';

/** One of CCF's `snp_endorsements_servers`. */
export interface EndorsementServer {
  readonly type: 'AMD' | 'Azure' | 'THIM';
  /** Instead of the vendor's own: a cache of one's own. */
  readonly url?: string | undefined;
}

const vendors: Readonly<Record<EndorsementServer['type'], string>> = {
  AMD: 'https://kdsintf.amd.com',
  Azure: 'https://global.acccache.azure.net',
  THIM: 'http://169.254.169.254',
};

/**
 * Fetches the certificates of a chip's key: PEM from the leaf to the root. The servers are asked in order. What
 * they say needs no trust: it must lead to AMD's pinned root. @throws HostError `Evidence` when none has them
 */
export async function fetchVcek(servers: readonly EndorsementServer[], wanted: WantedVcek): Promise<string> {
  const failures: string[] = [];
  for (const server of servers) {
    try {
      return await fromServer(server, wanted);
    } catch (error) {
      failures.push(`${server.url ?? vendors[server.type]}: ${messageOf(error)}`);
    }
  }
  const asked =
    failures.length === 0 ? 'attestation.snp_endorsements_servers names none' : failures.join('; ');
  throw new HostError('Evidence', `nobody gave the certificates of chip ${wanted.chipId}: ${asked}`);
}

async function fromServer(server: EndorsementServer, wanted: WantedVcek): Promise<string> {
  const base = server.url ?? vendors[server.type];
  const { product, chipId, tcb, tcbBytes } = wanted;
  switch (server.type) {
    case 'AMD': {
      const fmc = tcb.fmc === undefined ? '' : `&fmcSPL=${tcb.fmc}`;
      const parts = `blSPL=${tcb.bootLoader}&teeSPL=${tcb.tee}&snpSPL=${tcb.snp}&ucodeSPL=${tcb.microcode}${fmc}`;
      const leaf = await get(`${base}/vcek/v1/${product}/${chipId}?${parts}`);
      const chain = await get(`${base}/vcek/v1/${product}/cert_chain`);
      return `${encodePem('CERTIFICATE', leaf.body)}\n${text(chain)}`;
    }
    case 'Azure': {
      // The version as one number, highest byte first.
      const version = Uint8Array.fromHex(tcbBytes).reverse().toHex();
      const path = `/SevSnpVM/certificates/${chipId}/${version}?api-version=2020-10-15-preview`;
      return text(await get(base + path));
    }
    case 'THIM':
      return thimChain(text(await get(`${base}/metadata/THIM/amd/certification`, { metadata: 'true' })));
  }
}

/**
 * Fetches Intel's collateral for a platform, as the one JSON text nodes keep. It is signed by Intel: the server
 * needs no trust. @throws HostError `Evidence`
 */
export async function fetchCollateral(base: string, wanted: WantedCollateral): Promise<string> {
  const root = `${base}/${wanted.tee}/certification/v4`;
  const lists = `${base}/sgx/certification/v4`;
  const [tcb, qe, pckCrl, rootCrl] = await Promise.all([
    get(`${root}/tcb?fmspc=${wanted.fmspc}`),
    get(`${root}/qe/identity`),
    get(`${lists}/pckcrl?ca=${wanted.authority}&encoding=der`),
    get(`${lists}/rootcacrl`),
  ]);
  const statement = signed(text(tcb), 'tcbInfo');
  const identity = signed(text(qe), 'enclaveIdentity');
  return JSON.stringify({
    tcb_info: statement.text,
    tcb_info_signature: statement.signature,
    tcb_info_issuer_chain: chainOf(tcb, 'tcb-info-issuer-chain'),
    qe_identity: identity.text,
    qe_identity_signature: identity.signature,
    qe_identity_issuer_chain: chainOf(qe, 'sgx-enclave-identity-issuer-chain'),
    // A cache answers in hexadecimal, whatever encoding was asked for.
    root_ca_crl: derHex(rootCrl),
    pck_crl: derHex(pckCrl),
  });
}

/** The signature is over the very characters of the inner object: they are cut out, not written again. */
function signed(
  whole: string,
  key: 'tcbInfo' | 'enclaveIdentity',
): { readonly text: string; readonly signature: string } {
  const [, inner, signature] =
    new RegExp(
      `^\\s*\\{\\s*"${key}"\\s*:\\s*(\\{.*\\})\\s*,\\s*"signature"\\s*:\\s*"([0-9a-fA-F]+)"\\s*\\}\\s*$`,
      's',
    ).exec(whole) ?? [];
  if (inner === undefined || signature === undefined) {
    throw new HostError('Evidence', `the answer about ${key} is not a signed statement`);
  }
  return { text: inner, signature };
}

function chainOf(answer: Answered, header: string): string {
  const chain = answer.headers.get(header) ?? answer.headers.get(`sgx-${header}`);
  if (chain === null) throw new HostError('Evidence', `the answer has no header ${header}`);
  return decodeURIComponent(chain);
}

function derHex({ body }: Answered): string {
  const isDer = body[0] === 0x30;
  return isDer ? body.toHex() : new TextDecoder('latin1').decode(body).trim().toLowerCase();
}

interface Answered {
  readonly headers: Headers;
  readonly body: Uint8Array;
}

async function get(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Answered> {
  const signal = AbortSignal.timeout(limits.fetchMsMax);
  const response = await fetch(url, { headers, signal, redirect: 'error' });
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  const declared = Number(response.headers.get('content-length') ?? 0);
  if (declared > limits.fetchBytesMax) throw new Error(`${url} answers with ${declared} bytes`);
  const body = await response.bytes();
  if (body.length > limits.fetchBytesMax) throw new Error(`${url} answers with ${body.length} bytes`);
  return { headers: response.headers, body };
}

function text({ body }: Answered): string {
  return new TextDecoder().decode(body);
}
