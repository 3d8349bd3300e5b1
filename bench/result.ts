/** One measured figure. */
export interface Result {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the design allows, in the same unit. */
  readonly budget?: number;
}

/** Prints figures in columns. */
export function table(results: readonly Result[]): string {
  const rows = results.map(({ name, value, unit, budget }) => [
    name,
    value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 2 : 0 }),
    unit,
    budget === undefined ? '' : `budget ${budget}`,
  ]);
  const width = (column: number): number => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  return rows
    .map(([name = '', value = '', unit = '', budget = '']) =>
      `${name.padEnd(width(0))}  ${value.padStart(width(1))} ${unit.padEnd(width(2))}  ${budget}`.trimEnd(),
    )
    .join('\n');
}
