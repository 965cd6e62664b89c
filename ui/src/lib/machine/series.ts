/**
 * Samples of the machine as series for charts.
 */

import type { GpuSample, Performance, SysSample } from '../api/types';
import { withGaps, type Chart, type Series } from '../charts/chart';

export const HOUR = 3_600_000;

/** The samples of the last hour. */
export class SampleHistory {
  sys: SysSample[] = [];
  gpus: GpuSample[] = [];

  /** The youngest sample's time, as the daemon wrote it: what to ask for next. */
  get last(): string | undefined {
    const [a, b] = [this.sys.at(-1)?.timestamp, this.gpus.at(-1)?.timestamp];
    if (!a || !b) return a ?? b;
    // The older of the two: what is there twice is known by its time.
    return Date.parse(a) < Date.parse(b) ? a : b;
  }

  add({ sys_stats, gpu_stats }: Performance): void {
    this.sys = merged(this.sys, sys_stats, () => '');
    this.gpus = merged(this.gpus, gpu_stats, (one) => String(one.id));
  }
}

function merged<T extends { timestamp: string }>(
  known: T[],
  news: readonly T[] | null | undefined,
  part: (sample: T) => string,
): T[] {
  if (!news?.length) return known;
  const seen = new Set(known.map((one) => `${one.timestamp} ${part(one)}`));
  const all = [...known, ...news.filter((one) => !seen.has(`${one.timestamp} ${part(one)}`))];
  const newest = all.reduce((most, one) => Math.max(most, Date.parse(one.timestamp)), 0);
  return all.filter((one) => Date.parse(one.timestamp) >= newest - HOUR);
}

const seconds = (sample: { timestamp: string }) => Date.parse(sample.timestamp) / 1000;
const known = (value: number | null | undefined) =>
  value !== null && value !== undefined && value >= 0 ? value : null;
const MIB = 1024 * 1024;
const inBytes = (mebibytes: number) => {
  const value = known(mebibytes);
  return value === null ? null : value * MIB;
};

function chart(samples: readonly SysSample[], series: Series[]): Chart {
  return withGaps({ times: samples.map(seconds), series });
}

function mean(values: readonly number[]): number | null {
  return values.length ? values.reduce((sum, one) => sum + one, 0) / values.length : null;
}

/** Percent of each core, and of all. */
export function cpu(samples: readonly SysSample[]): Chart {
  const cores = samples.reduce((most, one) => Math.max(most, one.cpu_util_per_core.length), 0);
  const all: Series = {
    label: 'All cores',
    strong: true,
    values: samples.map((one) => mean(one.cpu_util_per_core)),
  };
  const each = Array.from({ length: cores }, (_, core) => ({
    label: `Core ${core}`,
    values: samples.map((one) => known(one.cpu_util_per_core[core])),
  }));
  return chart(samples, [all, ...each]);
}

export function load(samples: readonly SysSample[]): Chart {
  return chart(samples, [
    { label: '1 minute', strong: true, values: samples.map((one) => known(one.load_avg_1)) },
    { label: '5 minutes', values: samples.map((one) => known(one.load_avg_5)) },
    { label: '15 minutes', values: samples.map((one) => known(one.load_avg_15)) },
  ]);
}

/** Bytes. */
export function memory(samples: readonly SysSample[]): Chart {
  const series: Series[] = [
    { label: 'Used', strong: true, values: samples.map((one) => inBytes(one.mem_used_mb)) },
  ];
  if (samples.some((one) => one.swap_total_mb > 0)) {
    series.push({ label: 'Swap', values: samples.map((one) => inBytes(one.swap_used_mb)) });
  }
  return chart(samples, series);
}

/** So many interfaces have lines of their own; those with the most traffic. */
const INTERFACES = 3;

/** Bytes a second, received and sent by each interface. */
export function network(samples: readonly SysSample[]): Chart {
  const names = busiest(samples);
  const rates = (name: string, counter: 'bytes_recv' | 'bytes_sent') =>
    samples.map((sample, i) => {
      const before = samples[i - 1];
      const [a, b] = [before && counterOf(before, name, counter), counterOf(sample, name, counter)];
      if (!before || a === undefined || b === undefined) return null;
      const passed = seconds(sample) - seconds(before);
      // A counter that fell began again.
      return passed > 0 && b >= a ? (b - a) / passed : null;
    });
  const series = names.flatMap((name) => [
    { label: `${name} received`, values: rates(name, 'bytes_recv') },
    { label: `${name} sent`, values: rates(name, 'bytes_sent') },
  ]);
  return chart(samples, series);
}

function counterOf(
  sample: SysSample,
  name: string,
  counter: 'bytes_recv' | 'bytes_sent',
): number | undefined {
  return sample.net_io.find((one) => one.name === name)?.[counter];
}

/** Those that have had any; the loopback comes last: its traffic goes nowhere. */
function busiest(samples: readonly SysSample[]): string[] {
  const totals = new Map<string, number>();
  for (const one of samples.at(-1)?.net_io ?? []) {
    totals.set(one.name, one.name === 'lo' ? -1 : one.bytes_recv + one.bytes_sent);
  }
  return [...totals]
    .filter(([, total]) => total !== 0)
    .sort(([, a], [, b]) => b - a)
    .slice(0, INTERFACES)
    .map(([name]) => name);
}

/** Charts show so much at least, in milliseconds: soon after the start there is little. */
const LEAST = 5 * 60_000;

/** From when to when charts go, in seconds since the epoch: an hour, when there is one. */
export function rangeOf({ sys, gpus }: SampleHistory, now = Date.now()): readonly [number, number] {
  const times = [sys[0], gpus[0], sys.at(-1), gpus.at(-1)]
    .filter((one) => one !== undefined)
    .map(({ timestamp }) => Date.parse(timestamp));
  const last = times.length ? Math.max(...times) : now;
  const first = times.length ? Math.min(...times) : now;
  return [Math.max(last - HOUR, Math.min(first, last - LEAST)) / 1000, last / 1000];
}

/** The last sample of each GPU, by its number. */
export function latestGpus(samples: readonly GpuSample[]): GpuSample[] {
  const latest = new Map(samples.map((one) => [one.id, one]));
  return [...latest.values()].sort((a, b) => a.id - b.id);
}

export type GpuValue = (sample: GpuSample) => number | null;

/** What is told of GPUs over the hour. */
export const GPU_VALUES = {
  utilization: (one) => known(one.gpu_util_pct),
  memory: (one) => inBytes(one.mem_used_mb),
  temperature: (one) => known(one.temp_c),
  power: (one) => known(one.power_draw_w),
} satisfies Record<string, GpuValue>;

/** A series for each GPU that ever told the value. */
export function gpus(samples: readonly GpuSample[], value: GpuValue): Chart {
  const moments = [...new Set(samples.map(seconds))].sort((a, b) => a - b);
  const place = new Map(moments.map((time, i) => [time, i]));
  const series = latestGpus(samples).map(({ id, name }): Series => {
    const values = new Array<number | null>(moments.length).fill(null);
    for (const one of samples) {
      if (one.id === id) values[place.get(seconds(one)) ?? 0] = value(one);
    }
    return { label: `${id}: ${name}`, values };
  });
  return withGaps({
    times: moments,
    series: series.filter(({ values }) => values.some((one) => one !== null)),
  });
}
