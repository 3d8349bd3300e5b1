interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** A text with replacements by position, made in any order. Replaced regions must not overlap. */
export class Draft {
  readonly #source: string;
  readonly #edits: Edit[] = [];

  constructor(source: string) {
    // A first line for a shell is legal in a module and nowhere else.
    this.#source = source.startsWith('#!') ? `//${source.slice(2)}` : source;
  }

  replace(start: number, end: number, text: string): void {
    this.#edits.push({ start, end, text });
  }

  /** Takes a region out, and keeps its line breaks so that what follows stays on its line. */
  blank(start: number, end: number): void {
    this.replace(start, end, this.#source.slice(start, end).replace(/[^\n\r\u2028\u2029]+/g, ' '));
  }

  text(): string {
    const edits = this.#edits.toSorted((a, b) => a.start - b.start || a.end - b.end);
    let result = '';
    let at = 0;
    for (const { start, end, text } of edits) {
      result += this.#source.slice(at, start) + text;
      at = end;
    }
    return result + this.#source.slice(at);
  }
}
