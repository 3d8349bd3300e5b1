import { insist } from '../errors.ts';

/** Values of a manifest or mutation, which anybody may have written. All throw `Refusal`, naming the value. */

/** One text, or a list of texts. */
export function texts(value: unknown, name: string): readonly string[] {
  const list: readonly unknown[] = [value].flat();
  insist(
    list.every((one) => typeof one === 'string'),
    `"${name}" is neither a text nor a list of texts`,
  );
  return list as readonly string[];
}

/** A whole number that is not negative. */
export function wholeNumber(value: unknown, name: string): number {
  insist(Number.isSafeInteger(value) && (value as number) >= 0, `"${name}" is no whole number`);
  return value as number;
}

/** True or false. */
export function truth(value: unknown, name: string): boolean {
  insist(typeof value === 'boolean', `"${name}" is neither true nor false`);
  return value;
}
