import { readFileSync } from 'node:fs';
import type { Family } from '../../src/address/index.ts';
import {
  type DialectName,
  dialectOf,
  fromIstioFlags,
  type Program,
  type RoutingChange,
} from '../../src/interception/index.ts';
import type { TableName } from '../../src/netfilter/index.ts';
import { parseRule, printRule } from '../../src/text/index.ts';

/** One case of a file: what was asked for, and what has to be emitted, in order. */
export interface Case {
  readonly title: string;
  /** Flags of istio-iptables, variables (`NAME=value`) and `--proxy-mark`. */
  readonly asked: readonly string[];
  readonly resolvConf?: string;
  readonly expected: Readonly<Record<Family | 'routing', readonly string[]>>;
}

/** Reads a file of cases: `# title`, `$ flags`, then a line a rule under `ipv4`, `ipv6` and `routing`. */
export function readCases(name: string): readonly Case[] {
  const text = readFileSync(new URL(`cases/${name}.txt`, import.meta.url), 'utf8');
  return text
    .trim()
    .split(/\n\n+/)
    .map((block) => {
      const [title = '', asked = '', ...lines] = block.split('\n');
      const expected = { ipv4: [] as string[], ipv6: [] as string[], routing: [] as string[] };
      let resolvConf: string | undefined;
      let part: keyof typeof expected = 'ipv4';
      for (const line of lines) {
        if (line === 'ipv4' || line === 'ipv6' || line === 'routing') part = line;
        else if (line.startsWith('resolv.conf: ')) resolvConf = line.slice('resolv.conf: '.length);
        else expected[part].push(line);
      }
      return {
        title: title.replace(/^# /, ''),
        asked: asked.replace(/^\$ ?/, '').split(' ').filter(Boolean),
        ...(resolvConf ? { resolvConf } : {}),
        expected,
      };
    });
}

/** What a dialect writes for words as the cases have them. */
export function programOf(asked: readonly string[], dialect: DialectName, resolvConf = ''): Program {
  const env: Record<string, string> = {};
  const marks: number[] = [];
  const argv: string[] = [];
  const words = [...asked];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const [, name, value] = /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(word) ?? [];
    if (name !== undefined) env[name] = value ?? '';
    else if (word === '--proxy-mark') marks.push(Number(words.shift()));
    else argv.push(word);
  }
  const { interception } = fromIstioFlags(argv, env, { resolvConf }, { dialect, proxyMarks: marks });
  return dialectOf(dialect).write(interception);
}

/** A program's rules of a family as `-t TABLE -A CHAIN RULE`, each rule as the kernel reprints it. */
export const emitted = (program: Program, family: Family): readonly string[] =>
  program.commands[family].map(({ table, chain, at, rule }) => {
    const how = at === 'append' ? `-A ${chain}` : `-I ${chain} ${at}`;
    return `-t ${table} ${how} ${printRule(rule, family)}`;
  });

/** A line of a case, its rule read and reprinted likewise: it may be spelled as people type it. */
export function asEmitted(line: string, family: Family): string {
  const [, head = '', table = '', words = ''] = /^(-t (\S+) (?:-A \S+|-I \S+ \d+)) (.*)$/.exec(line) ?? [];
  const chains = [...line.matchAll(/-[jg] (ISTIO_\w+)/g)].map(([, chain]) => chain!);
  return `${head} ${printRule(parseRule(words, { family, table: table as TableName, chains }), family)}`;
}

/** A routing change as the command that would make it. */
export function routingCommand(change: RoutingChange): string {
  const ip = `ip -${change.family === 'ipv4' ? 4 : 6}`;
  switch (change.kind) {
    case 'rule':
      return `${ip} rule add fwmark ${change.mark} lookup ${change.table}`;
    case 'local-route':
      return `${ip} route add local default dev lo table ${change.table}`;
    case 'address':
      return `${ip} address add ${change.prefix} dev ${change.device}`;
  }
}
