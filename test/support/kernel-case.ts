import { readdirSync, readFileSync } from 'node:fs';
import type { Family } from '../../src/address/index.ts';
import type { Backend } from '../../src/netfilter/index.ts';
import type { Listening } from './agent.ts';

/** One rule set and the packets that are sent through it. The form is told in test/cases/kernel/README.md. */
export interface KernelCase {
  readonly file: string;
  readonly title: string;
  readonly backend: Backend;
  /** The listeners answer no datagram, so that nothing but the packets themselves is counted. */
  readonly mute: boolean;
  /** The counters of nat are those of the packets alone (not where replies are connections of their own). */
  readonly countsNat: boolean;
  /** `ip …` and `sysctl -w …` commands inside the pod, without their first word. */
  readonly ip: readonly string[];
  readonly sysctl: readonly string[];
  readonly listeners: readonly Listening[];
  readonly proxyPorts: readonly number[];
  /** A second network behind the pod, which forwards. */
  readonly forwards: boolean;
  readonly rules: readonly { readonly family: Family; readonly text: string }[];
  /** What nft loads, after the rules of iptables. */
  readonly native: readonly string[];
  readonly packets: readonly { readonly expression: string; readonly expected: string; readonly line: number }[];
}

/** All cases of a folder of test/cases, in the order of their names. */
export function readKernelCases(folder: string): readonly KernelCase[] {
  const directory = new URL(`../cases/${folder}/`, import.meta.url);
  return readdirSync(directory)
    .filter((name) => name.endsWith('.txt'))
    .sort()
    .map((name) => parseCase(name, readFileSync(new URL(name, directory), 'utf8')));
}

/** Reads one case. */
export function parseCase(file: string, text: string): KernelCase {
  const [head = '', ...sections] = text.split(/^== /m);
  const settings = head
    .split('\n')
    .map((line) => /^(\w+): *(.*)$/.exec(line))
    .flatMap((match) => (match ? [{ key: match[1]!, value: match[2]! }] : []));
  const all = (key: string): string[] => settings.filter((setting) => setting.key === key).map(({ value }) => value);
  const bodies = sections.map((section) => ({
    name: section.slice(0, section.indexOf('\n')).trim(),
    body: section.slice(section.indexOf('\n') + 1),
  }));
  const firstLine = (body: string): number => text.slice(0, text.indexOf(body)).split('\n').length;
  return {
    file,
    title: all('title')[0] ?? file,
    backend: all('backend')[0] === 'legacy' ? 'legacy' : 'nft',
    countsNat: all('nat')[0] !== 'not counted' && !bodies.some(({ name }) => name === 'nft'),
    mute: all('mute').length > 0,
    ip: all('ip'),
    sysctl: all('sysctl'),
    listeners: all('listen').map(parseListening),
    proxyPorts: all('proxy').flatMap((words) => words.split(' ').map(Number)),
    forwards: all('forwards').length > 0,
    rules: bodies.flatMap(({ name, body }) =>
      name === 'ipv4' || name === 'ipv6' ? [{ family: name, text: body }] : [],
    ),
    native: bodies.filter(({ name }) => name === 'nft').map(({ body }) => body),
    packets: bodies.filter(({ name }) => name === 'packets').flatMap(({ body }) => parsePackets(body, firstLine(body))),
  };
}

/** `tcp 0.0.0.0:15001`, `tcp [::]:8080 only`, `tcp [::]:15006 transparent`, `udp 0.0.0.0:53 on eth1`. */
function parseListening(words: string): Listening {
  const [, protocol, bracketed, plain, port, more = ''] =
    /^(tcp|udp) (?:\[([^\]]+)\]|([\d.]+)):(\d+)(.*)$/.exec(words) ?? [];
  if (!protocol || !port) throw new Error(`no listener: ${words}`);
  return {
    name: `pod ${protocol} ${bracketed ? `[${bracketed}]` : plain}:${port}`,
    protocol: protocol as 'tcp' | 'udp',
    address: bracketed ?? plain ?? '',
    port: Number(port),
    only: more.includes('only'),
    transparent: more.includes('transparent'),
    ...(/ on (\S+)/.test(more) ? { device: / on (\S+)/.exec(more)![1]! } : {}),
  };
}

const parsePackets = (body: string, first: number): KernelCase['packets'] =>
  body.split('\n').flatMap((line, index) => {
    const [expression = '', expected] = line.split(/ += +/);
    return expected === undefined
      ? []
      : [{ expression: expression.trim(), expected: expected.trim(), line: first + index }];
  });
