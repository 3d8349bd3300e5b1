import { sha256 } from '@coco/crypto';
import type { Checklist } from '../checklist.ts';
import { insist } from '../errors.ts';

/** Azure confidential containers: the text says which containers may run, the host data is its digest. */
export function checkSecurityPolicy(
  checks: Checklist,
  policy: Uint8Array | undefined,
  hostData: Uint8Array,
): void {
  checks.ask('security-policy', policy, (text) => {
    const digest = sha256(text).toHex();
    insist(
      digest === hostData.toHex(),
      `the policy's digest is ${digest}, the host data ${hostData.toHex()}`,
    );
  });
}
