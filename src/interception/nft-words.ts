import type { Family } from '../address/index.ts';
import type { Rule, TableName } from '../netfilter/index.ts';
import { printRule } from '../text/index.ts';

/** The name that Istio's native form gives a chain: `ISTIO_IN_REDIRECT` is `istio-in-redirect`, `PREROUTING` `prerouting`. */
export const nativeChain = (chain: string): string => chain.toLowerCase().replaceAll('_', '-');

/** What one word of iptables became: its place among the others, and nft's words. */
interface Part {
  readonly rank: number;
  readonly words: string;
}

/** In which order Istio's native form asks: interfaces, protocol, state, addresses, ports, marks, owners; then what it does. */
const RANK = { interface: 0, protocol: 1, state: 2, address: 3, port: 4, mark: 5, owner: 6, verdict: 9 } as const;

/**
 * A rule of Istio's iptables dialect in nft's words, as the kernel lists it. Only what that dialect and a bypass write is known here.
 *
 * @param everywhere it asks for every address of the family, which iptables keeps no trace of
 * @example nftWords(rule, 'ipv4', 'nat') // 'oifname "lo" ip saddr 127.0.0.6 counter return'
 */
export function nftWords(rule: Rule, family: Family, table: TableName, everywhere = false): string {
  const words = printRule(rule, family).match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
  const reading: Reading = { words, at: 0, family, protocol: undefined, match: '', ports: false };
  const parts: Part[] = [];
  while (reading.at < words.length) parts.push(...readPart(reading));
  // A port implies its protocol; alone it has to be asked for.
  if (reading.protocol && !reading.ports)
    parts.push({ rank: RANK.protocol, words: `meta l4proto ${reading.protocol}` });
  if (everywhere) {
    parts.push({ rank: RANK.address, words: family === 'ipv4' ? 'ip daddr 0.0.0.0/0' : 'ip6 daddr ::/0' });
  }
  // In raw Istio asks for the port first.
  const rankOf = ({ rank }: Part): number => (table === 'raw' && rank === RANK.port ? RANK.protocol : rank);
  return [...parts]
    .sort((a, b) => rankOf(a) - rankOf(b))
    .map((part) => part.words)
    .join(' ');
}

interface Reading {
  readonly words: readonly string[];
  at: number;
  readonly family: Family;
  protocol: string | undefined;
  /** The match whose options are read. */
  match: string;
  ports: boolean;
}

function readPart(reading: Reading): readonly Part[] {
  const take = (): string => reading.words[reading.at++] ?? '';
  let word = take();
  const not = word === '!' ? '!= ' : '';
  if (not) word = take();
  const part = (rank: number, words: string): readonly Part[] => [{ rank, words }];
  const side = reading.family === 'ipv4' ? 'ip' : 'ip6';
  switch (word) {
    case '-m':
      reading.match = take();
      return [];
    case '-p':
      reading.protocol = take();
      return [];
    case '-i':
    case '-o':
      return part(RANK.interface, `${word === '-i' ? 'iifname' : 'oifname'} ${not}${interfaceWord(take())}`);
    case '-s':
    case '-d':
      return part(
        RANK.address,
        `${side} ${word === '-s' ? 'saddr' : 'daddr'} ${not}${addressWord(take(), reading.family)}`,
      );
    case '--dport':
    case '--dports':
    case '--sport':
    case '--sports': {
      reading.ports = true;
      const field = word.startsWith('--d') ? 'dport' : 'sport';
      return part(RANK.port, `${reading.protocol} ${field} ${not}${portWords(take())}`);
    }
    case '--dst-type':
      return part(RANK.address, `fib daddr type ${not}${take().toLowerCase()}`);
    case '--uid-owner':
    case '--gid-owner':
      return part(RANK.owner, `meta sk${word.slice(2, 5)} ${not}${take()}`);
    case '--mark': {
      const [value = '', mask] = take().split('/');
      const of = reading.match === 'connmark' ? 'ct mark' : 'meta mark';
      return part(RANK.mark, mask ? `${of} & ${mask} ${not || '== '}${value}` : `${of} ${not}${value}`);
    }
    case '--ctstate':
      return part(RANK.state, `ct state ${not}${take().toLowerCase().split(',').reverse().join(',')}`);
    case '--comment': {
      return part(RANK.verdict + 1, `comment ${take()}`);
    }
    case '-j':
      return part(RANK.verdict, targetWords(reading, take()));
    case '-g':
      return part(RANK.verdict, `counter goto ${nativeChain(take())}`);
    default:
      throw new TypeError(`${word} is no word of Istio's rules`);
  }
}

const interfaceWord = (name: string): string => `"${name.replaceAll('*', '\\*').replace(/\+$/, '*')}"`;

/** The kernel lists an address without its whole length. */
const addressWord = (word: string, family: Family): string => word.replace(family === 'ipv4' ? /\/32$/ : /\/128$/, '');

function portWords(word: string): string {
  const ports = word.split(',').map((port) => port.replace(':', '-'));
  return ports.length === 1 ? (ports[0] ?? '') : `{ ${ports.join(', ')} }`;
}

function targetWords(reading: Reading, target: string): string {
  const { words, family } = reading;
  const rest = reading.at;
  reading.at = words.length;
  const given = (name: string): boolean => words.indexOf(name, rest) >= 0;
  switch (target) {
    case 'RETURN':
    case 'ACCEPT':
    case 'DROP':
      return `counter ${target.toLowerCase()}`;
    case 'REDIRECT':
      return `counter redirect to :${optionFrom(words, rest, '--to-ports')}`;
    case 'MARK':
      return `meta mark set ${optionFrom(words, rest, '--set-xmark').split('/')[0]}`;
    case 'CONNMARK':
      return given('--save-mark') ? 'ct mark set meta mark' : 'meta mark set ct mark';
    case 'CT':
      return `ct zone set ${optionFrom(words, rest, '--zone')}`;
    case 'TPROXY': {
      const port = optionFrom(words, rest, '--on-port');
      const mark = optionFrom(words, rest, '--tproxy-mark').split('/')[0];
      return `tproxy ${family === 'ipv4' ? 'ip' : 'ip6'} to :${port} meta mark set ${mark} counter accept`;
    }
    default:
      return `counter jump ${nativeChain(target)}`;
  }
}

const optionFrom = (words: readonly string[], from: number, name: string): string =>
  words[words.indexOf(name, from) + 1] ?? '';
