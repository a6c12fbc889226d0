import {
  type AddressValue,
  formatAddress,
  highest,
  lengthOf,
  maskOf,
  parseAddress,
  widthOf,
} from '../../address/index.ts';
import { hexadecimal, integer, parseUint32 } from '../codec.ts';
import { type Codec, flag, type MatchExtension, type Option, value } from '../extension.ts';
import { listed } from '../listed.ts';
import { ALWAYS, all, is, not, unknown } from '../predicate.ts';
import { protocolNumber } from '../protocol.ts';
import type { Negatable } from '../rules.ts';

interface Endpoint {
  readonly value: AddressValue;
  readonly mask: AddressValue;
}

/** What one transformation of an IPsec policy has to be. Printed in this order. */
interface Element {
  readonly reqid?: Negatable<number>;
  readonly spi?: Negatable<number>;
  readonly protocol?: Negatable<string>;
  readonly mode?: Negatable<string>;
  readonly tunnelDestination?: Negatable<Endpoint>;
  readonly tunnelSource?: Negatable<Endpoint>;
}

export interface PolicyOptions {
  readonly direction?: 'in' | 'out';
  readonly policy?: 'none' | 'ipsec';
  /** The elements are all there are, in this order. */
  readonly strict?: true;
  readonly elements?: readonly Element[];
}

/** Source: XT_POLICY_MAX_ELEM in xt_policy.h. */
const MOST = 4;
/** What IPsec is made of, as protocol numbers. */
const PROTOCOLS: Readonly<Record<number, string>> = { 50: 'esp', 51: 'ah', 108: 'ipcomp' };

const oneOf = <T extends string>(...names: readonly T[]): Codec<T> => ({
  expected: names.join(' or '),
  read: (word) => names.find((name) => name === word),
  print: (name) => name,
});

const protocol: Codec<string> = {
  expected: 'esp, ah or ipcomp',
  read: (word) => PROTOCOLS[protocolNumber(word) ?? 0],
  print: (name) => name,
};

const spi: Codec<number> = { expected: 'an SPI like 0x10', read: parseUint32, print: hexadecimal };

/** An address with its host bits, which the kernel keeps here. A mask with holes prints as none. */
const endpoint: Codec<Endpoint> = {
  expected: 'an address, or a network like 10.0.0.0/8',
  read(word, family) {
    const [host = '', mask, ...more] = word.split('/');
    const address = parseAddress(host);
    if (address?.family !== family || more.length > 0) return undefined;
    if (mask === undefined) return { value: address.value, mask: highest(family) };
    if (/^\d{1,3}$/.test(mask))
      return Number(mask) > widthOf(family) ? undefined : { value: address.value, mask: maskOf(family, Number(mask)) };
    const bits = parseAddress(mask);
    return bits?.family === family ? { value: address.value, mask: bits.value } : undefined;
  },
  print({ value: host, mask }, family) {
    const length = lengthOf(family, mask);
    const address = formatAddress(family, host);
    return length === undefined || length === widthOf(family) ? address : `${address}/${length}`;
  },
};

const PARTS = {
  reqid: { name: '--reqid', codec: integer('a number', 0, 0xffff_ffff) },
  spi: { name: '--spi', codec: spi },
  protocol: { name: '--proto', codec: protocol },
  mode: { name: '--mode', codec: oneOf<string>('tunnel', 'transport') },
  tunnelDestination: { name: '--tunnel-dst', codec: endpoint },
  tunnelSource: { name: '--tunnel-src', codec: endpoint },
} as const satisfies { readonly [Key in keyof Element]-?: { readonly name: string; readonly codec: unknown } };

const KEYS = Object.keys(PARTS) as readonly (keyof Element)[];
const codecOf = (key: keyof Element): Codec<unknown> => PARTS[key].codec as unknown as Codec<unknown>;

