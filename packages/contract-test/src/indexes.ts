import type { Bundle } from '@coco/contract-build';
import {
  type App,
  type ContractIndex,
  derivingBy,
  HistoryIndex,
  type IndexDeclaration,
  type IndexView,
  RowIndex,
} from '@coco/contracts';
import type { TestLedger } from './ledger.ts';

/** The indexes of one test's service: the same that a node keeps, brought up whenever the test says. */
export class TestIndexes {
  readonly #indexes = new Map<string, { readonly map: string; readonly index: ContractIndex }>();
  #seqno = 0;

  constructor(bundle: Bundle, app: App) {
    for (const [name, declaration] of Object.entries(bundle.metadata.indexes ?? {})) {
      this.#indexes.set(name, { map: declaration.map, index: indexOf(declaration, app) });
    }
  }

  open(name: string): IndexView | undefined {
    const found = this.#indexes.get(name);
    return found && { seqno: this.#seqno, built: null, state: found.index.state };
  }

  /** Takes what was committed since the last time. */
  followTo(ledger: TestLedger): void {
    for (const { map, index } of this.#indexes.values()) index.apply(ledger.changesOf(map, this.#seqno));
    this.#seqno = ledger.committed;
  }
}

function indexOf(declaration: IndexDeclaration, app: App): ContractIndex {
  if (declaration.kind === 'history') return new HistoryIndex();
  return new RowIndex(derivingBy((calls, host) => app.execute(calls, host), declaration));
}
