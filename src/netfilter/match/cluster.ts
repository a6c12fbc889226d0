import { integer, parseUint32 } from '../codec.ts';
import { type Codec, type MatchExtension, negatable, type Option, value } from '../extension.ts';
import { listed } from '../listed.ts';
import { all, unknown, unless } from '../predicate.ts';
import type { Negatable } from '../rules.ts';
import { tracked } from './conntrack.ts';

export interface ClusterOptions {
  /** Bit n stands for node n + 1. */
  readonly nodes?: Negatable<number>;
  readonly total?: number;
  readonly seed?: number;
}

/** Source: XT_CLUSTER_NODES_MAX in xt_cluster.h. */
const MOST = 32;

const eightDigits = (number: number): string => `0x${number.toString(16).padStart(8, '0')}`;

/** The tools take masks up to 32 only, and so cannot read what they print for a node above 6. Here all of them are taken. */
const mask: Codec<number> = {
  expected: 'a mask of nodes like 0x3',
  read: (word) => parseUint32(word) || undefined,
  print: eightDigits,
};

const seed: Codec<number> = { expected: 'a 32-bit number', read: parseUint32, print: eightDigits };

const node = integer('the number of a node', 1, MOST);
const nodes = negatable(['--cluster-local-nodemask'], mask);

const oneNode: Option<Negatable<number>> = {
  ...nodes,
  names: ['--cluster-local-node'],
  expected: node.expected,
  read([word = ''], negated, family) {
    const number = node.read(word, family);
    return number === undefined ? undefined : { value: 2 ** (number - 1), negated };
  },
};

/** `-m cluster`. Source: iptables-extensions(8), cluster; libxt_cluster.c; net/netfilter/xt_cluster.c. */
export const cluster: MatchExtension<ClusterOptions> = {
  name: 'cluster',
  options: {
    nodes: [nodes, oneNode],
    total: value(['--cluster-total-nodes'], integer('a number of nodes', 1, MOST)),
    seed: value(['--cluster-hash-seed'], seed),
  },
  listed: listed([
    /cluster (!?)node_mask=(\w+) total_nodes=(\d+) hash_seed=(\w+)/,
    '$1 --cluster-local-nodemask $2 --cluster-total-nodes $3 --cluster-hash-seed $4',
  ]),
  required: ['nodes', 'total', 'seed'],
  refuse: ({ nodes: of, total = 0 }) =>
    of && of.value >= 2 ** total ? `there are ${total} nodes, and the local one is beyond them` : undefined,
  // Without a connection it never matches, negated or not.
  predicate: ({ nodes: of }) =>
    all(tracked, unless(of?.negated ?? false, unknown('which node the hash of the source gives is not worked out'))),
};
