import type { MetricValueWithName } from 'prom-client';
import { requireInstalled } from '../linux/socket/index.ts';
import type { ConnectionRecord } from './engine.ts';
import { type Answer, type Asked, type OpenHttp, openHttp } from './http.ts';
import { LONGEST, type Tally } from './tally.ts';

/** Where Prometheus looks: Envoy's path, and everybody else's. */
export const METRICS_PATHS: readonly string[] = ['/stats/prometheus', '/metrics'];

/** What the numbers come from. */
export interface Counted {
  readonly tally: Tally;
  open(): Promise<readonly ConnectionRecord[]>;
  linesDropped(): number;
}

/**
 * Answers Prometheus. Bytes and durations are those of connections that have ended, as in the access log; open ones are counted when
 * somebody asks. Nothing is loaded before, and where that fails (for want of descriptors, say) it is tried again. Throws Node's error as it comes.
 */
export async function openMetrics(address: string, port: number, counted: Counted, given?: number): Promise<OpenHttp> {
  let printing: ReturnType<typeof printer> | undefined;
  const answer = async ({ method, path }: Asked): Promise<Answer> => {
    if (method !== 'GET' || !METRICS_PATHS.includes(path))
      return { status: 404, text: `only GET ${METRICS_PATHS.join(' and ')}\n` };
    printing ??= printer(counted);
    const { type, print } = printing;
    return { status: 200, type, text: await print() };
  };
  return openHttp(address, port, answer, given);
}

/** The registry of prom-client, which knows the format; what it prints is taken from the tally each time. */
function printer(counted: Counted) {
  const { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } =
    requireInstalled<typeof import('prom-client')>('prom-client');
  const registry = new Registry();
  const GROUP = ['direction', 'destination'] as const;
  new Counter({
    name: 'sidestep_connections_closed_total',
    help: 'Connections that have ended, refused ones among them, by Envoy’s response flags.',
    labelNames: [...GROUP, 'response_flags'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { direction, destination, flags, connections } of counted.tally.ended)
        this.inc({ direction, destination, response_flags: flags }, connections);
    },
  });
  new Counter({
    name: 'sidestep_connections_by_protocol_total',
    help: 'Connections that have ended, by what the client’s first bytes were.',
    labelNames: ['direction', 'protocol'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { connections, ...alike } of counted.tally.spoken) this.inc({ ...alike }, connections);
    },
  });
  for (const [name, way, field] of [
    ['received', 'came from clients', 'received'],
    ['sent', 'were passed on to clients', 'sent'],
  ] as const)
    new Counter({
      name: `sidestep_${name}_bytes_total`,
      help: `Bytes that ${way}, of connections that have ended.`,
      labelNames: GROUP,
      registers: [registry],
      collect() {
        this.reset();
        for (const { direction, destination, [field]: bytes } of counted.tally.ended)
          this.inc({ direction, destination }, bytes);
      },
    });
  new Gauge({
    name: 'sidestep_connections_active',
    help: 'Connections that are open.',
    labelNames: GROUP,
    registers: [registry],
    async collect() {
      this.reset();
      for (const { connections, ...group } of counted.tally.open(await counted.open())) this.set(group, connections);
    },
  });
  new Counter({
    name: 'sidestep_access_log_lines_dropped_total',
    help: 'Lines of the access log that nobody gets to read.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(counted.linesDropped());
    },
  });
  const name = 'sidestep_connection_duration_seconds';
  const help = 'How long connections were open.';
  class Durations extends Histogram<'direction'> {
    /** What the registry prints; the package's types do not tell of it. */
    async getForPromString() {
      return { name, help, type: 'histogram', values: durationValues(name, counted.tally) };
    }
  }
  new Durations({ name, help, labelNames: ['direction'], buckets: [...LONGEST], registers: [registry] });
  collectDefaultMetrics({ register: registry });
  return { type: registry.contentType, print: () => registry.metrics() };
}

/** A histogram's lines: each bucket counts those below it, too. */
function durationValues(name: string, tally: Tally): MetricValueWithName<'direction'>[] {
  return tally.durations.flatMap(({ direction, counts, connections, seconds }) => {
    let below = 0;
    const buckets = LONGEST.map((le, at) => {
      below += counts[at]!;
      return { metricName: `${name}_bucket`, labels: { le, direction }, value: below };
    });
    return [
      ...buckets,
      { metricName: `${name}_bucket`, labels: { le: '+Inf', direction }, value: connections },
      { metricName: `${name}_sum`, labels: { direction }, value: seconds },
      { metricName: `${name}_count`, labels: { direction }, value: connections },
    ];
  });
}
