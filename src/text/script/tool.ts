import type { Family } from '../../address/index.ts';
import type { Backend } from '../../netfilter/index.ts';

/** A program of the iptables family, by its name with or without a path. */
export interface Tool {
  readonly family: Family;
  readonly backend: Backend;
  readonly what: 'rules' | 'restore' | 'save';
}

/** The tool that a name means, or undefined. Plain iptables is the nft back end, as on Debian. */
export function toolNamed(name: string): Tool | undefined {
  const [, six, backend, what] = /^(?:.*\/)?ip(6?)tables(?:-(nft|legacy))?(?:-(restore|save))?$/.exec(name) ?? [];
  if (six === undefined) return undefined;
  return {
    family: six === '6' ? 'ipv6' : 'ipv4',
    backend: backend === 'legacy' ? 'legacy' : 'nft',
    what: what === 'restore' || what === 'save' ? what : 'rules',
  };
}

/** Programs that run the command after their options, and those of their options that take a value. */
const RUNNERS: Readonly<Record<string, RegExp>> = {
  sudo: /^-[ugpChrtTRD]$/,
  doas: /^-[uC]$/,
  env: /^-[uCS]$/,
  command: /^$/,
  builtin: /^$/,
  exec: /^-a$/,
  nohup: /^$/,
  time: /^$/,
  nice: /^-n$/,
  setsid: /^$/,
};

/** How many of the words stand before the command itself: `sudo -E`, `env A=b`. */
export function wordsBefore(words: readonly { readonly text: string }[]): number {
  let at = 0;
  for (;;) {
    const options = RUNNERS[(words[at]?.text ?? '').replace(/^.*\//, '')];
    if (!options || !Object.hasOwn(RUNNERS, (words[at]?.text ?? '').replace(/^.*\//, ''))) return at;
    at += 1;
    for (let text = words[at]?.text; text !== undefined; text = words[at]?.text) {
      if (text === '--') {
        at += 1;
        break;
      }
      if (text.startsWith('-')) at += options.test(text) ? 2 : 1;
      else if (/^[A-Za-z_]\w*=/.test(text)) at += 1;
      else break;
    }
  }
}
