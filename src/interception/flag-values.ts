import { parsePrefix } from '../address/index.ts';
import { each } from './check.ts';
import type { Problem } from './refused.ts';
import type { Settings } from './settings.ts';
import type { Kind } from './words.ts';

/** The texts of flags as values of an interception. What is not one is collected, and left out of the value. */
export interface FlagValues {
  readonly problems: Problem[];
  /** How a flag was given: `-b`, the name of a variable; the flag itself when it was not. */
  as(flag: string): string;
  text(flag: string): string;
  list(flag: string): readonly string[];
  networks(flag: string): readonly string[];
  /** A flag that is not given, or by an empty variable, gives `otherwise`. */
  number(flag: string, otherwise: number, kind: Kind): number;
}

export function flagValues(settings: Settings): FlagValues {
  const problems: Problem[] = [];
  const as = (flag: string): string => settings.text(flag)?.as ?? `--${flag}`;
  const text = (flag: string): string => settings.text(flag)?.value ?? '';
  return {
    problems,
    as,
    text,
    list: (flag) => listOf(text(flag)),
    networks(flag) {
      const items = text(flag).split(',').filter(Boolean);
      problems.push(...each(as(flag), items, NETWORK));
      return items.filter((item) => NETWORK.accepts(item));
    },
    number(flag, otherwise, kind) {
      const word = text(flag).trim();
      if (word === '') return otherwise;
      const wrong = each(as(flag), [word], kind);
      problems.push(...wrong);
      return wrong.length > 0 ? otherwise : Number(word);
    },
  };
}

/** Items between commas. iptables-restore passes over the spaces around them, and Istio over empty ones. */
export const listOf = (text: string): readonly string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);

/** A network as Go's netip.ParsePrefix reads it: no spaces, always with a length, and that without leading zeros. */
export const NETWORK: Kind = {
  expected: 'a network with its length, like 10.0.0.0/8 or fd00::/8',
  accepts: (word) => /^[0-9a-f.:]+\/(0|[1-9]\d{0,2})$/i.test(word) && parsePrefix(word) !== undefined,
  cause(word) {
    if (/\s/.test(word)) return 'A list of networks has no spaces.';
    if (word === '*') return 'The * for all destinations stands alone, and only -i takes it.';
    if (word.includes('/') || !parsePrefix(word)) return undefined;
    return `One address alone is ${word}/${word.includes(':') ? 128 : 32}.`;
  },
};

export const UINT32: Kind = {
  expected: 'a number from 0 to 4294967295',
  accepts: (word) => /^(\d{1,10}|0x[0-9a-f]{1,8})$/i.test(word) && Number(word) <= 0xffff_ffff,
};

export const BACKEND: Kind = {
  expected: 'nft or legacy',
  accepts: (word) => word === 'nft' || word === 'legacy',
};
