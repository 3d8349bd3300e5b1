import { Auditor, parseChunkName, readChunk } from '@coco/ledger';
import { Violation } from '../../world/report.ts';
import type { Machine } from '../machine.ts';

/**
 * The offline audit of a machine's ledger files, with those of others in place of what lies before its first. Answers
 * the problems found, in words.
 */
export function audit(machine: Machine, others: readonly Machine[]): string[] {
  const auditor = new Auditor();
  for (const other of others) machine.disk.completeFrom(other.disk);
  // Every node began with a snapshot by now: nobody has the first entries any more.
  if (machine.disk.first > 1) return [];
  try {
    for (const { name, bytes } of machine.disk.files()) {
      for (const found of readChunk(bytes, parseChunkName(name)!)) {
        if (found.kind === 'entry') auditor.feed(found.bytes, { file: name, offset: found.offset });
      }
    }
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
  return auditor.finish().problems.map(({ seqno, message }) => `entry ${seqno}: ${message}`);
}

/** Ledger files that nobody damaged pass the audit. */
export function expectSound(machine: Machine, others: readonly Machine[]): void {
  const [problem] = audit(machine, others);
  if (problem !== undefined)
    throw new Violation(`the ledger files of ${machine.name} fail the audit: ${problem}`);
}
