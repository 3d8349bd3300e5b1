const memories: Map<string, unknown>[] = [];

/**
 * A function that remembers what it answered: all nodes of a run share one process, and would compute the same over and
 * over. What threw throws anew.
 *
 * @param work depends on nothing but its arguments, and nobody changes what it answers
 * @param keyOf tells apart what is answered differently
 */
export function remembering<Args extends readonly unknown[], Result>(
  work: (...args: Args) => Result,
  keyOf: (...args: Args) => string,
): (...args: Args) => Result {
  const memory = new Map<string, Result>();
  memories.push(memory);
  return (...args) => {
    const key = keyOf(...args);
    const known = memory.get(key);
    if (known !== undefined) return known;
    const result = work(...args);
    memory.set(key, result);
    return result;
  };
}

/** Every function remembers nothing: a run begins, and owes nothing to the one before. */
export function forgetAll(): void {
  for (const memory of memories) memory.clear();
}

/** Bytes as part of a key. */
export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
