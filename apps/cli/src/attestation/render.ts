import {
  type AttestationError,
  type Check,
  type Claims,
  checkMeanings,
  type VectorRow,
} from '@coco/attestation';
import { columns, facts } from '../text.ts';

const marks = { passed: 'ok', failed: 'FAILED', 'not asked': '-' } as const;

/** Claims and checks as people read them. */
export function claimsText(claims: Claims | undefined, checks: readonly Check[]): string {
  const rows = distinct(checks).map(({ name, outcome, detail }) => [
    marks[outcome],
    name,
    outcome === 'passed' && detail === ''
      ? checkMeanings[name]
      : outcome === 'not asked'
        ? 'not asked'
        : detail,
  ]);
  const said = claims === undefined ? '' : `${factsOf(claims)}\n\n`;
  return `${said}${columns(rows)}`;
}

function factsOf(claims: Claims): string {
  const { hardware, firmware, measurements } = claims;
  const flat = (record: Readonly<Record<string, string | number | boolean>>) =>
    Object.entries(record).map(([name, value]): [string, string] => [`  ${name}`, String(value)]);
  return facts([
    ['platform', claims.platform],
    ['product', claims.product],
    ['assurance', claims.assurance],
    ['debug', String(claims.debug)],
    ['measurement', claims.measurement],
    ['configuration', claims.configuration ?? undefined],
    ['signer', claims.signer ?? undefined],
    ['platform id', claims.platformId ?? undefined],
    ['report data', claims.reportData],
    ['TCB status', claims.tcbStatus ?? undefined],
    ['advisories', claims.advisories.join(', ')],
    ['hardware', ' '],
    ...flat(hardware),
    ['firmware', ' '],
    ...flat(firmware),
    ['measurements', ' '],
    ...flat(measurements),
    ...claims.warnings.map((warning): [string, string] => ['warning', warning]),
  ]);
}

/** A check that was made several times for several parts is told once, unless it says something new. */
function distinct(checks: readonly Check[]): readonly Check[] {
  const seen = new Set<string>();
  return checks.filter(({ name, outcome, detail }) => {
    const key = `${name} ${outcome} ${detail}`;
    const fresh = !seen.has(key);
    seen.add(key);
    return fresh;
  });
}

/** A refusal with what led to it. */
export function refusalJson(error: AttestationError): unknown {
  const { code, message, checks, claims } = error;
  return { verdict: 'refused', failedCheck: code, reason: message, claims: claims ?? null, checks };
}

/** Rows of evaluated vectors as a table, and a line that counts them. */
export function vectorsText(rows: readonly VectorRow[]): string {
  const lines = rows.map((row) => [
    row.ok ? 'ok' : 'NOT OK',
    row.id,
    row.mutation ?? '',
    row.verdict,
    row.tcbStatus ?? '',
    row.failedCheck ?? '',
    row.milliseconds === null ? '' : `${row.milliseconds.toFixed(1)} ms`,
  ]);
  const header = ['', 'vector', 'mutation', 'verdict', 'TCB status', 'failed check', 'time'];
  const good = rows.filter(({ ok }) => ok).length;
  return `${columns([header, ...lines])}\n\n${good} of ${rows.length} as expected`;
}
