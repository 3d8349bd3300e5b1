/** Seqnos of signatures, ascending: it grows at the end and shrinks by rollback. */
export class SignatureIndex {
  readonly #seqnos: number[] = [];

  /** The newest; 0 when there is none. */
  get last(): number {
    return this.#seqnos.at(-1) ?? 0;
  }

  add(seqno: number): void {
    this.#seqnos.push(seqno);
  }

  rollBack(seqno: number): void {
    while (this.last > seqno) this.#seqnos.pop();
  }

  has(seqno: number): boolean {
    return this.after(seqno - 1) === seqno;
  }

  /** First signature after `seqno`. */
  after(seqno: number): number | undefined {
    let low = 0;
    let high = this.#seqnos.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#seqnos[middle]! > seqno) high = middle;
      else low = middle + 1;
    }
    return this.#seqnos[low];
  }
}
