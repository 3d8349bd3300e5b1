import { fromBase64, sha256 } from '@coco/crypto';
import { checkReportData } from './binding.ts';
import type { Checklist } from './checklist.ts';
import type { Claims } from './claims.ts';
import { insist } from './errors.ts';
import type { Endorsements, Evidence } from './evidence.ts';
import { hexAt, parseJsonObject, textAt } from './json.ts';
import { judge } from './judgement.ts';
import { evidenceBytesMax } from './limits.ts';
import type { TrustMaterial } from './trust.ts';

type VirtualEvidence = Extract<Evidence, { platform: 'virtual' }>;

/** The measurement every virtual node states. */
export const virtualMeasurement = 'Insecure hard-coded virtual measurement v1';

/**
 * Reads the statement of a node without a TEE, in CCF's form. Anybody can write it: it proves nothing, and it
 * gets here only when the policy names the platform.
 */
export function verifyVirtual(
  evidence: VirtualEvidence,
  _endorsements: Endorsements,
  trust: TrustMaterial,
  _now: number,
  checks: Checklist,
): Claims {
  const { claims, reportData } = checks.run('evidence-shape', () => parse(evidence.json));
  judge(checks, claims, trust.policy);
  checkReportData(checks, reportData, trust.expected);
  return claims;
}

function parse(json: Uint8Array): { readonly claims: Claims; readonly reportData: Uint8Array } {
  insist(json.length <= evidenceBytesMax, `evidence of ${json.length} bytes`);
  const what = 'virtual evidence';
  const statement = parseJsonObject(new TextDecoder().decode(json), what);
  const measurement = textAt(statement, 'measurement', what);
  insist(measurement === virtualMeasurement, `the measurement is not "${virtualMeasurement}"`);
  const hostData = hexAt(statement, 'host_data', 32, what);
  const found = fromBase64(textAt(statement, 'report_data', what));
  insist(found.length === 32 || found.length === 64, `the report data has ${found.length} bytes`);
  const reportData = new Uint8Array(64);
  reportData.set(found);
  const claims: Claims = {
    platform: 'virtual',
    assurance: 'none',
    product: 'no trusted hardware',
    hardware: {},
    firmware: {},
    debug: false,
    measurement,
    measurements: { sha256: sha256(new TextEncoder().encode(measurement)).toHex() },
    configuration: hostData.toHex(),
    signer: null,
    platformId: null,
    reportData: reportData.toHex(),
    tcbStatus: null,
    advisories: [],
    warnings: ['INSECURE: this node proves nothing; whoever runs the machine sees and changes everything'],
  };
  return { claims, reportData };
}