/** An option of the element that is being described: once an element. */
const partOption = (key: keyof Element): Option<readonly Element[]> => ({
  names: [PARTS[key].name],
  arity: 1,
  negatable: true,
  repeats: true,
  expected: codecOf(key).expected,
  read([word = ''], negated, family, before = [{}]) {
    const of = codecOf(key).read(word, family);
    const last = before.at(-1) ?? {};
    if (of === undefined || last[key] !== undefined) return undefined;
    return [...before.slice(0, -1), { ...last, [key]: { value: of, negated } }];
  },
  print: (elements, family) =>
    elements
      .map((element) =>
        KEYS.flatMap((part) => {
          const option = element[part];
          if (!option) return [];
          return [`${option.negated ? '! ' : ''}${PARTS[part].name} ${codecOf(part).print(option.value, family)}`];
        }).join(' '),
      )
      .join(' --next '),
});

const next: Option<readonly Element[]> = {
  ...partOption('reqid'),
  names: ['--next'],
  arity: 0,
  negatable: false,
  expected: `at most ${MOST} elements`,
  read: (_words, _negated, _family, before = [{}]) => (before.length < MOST ? [...before, {}] : undefined),
};

/** Tunnels have ends, transports have none; without a mode the kernel's tools take it for transport. */
const hasEndsInVain = ({ mode, tunnelSource, tunnelDestination }: Element): boolean =>
  (tunnelSource !== undefined || tunnelDestination !== undefined) &&
  (mode === undefined || (mode.value === 'tunnel') === mode.negated);

/** ` [0] ! reqid 5 proto 50 [1] mode tunnel`: elements as a listing has them. */
const elementWords = (text: string): string =>
  text
    .replace(/ \[0\]/, '')
    .replace(/ \[\d\]/g, ' --next')
    .replace(/ (reqid|spi|proto|mode|tunnel-(?:src|dst)) /g, ' --$1 ');

/** `-m policy`. Source: iptables-extensions(8), policy; libxt_policy.c; net/netfilter/xt_policy.c. */
export const policy: MatchExtension<PolicyOptions> = {
  name: 'policy',
  places: ({ direction }) => ({
    hooks: direction === 'out' ? ['FORWARD', 'OUTPUT', 'POSTROUTING'] : ['PREROUTING', 'INPUT', 'FORWARD'],
  }),
  options: {
    direction: value(['--dir'], oneOf('in', 'out')),
    policy: value(['--pol'], oneOf('none', 'ipsec')),
    strict: flag('--strict'),
    elements: [partOption('reqid'), ...KEYS.slice(1).map(partOption), next],
  },
  listed: listed([
    /policy match dir (in|out) pol (none|ipsec)(?: (strict))?((?: (?:\[\d\]|(?:! )?(?:reqid|spi|proto|mode|tunnel-src|tunnel-dst) [\w.:/]+))*)/,
    (direction, of, strict, elements) =>
      [`--dir ${direction} --pol ${of}`, strict && '--strict', elementWords(elements)].join(' '),
  ]),
  required: ['direction'],
  refuse({ policy: of, strict, elements = [{}] }) {
    if (of === 'none' && strict) return '--pol none cannot be --strict: there is nothing to be strict about';
    if (elements.length > 1 && !strict) return '--next needs --strict';
    if (strict && elements.some((element) => Object.keys(element).length === 0))
      return 'with --strict every element has to say something: --reqid, --spi, --proto, --mode or the ends of a tunnel';
    return elements.some(hasEndsInVain) ? '--tunnel-src and --tunnel-dst need --mode tunnel' : undefined;
  },
  complete({ elements, policy: of = 'ipsec', ...rest }) {
    return { ...rest, policy: of, ...(elements && of === 'ipsec' ? { elements } : {}) };
  },
  predicate({ policy: of, elements }) {
    const wrapped = is('ipsec', 1);
    if (of === 'none') return not(wrapped);
    return all(wrapped, elements ? unknown('which IPsec policy the packet is under is not known') : ALWAYS);
  },
};
