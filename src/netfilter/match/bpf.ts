import { parseNumber, plainName } from '../codec.ts';
import { type Codec, type MatchExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';
import { unknown } from '../predicate.ts';

export interface BpfOptions {
  /** Instructions in decimal, each `code jt jf k`. */
  readonly bytecode?: readonly string[];
  /** A program that is pinned in the bpf file system. */
  readonly pinned?: string;
}

/** Source: XT_BPF_MAX_NUM_INSTR in xt_bpf.h. */
const MOST = 64;
const HIGHEST = [0xffff, 0xff, 0xff, 0xffff_ffff] as const;

function readInstruction(text: string): string | undefined {
  const words = text.trim().split(/\s+/);
  const numbers = words.map((word, at) =>
    /^\d+$/.test(word) ? parseNumber(word.replace(/^0+(?=.)/, ''), HIGHEST[at] ?? 0) : undefined,
  );
  return words.length === 4 && numbers.every((number) => number !== undefined) ? numbers.join(' ') : undefined;
}

const bytecode: Codec<readonly string[]> = {
  expected: 'the number of instructions, then each as four decimal numbers, separated by commas: "1,6 0 0 0"',
  read(word) {
    const [count = '', ...rest] = word.split(',');
    if (rest.at(-1) === '') rest.pop();
    const instructions = rest.map(readInstruction);
    const known = instructions.every((instruction) => instruction !== undefined);
    const told = /^\d{1,3}$/.test(count) && Number(count) === rest.length && rest.length >= 1 && rest.length <= MOST;
    return known && told ? instructions : undefined;
  },
  print: (instructions) => `"${[instructions.length, ...instructions].join(',')}"`,
};

/** `-m bpf`: a program decides. Source: iptables-extensions(8), bpf; net/netfilter/xt_bpf.c. */
export const bpf: MatchExtension<BpfOptions> = {
  name: 'bpf',
  options: {
    pinned: value(['--object-pinned'], plainName('a path', 511)),
    bytecode: value(['--bytecode'], bytecode),
  },
  listed: listed(
    [/match bpf pinned (\S+)/, '--object-pinned $1'],
    [/match bpf (\d+(?: \d+){3}(?:,\d+(?: \d+){3})*)/, (code) => `--bytecode "${code.split(',').length},${code}"`],
  ),
  refuse: ({ bytecode: code, pinned }) =>
    (code === undefined) === (pinned === undefined) ? 'bpf needs either --bytecode or --object-pinned' : undefined,
  predicate: () => unknown('Sidestep does not run BPF programs'),
};
