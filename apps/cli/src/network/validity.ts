import type { Input, Option } from '../command.ts';

/** The options of proposals that give a certificate a validity. */
export const validityOptions: readonly Option[] = [
  { flags: '--days <days>', summary: 'validity; the longest that governance allows unless given' },
];

/** Arguments of such a proposal: from now on. */
export function validityOf(input: Input): { valid_from: string; validity_period_days?: number } {
  const days = input.whole('days');
  const valid_from = new Date().toISOString();
  return days === undefined ? { valid_from } : { valid_from, validity_period_days: days };
}
