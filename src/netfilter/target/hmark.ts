import { lengthOf, parseAddress, widthOf } from '../../address/index.ts';
import { integer, parseNumber } from '../codec.ts';
import { type Codec, type TargetExtension, value } from '../extension.ts';
import { type ListedPart, listed } from '../listed.ts';

/** What the hash is made of. */
type Member = 'src' | 'dst' | 'sport' | 'dport' | 'spi' | 'proto' | 'ct';

export interface HmarkOptions {
  readonly sourcePrefix?: number;
  readonly destinationPrefix?: number;
  readonly sourcePortMask?: number;
  readonly destinationPortMask?: number;
  readonly spiMask?: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly spi?: number;
  readonly protocolMask?: number;
  readonly random?: number;
  readonly modulus?: number;
  readonly offset?: number;
  /** Complete options hold `ct` alone: the other members are masks. */
  readonly tuple?: readonly Member[];
}

const MEMBERS: readonly Member[] = ['src', 'dst', 'sport', 'dport', 'spi', 'proto', 'ct'];

const tuple: Codec<readonly Member[]> = {
  expected: `what is hashed: ${MEMBERS.join(' ')}, separated by commas`,
  read(word) {
    const members = word.split(',').map((part) => MEMBERS.find((member) => member === part.toLowerCase()));
    return members.every((member) => member !== undefined) ? members : undefined;
  },
  print: (members) => members.join(','),
};

/** A length, or the mask of that length; IPv4 takes a longer one for the whole address. */
const prefix: Codec<number> = {
  expected: 'the length of a prefix',
  read(word, family) {
    const width = widthOf(family);
    const length = parseNumber(word, family === 'ipv4' ? 0xffff_ffff : width);
    if (length !== undefined) return Math.min(length, width);
    const mask = parseAddress(word);
    return mask?.family === family ? lengthOf(family, mask.value) : undefined;
  },
  print: String,
};

const hex = (what: string, highest: number, digits: number): Codec<number> => ({
  expected: `${what} from 0 to 0x${highest.toString(16)}`,
  read: (word) => parseNumber(word, highest),
  print: (of) => `0x${of.toString(16).padStart(digits, '0')}`,
});

const short = hex('a number', 0xffff, 4);
const long = hex('a number', 0xffff_ffff, 8);

/** `-j HMARK`: the mark becomes a hash of the packet. Source: iptables-extensions(8), HMARK; libxt_HMARK.c; net/netfilter/xt_HMARK.c. */
export const hmark: TargetExtension<HmarkOptions> = {
  name: 'HMARK',
  options: {
    sourcePrefix: value(['--hmark-src-prefix'], prefix),
    destinationPrefix: value(['--hmark-dst-prefix'], prefix),
    sourcePortMask: value(['--hmark-sport-mask'], short),
    destinationPortMask: value(['--hmark-dport-mask'], short),
    spiMask: value(['--hmark-spi-mask'], long),
    sourcePort: value(['--hmark-sport'], short),
    destinationPort: value(['--hmark-dport'], short),
    spi: value(['--hmark-spi'], long),
    protocolMask: value(['--hmark-proto-mask'], hex('a mask', 0xffff, 2)),
    random: value(['--hmark-rnd'], long),
    modulus: value(['--hmark-mod'], integer('a modulus', 1, 0xffff_ffff)),
    offset: value(['--hmark-offset'], integer('a number', 0, 0xffff_ffff)),
    tuple: value(['--hmark-tuple'], tuple),
  },
  listed: listed(
    [/HMARK mod (\d+)/, '--hmark-mod $1'],
    [/\+ (0x[\da-f]+)/, '--hmark-offset $1'],
    [/ct,/, '--hmark-tuple ct'],
    // Of the whole address of IPv6 the tools print no length.
    [/src-prefix (\d*)/, (length) => `--hmark-src-prefix ${length || 128}`],
    [/dst-prefix (\d*)/, (length) => `--hmark-dst-prefix ${length || 128}`],
    ...(['sport-mask', 'dport-mask', 'spi-mask', 'sport', 'dport', 'spi', 'proto-mask', 'rnd'] as const).map(
      (name): ListedPart => [new RegExp(`${name} (0x[\\da-f]+)`), `--hmark-${name} $1`],
    ),
  ),
  required: ['modulus', 'random'],
  refuse(options, { family }) {
    const { modulus: _modulus, random: _random, offset: _offset, ...hashed } = complete(options, widthOf(family));
    if (Object.keys(hashed).length === 0) return 'HMARK needs --hmark-tuple, or a prefix, mask or port to hash';
    const { spiMask, spi, sourcePortMask, destinationPortMask, sourcePort, destinationPort } = hashed;
    const ports = sourcePortMask ?? destinationPortMask;
    if (spiMask !== undefined && ports !== undefined) return 'a mask for the SPI and one for a port exclude each other';
    return spi !== undefined && (sourcePort ?? destinationPort) !== undefined
      ? 'an SPI and a port exclude each other'
      : undefined;
  },
  complete: (options, family) => complete(options, widthOf(family)),
  effect: () => ({ kind: 'continue', assign: [{ field: 'mark', keep: 0, xor: 'unknown' }] }),
};

/** Members of the tuple are masks of full width. */
function complete({ tuple: members = [], ...rest }: HmarkOptions, width: number): HmarkOptions {
  const has = (member: Member): boolean => members.includes(member);
  return {
    ...rest,
    ...(has('src') ? { sourcePrefix: width } : {}),
    ...(has('dst') ? { destinationPrefix: width } : {}),
    ...(has('sport') ? { sourcePortMask: 0xffff } : {}),
    ...(has('dport') ? { destinationPortMask: 0xffff } : {}),
    ...(has('spi') ? { spiMask: 0xffff_ffff } : {}),
    ...(has('proto') ? { protocolMask: 0xffff } : {}),
    ...(has('ct') ? { tuple: ['ct'] as const } : {}),
  };
}
