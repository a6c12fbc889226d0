import type { Family } from '../../address/index.ts';
import type { Backend } from '../../netfilter/index.ts';

/** A program of the iptables family, by its name with or without a path. */
export interface Tool {
  readonly family: Family;
  readonly backend: Backend;
  readonly what: 'rules' | 'restore' | 'save';
}

/** The name of a program without its path. */
export const programOf = (path: string): string => path.replace(/^.*\//, '');

/** The tool that a name means, with or without a path, or undefined. Plain iptables is the nft back end, as on Debian. */
export function toolNamed(name: string): Tool | undefined {
  const [, six, backend, what] = /^ip(6?)tables(?:-(nft|legacy))?(?:-(restore|save))?$/.exec(programOf(name)) ?? [];
  if (six === undefined) return undefined;
  return {
    family: six === '6' ? 'ipv6' : 'ipv4',
    backend: backend === 'legacy' ? 'legacy' : 'nft',
    what: what === 'restore' || what === 'save' ? what : 'rules',
  };
}

/** Whether a call of iptables-restore changes nothing. */
export const testsOnly = (given: readonly { readonly text: string }[]): boolean =>
  given.some(({ text }) => text === '-t' || text === '--test');

/** A program that runs the command after its options. */
interface Runner {
  /** Those of its options that take a value. */
  readonly valued: RegExp;
  /** How many words of its own stand before the command: the seconds of `timeout 5`. */
  readonly own: number;
}

const runner = (valued: string, own = 0): Runner => ({ valued: new RegExp(`^(?:${valued})$`), own });

/** Programs that run the command after their options. Source: the manual page of each. */
const RUNNERS: ReadonlyMap<string, Runner> = new Map(
  Object.entries({
    sudo: runner('-[ugpChrtTRDU]|--(?:user|group|host|prompt|chdir)'),
    doas: runner('-[uC]'),
    env: runner('-[uCS]|--(?:unset|chdir)'),
    command: runner(''),
    builtin: runner(''),
    exec: runner('-a'),
    nohup: runner(''),
    time: runner('-[fo]'),
    nice: runner('-n'),
    ionice: runner('-[cnpPu]'),
    chrt: runner('-[TPD]', 1),
    taskset: runner('', 1),
    setsid: runner(''),
    stdbuf: runner('-[ioe]'),
    timeout: runner('-[ks]', 1),
    flock: runner('-[wE]', 1),
    busybox: runner(''),
  }),
);

/** How many of the words stand before the command itself: `sudo -E`, `env A=b`, `timeout 5`. */
export function wordsBefore(words: readonly (string | { readonly text: string })[]): number {
  const at = (index: number): string | undefined => {
    const word = words[index];
    return typeof word === 'object' ? word.text : word;
  };
  let index = 0;
  for (;;) {
    const known = RUNNERS.get(programOf(at(index) ?? ''));
    if (!known) return index;
    index += 1;
    let { own } = known;
    for (let text = at(index); text !== undefined; text = at(index)) {
      if (text === '--') index += 1;
      else if (text.startsWith('-') && text.length > 1) index += known.valued.test(text) ? 2 : 1;
      else if (/^[A-Za-z_]\w*=/.test(text)) index += 1;
      else if (own > 0) {
        own -= 1;
        index += 1;
      } else break;
    }
  }
}
