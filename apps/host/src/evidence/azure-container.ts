import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fromBase64 } from '@coco/crypto';
import { HostError, messageOf } from '../errors.ts';

/** What Azure's confidential containers find beside their report. */
export interface SecurityContext {
  /** Text of the policy whose digest the host data is. */
  readonly securityPolicy: string | undefined;
  /** Endorsement of the utility machine, base64 of COSE. */
  readonly uvmEndorsements: string | undefined;
  /** PEM, from the chip's key to AMD's root. Written at start, and stale once the host's firmware changes. */
  readonly certificates: string | undefined;
}

const kubernetes = '/opt/confidential-containers/share/kata-containers';

/** The directory of the security context, or undefined outside of Azure's containers. */
export function securityContextDirectory(
  environment: Readonly<Record<string, string | undefined>>,
  root = '/',
): string | undefined {
  const { UVM_SECURITY_CONTEXT_DIR: named } = environment;
  if (named !== undefined) return named;
  const inRoot = names(root).find((name) => name.startsWith('security-context-'));
  if (inRoot !== undefined) return join(root, inRoot);
  const shared = join(root, kubernetes);
  return names(shared).includes('reference-info-base64') ? shared : undefined;
}

function names(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Reads the files of the security context; any may be absent. @throws HostError `Evidence` */
export async function readSecurityContext(directory: string): Promise<SecurityContext> {
  const text = (name: string) => textOf(join(directory, name));
  const [policy, uvm, amd] = await Promise.all([
    text('security-policy-base64'),
    text('reference-info-base64'),
    text('host-amd-cert-base64'),
  ]);
  return {
    securityPolicy: policy === undefined ? undefined : decoded(policy),
    uvmEndorsements: uvm,
    certificates: amd === undefined ? undefined : thimChain(decoded(amd)),
  };
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new HostError('Evidence', `${path}: ${messageOf(error)}`, { cause: error });
  }
}

function decoded(base64: string): string {
  return new TextDecoder().decode(fromBase64(base64));
}

/** The chain in an answer of Azure's certificate service (THIM). @throws HostError `Evidence` */
export function thimChain(json: string): string {
  const { vcekCert, certificateChain } = JSON.parse(json) as Record<string, unknown>;
  if (typeof vcekCert !== 'string' || typeof certificateChain !== 'string') {
    throw new HostError('Evidence', "Azure's host certificates have no vcekCert and certificateChain");
  }
  return `${vcekCert.trim()}\n${certificateChain.trim()}\n`;
}
