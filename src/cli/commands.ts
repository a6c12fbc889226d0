import type { CommandSpec } from './command.ts';

/** A command as `sidestep help` lists it, and how its file is loaded. */
export interface Entry {
  readonly name: string;
  readonly group: string;
  readonly summary: string;
  readonly load: () => Promise<CommandSpec>;
}

/** Every command. A new one is its file, and one entry here. */
export const COMMANDS: readonly Entry[] = [
  {
    name: 'list',
    group: 'See',
    summary: 'what is intercepted here, then the chains',
    load: async () => (await import('./list.ts')).list,
  },
  {
    name: 'snapshot',
    group: 'See',
    summary: "everything that decides a packet's fate, as one file to send and follow offline",
    load: async () => (await import('./snapshot.ts')).snapshot,
  },
  {
    name: 'audit',
    group: 'See',
    summary: 'where all packets go, and what is the matter with the rules',
    load: async () => (await import('./audit.ts')).audit,
  },
  {
    name: 'trace',
    group: 'Follow',
    summary: 'what happens to this packet, rule by rule, and why',
    load: async () => (await import('./trace.ts')).trace,
  },
  {
    name: 'bypass',
    group: 'Step aside',
    summary: 'let chosen ports pass the proxy by, and nothing else',
    load: async () => (await import('./bypass.ts')).bypass,
  },
  {
    name: 'diff',
    group: 'Step aside',
    summary: 'exactly the packets that two rule sets treat differently',
    load: async () => (await import('./diff.ts')).diff,
  },
  {
    name: 'init',
    group: 'Intercept',
    summary: "program an interception; takes istio-iptables' own flags and environment too",
    load: async () => (await import('./init.ts')).init,
  },
  {
    name: 'proxy',
    group: 'Intercept',
    summary: 'the sidecar',
    load: async () => (await import('./proxy.ts')).proxy,
  },
  {
    name: 'run',
    group: 'Intercept',
    summary: 'an app in a network namespace of its own, behind a sidecar; needs no root',
    load: async () => (await import('./run.ts')).run,
  },
  {
    name: 'clean',
    group: 'Intercept',
    summary: 'take away what init and bypass made, and nothing else',
    load: async () => (await import('./clean.ts')).clean,
  },
  {
    name: 'verify',
    group: 'Trust',
    summary: "the kernel's rules against the interception, order included, and a live probe",
    load: async () => (await import('./verify.ts')).verify,
  },
  {
    name: 'demo',
    group: 'Try',
    summary: 'the 2018 story in real namespaces, live',
    load: async () => (await import('./demo.ts')).demo,
  },
  {
    name: 'completion',
    group: 'Try',
    summary: 'completion for bash, zsh or fish',
    load: async () => (await import('./completion.ts')).completion,
  },
];
