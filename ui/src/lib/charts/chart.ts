/**
 * Values over time, as charts take them.
 */

export interface Series {
  label: string;
  values: (number | null)[];
  /** The one that the others are parts of. */
  strong?: boolean;
}

/** Series over the same times; seconds since the epoch, rising. */
export interface Chart {
  times: number[];
  series: Series[];
}

/** The usual time between samples, in seconds. */
export function spacing(times: readonly number[]): number {
  const steps = times.slice(1).map((time, i) => time - (times[i] ?? time));
  steps.sort((a, b) => a - b);
  return steps[Math.floor(steps.length / 2)] ?? 5;
}

/** Where no sample was taken for a while, a hole: no line is drawn over it. */
export function withGaps({ times, series }: Chart): Chart {
  const most = Math.max(spacing(times) * 3, 15);
  const out: Chart = { times: [], series: series.map((one) => ({ ...one, values: [] })) };
  for (const [i, time] of times.entries()) {
    const before = times[i - 1];
    if (before !== undefined && time - before > most) {
      out.times.push((before + time) / 2);
      for (const one of out.series) one.values.push(null);
    }
    out.times.push(time);
    for (const [s, one] of out.series.entries()) one.values.push(series[s]?.values[i] ?? null);
  }
  return out;
}
