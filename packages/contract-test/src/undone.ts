import { type AudienceId, audienceIdOf, hasAudiences } from '@coco/access';
import { toBase64 } from '@coco/crypto';
import { traceOf } from '@coco/governance';
import { type ByteString, byteStringToBytes, type WriteSet } from '@coco/kv';
import { formatTxId } from '@coco/ledger';
import type { TestLedger } from './ledger.ts';
import type { PrivateSide } from './private-side.ts';

/** What a compensation is told of transactions, and for which audiences it acts. */
export interface Undone {
  /** JSON, as a node hands it on. */
  readonly body: string;
  readonly onBehalfOf: readonly AudienceId[];
}

/** Tells of transactions of the ledger what they wrote, and what was there before. */
export function undoneOf(ledger: TestLedger, rows: PrivateSide, seqnos: readonly number[]): Undone {
  const audiences = new Set<AudienceId>();
  const transactions = seqnos.map((seqno) => {
    const writes = [...traceOf(ledger.writeSetAt(seqno)).writes].flatMap(([map, written]) =>
      [...written].map(([place, value]) => {
        if (hasAudiences(map)) audiences.add(audienceIdOf(place));
        const before = ledger.valueBefore(seqno, map, place);
        const [now, then] = [value, before].map((each) => opened(rows, map, place, each));
        const key = now?.key ?? then?.key ?? place;
        return { map, key: base64(key), value: base64(now?.value), before: base64(then?.value) };
      }),
    );
    return { transaction_id: formatTxId({ view: ledger.view, seqno }), writes };
  });
  return { body: JSON.stringify({ transactions }), onBehalfOf: [...audiences].sort() };
}

/** A row by its own key, as the code knows it; undefined for what was not there. */
function opened(rows: PrivateSide, map: string, place: ByteString, value: ByteString | null) {
  if (value === null) return undefined;
  const writes: WriteSet = new Map([[map, new Map([[place, value]])]]);
  const [row] = rows.opened(writes).get(map) ?? [];
  return row && { key: row[0], value: row[1] };
}

function base64(bytes: ByteString): string;
function base64(bytes: ByteString | null | undefined): string | null;
function base64(bytes: ByteString | null | undefined): string | null {
  return typeof bytes === 'string' ? toBase64(byteStringToBytes(bytes)) : null;
}
