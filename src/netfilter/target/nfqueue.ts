import { integer, parseNumber } from '../codec.ts';
import { type Codec, flag, type TargetExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';

export interface NfqueueOptions {
  readonly queue?: number;
  /** Packets are spread over these queues, connection by connection. */
  readonly balance?: readonly [low: number, high: number];
  /** Where no program listens, the packet passes on. */
  readonly bypass?: true;
  readonly cpuFanout?: true;
}

const LAST = 65_535;

const queues: Codec<readonly [number, number]> = {
  expected: 'two queues from 0 to 65535, the lower first: 0:3',
  read(word) {
    const [, first = '', second = ''] = /^([^:]*):([^:]*)$/.exec(word) ?? [];
    const low = first === '' ? 0 : parseNumber(first, LAST);
    const high = second === '' ? LAST : parseNumber(second, LAST);
    if (!word.includes(':') || low === undefined || high === undefined || low >= high) return undefined;
    // The kernel counts them in 16 bits.
    return high - low === LAST ? undefined : [low, high];
  },
  print: ([low, high]) => `${low}:${high}`,
};

/** `-j NFQUEUE`. Source: iptables-extensions(8), NFQUEUE; net/netfilter/xt_NFQUEUE.c. */
export const nfqueue: TargetExtension<NfqueueOptions> = {
  name: 'NFQUEUE',
  options: {
    queue: value(['--queue-num'], integer('a queue', 0, LAST)),
    balance: value(['--queue-balance'], queues),
    bypass: flag('--queue-bypass'),
    cpuFanout: flag('--queue-cpu-fanout'),
  },
  listed: listed(
    [/NFQUEUE num (\d+)/, '--queue-num $1'],
    [/NFQUEUE balance (\S+)/, '--queue-balance $1'],
    [/bypass/, '--queue-bypass'],
    [/cpu-fanout/, '--queue-cpu-fanout'],
  ),
  refuse({ queue, balance, cpuFanout }) {
    if (queue !== undefined && balance) return '--queue-num and --queue-balance exclude each other';
    return cpuFanout && !balance ? '--queue-cpu-fanout needs --queue-balance' : undefined;
  },
  complete: (options) => (options.balance ? options : { ...options, queue: options.queue ?? 0 }),
  effect: ({ bypass }) => (bypass ? { kind: 'queue', bypass } : { kind: 'queue' }),
};
