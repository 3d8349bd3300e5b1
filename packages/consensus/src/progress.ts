/**
 * What a leader knows of one follower, and how it sends to it.
 *
 *            the place is found
 *     probe ────────────────────▶ replicate
 *      ▲  ▲  an unclear refusal     │
 *      │  └─────────────────────────┘
 *      │ it answers beyond the gap
 *   snapshot ◀── the ledger lacks what it needs (from either)
 *
 * probe: one message at a time, until the place where both logs agree is found.
 * replicate: messages follow each other without waiting, within a window.
 * snapshot: nothing but heartbeats until the follower has loaded a snapshot.
 */
export class Progress {
  state: 'probe' | 'replicate' | 'snapshot' = 'probe';
  /** Highest seqno the follower is known to hold durably and identically. Never falls within a view. */
  match = 0;
  /** The next seqno to send. Optimistic when replicating: it moves when sending, not when answered. */
  next: number;
  /** A probe is out and unanswered; released by any answer and by the heartbeat. */
  probing = false;
  /** First seqno of the read this follower waits for, or null. */
  reading: number | null = null;
  /** Ticks since the follower last answered. */
  silentTicks = 0;
  /** The latest leadership confirmation it has echoed. */
  round = 0;
  /** A learner's catching up is reported once. */
  reportedCaughtUp = false;

  /**
   * After a step back: where sending resumed, and the last seqno sent before it. One loss makes the follower
   * refuse everything after it; answering each refusal would send the window once for every message in it.
   */
  #resumedAt = 0;
  #refusedUpTo = 0;
  readonly #inFlight: { last: number; bytes: number }[] = [];
  #bytesInFlight = 0;

  constructor(next: number) {
    this.next = next;
  }

  get bytesInFlight(): number {
    return this.#bytesInFlight;
  }

  get messagesInFlight(): number {
    return this.#inFlight.length;
  }

  /** Records a message sent with so many entries from `next` on; none in a heartbeat. */
  sent(entries: number, bytes: number): void {
    if (this.state === 'probe') this.probing = true;
    if (this.state !== 'replicate' || entries === 0) return;
    this.next += entries;
    this.#inFlight.push({ last: this.next - 1, bytes });
    this.#bytesInFlight += bytes;
  }

  /** The follower holds everything up to `seqno`. Answers whether that is news. */
  accepted(seqno: number): boolean {
    this.probing = false;
    while (this.#inFlight.length > 0 && this.#inFlight[0]!.last <= seqno) {
      this.#bytesInFlight -= this.#inFlight.shift()!.bytes;
    }
    const news = seqno > this.match;
    if (news) this.match = seqno;
    if (this.next <= this.match) this.#moveTo(this.match + 1);
    // A snapshot is over when the follower says so with something newer than it ever said before.
    if (this.state === 'probe' || (this.state === 'snapshot' && news)) this.#enter('replicate', this.next);
    return news;
  }

  /**
   * The follower refused a message that followed `previous`. `possibleMatch` is where the logs may agree;
   * `certain` when they do. Answers whether to send again.
   */
  rejected(previous: number, possibleMatch: number, certain: boolean): boolean {
    if (this.state === 'snapshot') {
      if (possibleMatch < this.next) return false;
    } else if (previous <= this.match || this.#isOldNews(previous)) return false;
    this.#refusedUpTo = this.next - 1;
    const match = Math.max(Math.min(possibleMatch, this.next - 1), this.match);
    this.#enter(certain ? 'replicate' : 'probe', this.state === 'snapshot' ? possibleMatch + 1 : match + 1);
    this.#resumedAt = this.next;
    return true;
  }

  /** Whatever was sent may be lost: probes and refusals count anew, and what was read may never come. */
  beat(): void {
    this.probing = false;
    this.reading = null;
    this.#refusedUpTo = 0;
  }

  /** The ledger lacks the entries from `next` on. */
  needsSnapshot(): void {
    this.#enter('snapshot', this.next);
  }

  /** A refusal of something sent before the last step back. */
  #isOldNews(previous: number): boolean {
    if (this.state === 'probe') return previous !== this.next - 1;
    return previous >= this.#resumedAt && previous <= this.#refusedUpTo;
  }

  #moveTo(next: number): void {
    this.next = next;
    // What was being read is held by now.
    if (this.reading !== null && this.reading < next) this.reading = null;
  }

  #enter(state: 'probe' | 'replicate' | 'snapshot', next: number): void {
    this.state = state;
    this.next = next;
    this.probing = false;
    this.reading = null;
    this.#inFlight.length = 0;
    this.#bytesInFlight = 0;
  }
}
