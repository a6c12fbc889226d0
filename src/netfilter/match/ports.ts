import type { PortRange } from '../../address/index.ts';
import { portRange } from '../codec.ts';
import type { Codec } from '../extension.ts';
import type { ListedPart } from '../listed.ts';
import { ALWAYS, all, between, type Predicate, some, unknown, unless } from '../predicate.ts';
import type { Negatable } from '../rules.ts';

/** The two options that the matches of all protocols with ports share. */
export interface PortOptions {
  readonly sourcePort?: Negatable<PortRange>;
  readonly destinationPort?: Negatable<PortRange>;
}

/** A port in a range, or out of it. */
export const hasPort = (
  field: 'sourcePort' | 'destinationPort',
  option: Negatable<PortRange> | undefined,
): Predicate => (option ? unless(option.negated, between(field, option.value)) : ALWAYS);

const isSingle = (option: Negatable<PortRange> | undefined): boolean =>
  option?.negated === true && option.value[0] === option.value[1] && option.value[0] !== 0;

/**
 * The ports of a tcp or udp match. Two single ports that are both negated iptables-nft compares at once, so that a packet
 * which has only one of them matches too; the legacy back end compares each by itself. Found by experiment (1.8.9):
 * `nft --debug=netlink list ruleset` shows one comparison of four bytes.
 */
export function hasPorts({ sourcePort, destinationPort }: PortOptions): Predicate {
  const parts = [hasPort('sourcePort', sourcePort), hasPort('destinationPort', destinationPort)];
  if (!isSingle(sourcePort) || !isSingle(destinationPort)) return all(...parts);
  const asNft = unknown('iptables-nft compares two negated ports at once, the legacy back end one by one');
  return some(all(...parts), all(some(...parts), asNft));
}

/** The nft back end has no words for "not from 0 to N": it says "from N + 1". */
export function asNftPorts<T extends PortOptions>(options: T): T {
  const { sourcePort, destinationPort } = options;
  const source = aboveRange(sourcePort);
  const destination = aboveRange(destinationPort);
  if (source === sourcePort && destination === destinationPort) return options;
  return {
    ...options,
    ...(source ? { sourcePort: source } : {}),
    ...(destination ? { destinationPort: destination } : {}),
  };
}

function aboveRange(option: Negatable<PortRange> | undefined): Negatable<PortRange> | undefined {
  if (!option?.negated || option.value[0] !== 0 || option.value[1] === 0 || option.value[1] === 65535) return option;
  return { value: [option.value[1] + 1, 65535], negated: false };
}

const isFull = (option: Negatable<PortRange> | undefined): boolean =>
  option !== undefined && !option.negated && option.value[0] === 0 && option.value[1] === 65535;

/** `spt:80`, `dpts:!8000:8999`: ports as `iptables -L` shows them. */
export const listedPorts: readonly ListedPart[] = [
  [/spts?:(!?)(\S+)/, '$1 --sport $2'],
  [/dpts?:(!?)(\S+)/, '$1 --dport $2'],
];

/** Leaves out a range that holds every port: the kernel keeps no trace of it. */
export function withoutFullRanges<T extends PortOptions>(options: T): T {
  const { sourcePort, destinationPort } = options;
  if (!isFull(sourcePort) && !isFull(destinationPort)) return options;
  const kept: { sourcePort?: unknown; destinationPort?: unknown } = { ...options };
  if (isFull(sourcePort)) delete kept.sourcePort;
  if (isFull(destinationPort)) delete kept.destinationPort;
  return kept as T;
}

/** Ports of protocols for which no service is well known: numbers only. */
export const numberedPorts: Codec<PortRange> = {
  ...portRange,
  read: (word, family) => (/^[\dxa-f:]*$/i.test(word) ? portRange.read(word, family) : undefined),
};
