import { formatPortRange, type PortRange } from '../../address/index.ts';
import { parsePortWord } from '../codec.ts';
import { type MatchExtension, negatable } from '../extension.ts';
import { listed } from '../listed.ts';
import { all, is, isIn, type Predicate, some, unless } from '../predicate.ts';
import { DCCP, SCTP, TCP, UDP, UDPLITE } from '../protocol.ts';
import type { Negatable } from '../rules.ts';

type Ports = readonly PortRange[];

/** Exactly one of the three. */
export interface MultiportOptions {
  readonly sourcePorts?: Negatable<Ports>;
  readonly destinationPorts?: Negatable<Ports>;
  /** Either port of the packet. */
  readonly eitherPorts?: Negatable<Ports>;
}

/** How many ports a list may hold; a range counts as two. Source: XT_MULTI_PORTS in xt_multiport.h. */
const MOST = 15;

/** One port or a range. The tools take no range of one port. */
function portOrRange(part: string, colon: number): PortRange | undefined {
  const low = parsePortWord(colon < 0 ? part : part.slice(0, colon));
  const high = colon < 0 ? low : parsePortWord(part.slice(colon + 1));
  if (low === undefined || high === undefined || (colon >= 0 && low >= high)) return undefined;
  return colon < 0 ? onePort(low) : [low, high];
}

/** The ports below 1024 that were named: the lists of a large rule set name the same ones very often. */
const named: (PortRange | undefined)[] = Array.from({ length: 1024 });

function onePort(port: number): PortRange {
  if (port >= named.length) return [port, port];
  named[port] ??= [port, port];
  return named[port];
}

/** One list gathers the ports of all: a list that grows has room for more, and leaves others behind. */
const gathered: PortRange[] = [];

const list = {
  expected: `at most ${MOST} ports from 0 to 65535 separated by commas; a range like 8000:8999 counts as two`,
  read(word: string): Ports | undefined {
    // With a length of 0 it would lose its room.
    while (gathered.length > 0) gathered.pop();
    let slots = 0;
    for (let from = 0; from <= word.length; ) {
      const comma = word.indexOf(',', from);
      const stop = comma < 0 ? word.length : comma;
      const part = word.slice(from, stop);
      const colon = part.indexOf(':');
      const range = portOrRange(part, colon);
      slots += colon < 0 ? 1 : 2;
      if (!range || slots > MOST) return undefined;
      gathered.push(range);
      from = stop + 1;
    }
    return gathered.slice();
  },
  print: (ports: Ports): string => ports.map((range) => formatPortRange(range)).join(','),
};

/** `-m multiport`. Source: iptables-extensions(8), multiport; net/netfilter/xt_multiport.c. */
export const multiport: MatchExtension<MultiportOptions> = {
  name: 'multiport',
  protocols: [TCP, UDP, UDPLITE, SCTP, DCCP],
  options: {
    sourcePorts: negatable(['--sports', '--source-ports'], list),
    destinationPorts: negatable(['--dports', '--destination-ports'], list),
    eitherPorts: negatable(['--ports'], list),
  },
  listed: listed([/multiport (sports|dports|ports) +(!?)(\S+)/, '$2 --$1 $3']),
  refuse({ sourcePorts, destinationPorts, eitherPorts }) {
    const given = (sourcePorts ? 1 : 0) + (destinationPorts ? 1 : 0) + (eitherPorts ? 1 : 0);
    if (given === 0) return 'multiport needs one of --sports, --dports and --ports';
    return given > 1 ? 'multiport takes only one of --sports, --dports and --ports' : undefined;
  },
  predicate({ sourcePorts, destinationPorts, eitherPorts }) {
    const either = eitherPorts?.value ?? [];
    const parts: Predicate[] = [];
    if (sourcePorts) parts.push(unless(sourcePorts.negated, isIn('sourcePort', ...sourcePorts.value)));
    if (destinationPorts)
      parts.push(unless(destinationPorts.negated, isIn('destinationPort', ...destinationPorts.value)));
    if (eitherPorts)
      parts.push(unless(eitherPorts.negated, some(isIn('sourcePort', ...either), isIn('destinationPort', ...either))));
    // Never true of a non-first fragment, negated or not.
    return all(...parts, is('fragment', 0));
  },
};
