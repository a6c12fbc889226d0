import { oneOf } from '../codec.ts';
import { type MatchExtension, negatable, type Option } from '../extension.ts';
import { listedAfter } from '../listed.ts';
import { ALWAYS, all, is, unknown } from '../predicate.ts';
import { SCTP } from '../protocol.ts';
import type { Negatable } from '../rules.ts';
import { hasPort, listedPorts, numberedPorts, type PortOptions } from './ports.ts';

/** One kind of chunk, and which of its flags must be on and off: `DATA:Be` wants B on and e off. */
export interface Chunk {
  readonly type: number;
  /** Letters as they print; empty where flags do not matter. */
  readonly flags: string;
}

export interface ChunkTypes {
  readonly which: 'all' | 'any' | 'only';
  /** Ascending by type; every type and none are ALL and NONE. */
  readonly chunks: readonly Chunk[] | 'ALL' | 'NONE';
}

export interface SctpOptions extends PortOptions {
  readonly chunks?: Negatable<ChunkTypes>;
}

/** Kinds of chunks by name. Source: libxt_sctp.c; linux/sctp.h. */
const TYPES: Readonly<Record<string, number>> = {
  DATA: 0,
  INIT: 1,
  INIT_ACK: 2,
  SACK: 3,
  HEARTBEAT: 4,
  HEARTBEAT_ACK: 5,
  ABORT: 6,
  SHUTDOWN: 7,
  SHUTDOWN_ACK: 8,
  ERROR: 9,
  COOKIE_ECHO: 10,
  COOKIE_ACK: 11,
  ECN_ECNE: 12,
  ECN_CWR: 13,
  SHUTDOWN_COMPLETE: 14,
  I_DATA: 64,
  ASCONF_ACK: 128,
  RE_CONFIG: 130,
  PAD: 132,
  FORWARD_TSN: 192,
  ASCONF: 193,
  I_FORWARD_TSN: 194,
};

/** Letters of the flags that a kind of chunk has, from the highest bit down. Those of I_DATA are taken and not printed. */
const FLAGS: Readonly<Record<string, string>> = { DATA: 'IUBE', ABORT: 'T', SHUTDOWN_COMPLETE: 'T' };

const which = oneOf('all, any or only', ['all', 'any', 'only']);

function readChunk(word: string): Chunk | undefined {
  const [name = '', letters = ''] = word.toUpperCase().split(':');
  const type = Object.hasOwn(TYPES, name) ? TYPES[name] : undefined;
  const taken = name === 'I_DATA' ? FLAGS.DATA : FLAGS[name];
  if (type === undefined || [...letters].some((letter) => !taken?.includes(letter))) return undefined;
  // Upper case wins where a flag is asked for both ways.
  const given = word.split(':')[1] ?? '';
  const known = [...(FLAGS[name] ?? '')];
  const flags = known.map((letter) =>
    given.includes(letter) ? letter : given.includes(letter.toLowerCase()) ? letter.toLowerCase() : '',
  );
  return { type, flags: flags.join('') };
}

function readChunks(word: string): ChunkTypes['chunks'] | undefined {
  if (word.toUpperCase() === 'ALL' || word.toUpperCase() === 'NONE') return word.toUpperCase() as 'ALL' | 'NONE';
  const byType = new Map<number, Chunk>();
  for (const part of word.split(',')) {
    const chunk = readChunk(part);
    if (!chunk) return undefined;
    byType.set(chunk.type, chunk);
  }
  return [...byType.values()].sort((a, b) => a.type - b.type);
}

const nameOf = (type: number): string => Object.keys(TYPES).find((name) => TYPES[name] === type) ?? String(type);

/** With -n a listing has numbers in their place: `0x0000:Be,0x0001`. */
const namedChunks = (list: string): string =>
  list.replace(/0x[\dA-F]{4}/g, (number) => nameOf(Number.parseInt(number, 16)));

const printChunks = (chunks: ChunkTypes['chunks']): string =>
  typeof chunks === 'string'
    ? chunks
    : chunks.map(({ type, flags }) => (flags === '' ? nameOf(type) : `${nameOf(type)}:${flags}`)).join(',');

const chunkTypes: Option<Negatable<ChunkTypes>> = {
  names: ['--chunk-types'],
  arity: 2,
  negatable: true,
  expected: 'all, any or only, then chunks separated by commas: any INIT,DATA:Be',
  read([mode = '', list = ''], negated, family) {
    const mostly = which.read(mode, family);
    const chunks = readChunks(list);
    return mostly && chunks ? { value: { which: mostly, chunks }, negated } : undefined;
  },
  print: ({ value, negated }) => `${negated ? '! ' : ''}--chunk-types ${value.which} ${printChunks(value.chunks)}`,
};

/** `-m sctp`. Source: iptables-extensions(8), sctp; net/netfilter/xt_sctp.c. */
export const sctp: MatchExtension<SctpOptions> = {
  name: 'sctp',
  protocols: [SCTP],
  options: {
    sourcePort: negatable(['--sport', '--source-port'], numberedPorts),
    destinationPort: negatable(['--dport', '--destination-port'], numberedPorts),
    chunks: chunkTypes,
  },
  listed: listedAfter(/sctp/, ...listedPorts, [
    /(! )?(all|any|only) (\S+)/,
    (bang, mode, list) => `${bang} --chunk-types ${mode} ${namedChunks(list)}`,
  ]),
  predicate: ({ sourcePort, destinationPort, chunks }) =>
    all(
      is('fragment', 0),
      hasPort('sourcePort', sourcePort),
      hasPort('destinationPort', destinationPort),
      chunks ? unknown('the chunks that the packet carries are not known') : ALWAYS,
    ),
};
