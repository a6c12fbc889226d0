import { parseNumber, quoted, text } from '../codec.ts';
import { CONTINUE } from '../effect.ts';
import { type Codec, flag, type TargetExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';

export interface LogOptions {
  readonly prefix?: string;
  /** 0 (emerg) to 7 (debug). */
  readonly level?: number;
  readonly tcpSequence?: true;
  readonly tcpOptions?: true;
  readonly ipOptions?: true;
  readonly uid?: true;
  readonly macDecode?: true;
}

const LEVELS: readonly string[] = ['emerg', 'alert', 'crit', 'error', 'warning', 'notice', 'info', 'debug'];
const WARNING = 4;

const level: Codec<number> = {
  expected: `a level from 0 to 7, or one of ${LEVELS.join(' ')}`,
  read(word) {
    const number = parseNumber(word, 7);
    if (number !== undefined) return number;
    if (word === 'panic') return 0;
    const at = LEVELS.indexOf(word);
    return at < 0 ? undefined : at;
  },
  print: String,
};

/** Levels that `iptables -L` shows under another name. */
const LISTED_LEVELS: Readonly<Record<string, string>> = { warn: 'warning' };

const FLAGS = ['tcp-sequence', 'tcp-options', 'ip-options', 'uid', 'nflog', 'macdecode'] as const;

/** Flags as one number, which `iptables -L -n` shows. Source: XT_LOG_ in xt_LOG.h. */
const flagWords = (bits: number): string =>
  FLAGS.flatMap((name, bit) => ((bits & (1 << bit)) === 0 ? [] : [`--log-${name}`])).join(' ');

/** `-j LOG`. Source: iptables-extensions(8), LOG; net/netfilter/xt_LOG.c. */
export const log: TargetExtension<LogOptions> = {
  name: 'LOG',
  options: {
    prefix: value(['--log-prefix'], text(1, 29)),
    level: value(['--log-level'], level),
    tcpSequence: flag('--log-tcp-sequence'),
    tcpOptions: flag('--log-tcp-options'),
    ipOptions: flag('--log-ip-options'),
    uid: flag('--log-uid'),
    macDecode: flag('--log-macdecode'),
  },
  listed: listed(
    [
      /LOG (?:flags (\d+) )?level (\S+)/,
      (flags, name) => `--log-level ${LISTED_LEVELS[name] ?? name} ${flagWords(Number(flags))}`,
    ],
    [/tcp-sequence/, '--log-tcp-sequence'],
    [/tcp-options/, '--log-tcp-options'],
    [/ip-options/, '--log-ip-options'],
    [/uid/, '--log-uid'],
    [/macdecode/, '--log-macdecode'],
    [/prefix "(.*)"/, (prefix) => `--log-prefix ${quoted(prefix)}`],
  ),
  complete(options) {
    if (options.level !== WARNING) return options;
    const { level: _default, ...rest } = options;
    return rest;
  },
  effect: () => CONTINUE,
};
