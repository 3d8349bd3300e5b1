/**
 * Remembers the results of a pure function of a text, at most `entriesMax` of them; the oldest go first.
 * It changes how long an answer takes and nothing else.
 */
export function memo<T>(entriesMax: number, compute: (input: string) => T): (input: string) => T {
  const known = new Map<string, T>();
  return (input) => {
    const found = known.get(input);
    if (found !== undefined) return found;
    const result = compute(input);
    if (known.size >= entriesMax) known.delete(known.keys().next().value as string);
    known.set(input, result);
    return result;
  };
}
