import type { Family } from '../address/index.ts';
import { ICMP_NAMES, type IcmpType, icmpCodec } from './match/icmp.ts';
import { ICMPV6_NAMES } from './match/icmp6.ts';

const codecs = { ipv4: icmpCodec(ICMP_NAMES, undefined), ipv6: icmpCodec(ICMPV6_NAMES, undefined) };

/** An ICMP type by number, number and code, or name, as ICMP of the family has it: `3/1`, `echo-request`. */
export const icmpType = (word: string, family: Family): IcmpType | undefined => codecs[family].read(word, family);
