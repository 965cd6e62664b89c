import { describe, expect, it } from 'vitest';

import type { GpuSample, SysSample } from '../../src/lib/api/types';
import { withGaps } from '../../src/lib/charts/chart';
import {
  cpu,
  GPU_VALUES,
  gpus,
  latestGpus,
  memory,
  network,
  rangeOf,
  SampleHistory,
} from '../../src/lib/machine/series';

const at = (second: number) => new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString();

function sys(second: number, more: Partial<SysSample> = {}): SysSample {
  return {
    timestamp: at(second),
    cpu_util_per_core: [10, 30],
    mem_total_mb: 100,
    mem_used_mb: 50,
    mem_free_mb: 50,
    swap_total_mb: 0,
    swap_used_mb: 0,
    load_avg_1: 1,
    load_avg_5: 1,
    load_avg_15: 1,
    net_io: [
      { name: 'lo', bytes_recv: 1e9, bytes_sent: 1e9 },
      { name: 'eth0', bytes_recv: second * 100, bytes_sent: second * 10 },
    ],
    ...more,
  };
}

function gpu(second: number, id: number, more: Partial<GpuSample> = {}): GpuSample {
  return {
    timestamp: at(second),
    id,
    name: `GPU ${id}`,
    uuid: String(id),
    temp_c: 50,
    vram_temp_c: -1,
    gpu_util_pct: 10 * id,
    mem_util_pct: 0,
    mem_used_mb: 1,
    mem_total_mb: 2,
    fan_speed_pct: -1,
    power_draw_w: -1,
    ...more,
  };
}

describe('SampleHistory', () => {
  it('has each sample once, and an hour of them', () => {
    const history = new SampleHistory();
    history.add({ enabled: true, sys_stats: [sys(0), sys(5)], gpu_stats: [gpu(5, 0), gpu(5, 1)] });
    expect(history.last).toBe(at(5));
    history.add({ enabled: true, sys_stats: [sys(5), sys(3602)], gpu_stats: [gpu(5, 1)] });
    expect(history.sys.map(({ timestamp }) => timestamp)).toEqual([at(5), at(3602)]);
    expect(history.gpus).toHaveLength(2);
  });
});

describe('rangeOf', () => {
  it('is an hour, less soon after the start, and never nothing', () => {
    const history = new SampleHistory();
    const [start] = rangeOf(history, 1_000_000_000);
    expect(start).toBe(1_000_000 - 300);
    history.sys = [sys(0), sys(1200)];
    expect(rangeOf(history)).toEqual([Date.parse(at(0)) / 1000, Date.parse(at(1200)) / 1000]);
    history.gpus = [gpu(4000, 0)];
    expect(rangeOf(history)[0]).toBe(Date.parse(at(400)) / 1000);
  });
});

describe('series', () => {
  it('tell each core and their mean', () => {
    const { series } = cpu([sys(0), sys(5, { cpu_util_per_core: [20] })]);
    expect(series.map(({ label, values }) => [label, ...values])).toEqual([
      ['All cores', 20, 20],
      ['Core 0', 10, 20],
      ['Core 1', 30, null],
    ]);
  });

  it('tell bytes a second, of the busiest interface first, and nothing over a new counter', () => {
    const samples = [
      sys(0),
      sys(5),
      sys(10, { net_io: [{ name: 'eth0', bytes_recv: 0, bytes_sent: 60 }] }),
    ];
    const { series } = network(samples);
    expect(series.map(({ label, values }) => [label, ...values])).toEqual([
      ['eth0 received', null, 100, null],
      ['eth0 sent', null, 10, 2],
    ]);
    expect(network([sys(1)]).series.map(({ label }) => label)[0]).toBe('eth0 received');
  });

  it('tell no swap where there is none', () => {
    expect(memory([sys(0)]).series).toEqual([
      { label: 'Used', strong: true, values: [50 * 1024 * 1024] },
    ]);
  });

  it('have a line for each GPU, and none for what none tells', () => {
    const samples = [gpu(0, 0), gpu(0, 1), gpu(5, 1)];
    expect(gpus(samples, GPU_VALUES.utilization).series.map(({ values }) => values)).toEqual([
      [0, null],
      [10, 10],
    ]);
    expect(gpus(samples, GPU_VALUES.power).series).toEqual([]);
    expect(latestGpus(samples).map(({ timestamp }) => timestamp)).toEqual([at(0), at(5)]);
  });

  it('have a hole where no samples were taken', () => {
    const { times, series } = withGaps({
      times: [0, 5, 10, 100],
      series: [{ label: 'a', values: [1, 2, 3, 4] }],
    });
    expect(times).toEqual([0, 5, 10, 55, 100]);
    expect(series[0]?.values).toEqual([1, 2, 3, null, 4]);
  });
});
