import type { TxId } from '@coco/ledger';

/** What a client asked of a register, and what came of it. Times are virtual milliseconds. */
export interface Operation {
  readonly client: number;
  readonly key: string;
  readonly action:
    | { readonly kind: 'write'; readonly value: string }
    | { readonly kind: 'swap'; readonly from: string | null; readonly to: string }
    | { readonly kind: 'read' };
  /** Even if it writes nothing it must see whatever was written before it began. */
  readonly isCurrent: boolean;
  readonly invoked: number;
  /** When the answer came; null when it never did. */
  returned: number | null;
  /** What the register held, as the answer tells. */
  seen: string | null;
  txId: TxId | null;
  /** What became of its transaction: `unknown` when nobody can tell. */
  outcome: 'pending' | 'committed' | 'invalid' | 'refused' | 'unknown';
}

/** What an operation leaves in the register, given what it found; undefined when it leaves it alone. */
export function resultOf({ action }: Operation, found: string | null): string | undefined {
  switch (action.kind) {
    case 'write':
      return action.value;
    case 'swap':
      return found === action.from ? action.to : undefined;
    case 'read':
      return undefined;
  }
}
