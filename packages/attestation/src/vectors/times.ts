import { parseSign1 } from '@coco/crypto';
import { parseNitroDocument } from '../aws/document.ts';
import { collateralFromJson } from '../intel/collateral-forms.ts';
import { parseJsonObject, timeAt } from '../json.ts';
import { certificatesIn, type Folder, readOrNothing } from './folder.ts';
import type { Subject } from './subjects.ts';

const isoDate = /^\d{4}-\d{2}-\d{2}T[\d:.]+Z/;
const minuteMs = 60_000;
/** Where nothing has a date. */
const anyTime = Date.UTC(2026, 0);

/**
 * When a subject is evaluated: the time its vector names; otherwise that of a Nitro document, of collateral,
 * or shortly after its youngest certificate was issued.
 */
export function timeOf({ kind, vector, file }: Subject, folder: Folder): number {
  const named = isoDate.exec(vector.evaluateAt)?.[0];
  if (named !== undefined) return Date.parse(named);
  const bytes = folder.original(file);
  if (bytes === undefined) return anyTime;
  switch (kind) {
    case 'nitro':
      return readOrNothing(() => nitroTime(bytes)) ?? anyTime;
    case 'collateral':
      return readOrNothing(() => collateralTime(bytes)) ?? anyTime;
    case 'uvm':
      return Number.MAX_SAFE_INTEGER;
    default: {
      // What cannot be read is refused later, by the check that reads it.
      const certificates = readOrNothing(() => certificatesIn(vector, folder)) ?? [];
      const dates = certificates.map(({ notBefore }) => notBefore);
      return dates.length === 0 ? anyTime : Math.max(...dates) + minuteMs;
    }
  }
}

function collateralTime(bytes: Uint8Array): number {
  const { tcbInfo, qeIdentity } = collateralFromJson(bytes);
  const issued = [tcbInfo, qeIdentity].map((text) => timeAt(parseJsonObject(text, ''), 'issueDate', ''));
  return Math.max(...issued) + minuteMs;
}

function nitroTime(bytes: Uint8Array): number {
  return parseNitroDocument(parseSign1(bytes, 'optional').payload).timestamp;
}
