import { CONTINUE } from '../effect.ts';
import { type Codec, type TargetExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';

export interface ClassifyOptions {
  /** The class of traffic control: its major number in the upper half. */
  readonly class?: number;
}

const four = (number: number): string => number.toString(16).padStart(4, '0');

const trafficClass: Codec<number> = {
  expected: 'a class of traffic control in hexadecimal, like 1:10',
  read(word) {
    const [, major, minor] = /^(?:0x)?([0-9a-f]{1,8}):(?:0x)?([0-9a-f]{1,8})$/i.exec(word) ?? [];
    if (major === undefined || minor === undefined) return undefined;
    // Bits beyond the sixteenth are lost, as the tools lose them.
    return (((Number.parseInt(major, 16) & 0xffff) << 16) | (Number.parseInt(minor, 16) & 0xffff)) >>> 0;
  },
  print: (of) => `${four(of >>> 16)}:${four(of & 0xffff)}`,
};

/** `-j CLASSIFY`. Source: iptables-extensions(8), CLASSIFY; net/netfilter/xt_CLASSIFY.c. */
export const classify: TargetExtension<ClassifyOptions> = {
  name: 'CLASSIFY',
  places: { hooks: ['FORWARD', 'OUTPUT', 'POSTROUTING'] },
  options: { class: value(['--set-class'], trafficClass) },
  listed: listed([/CLASSIFY set (\S+)/, '--set-class $1']),
  required: ['class'],
  effect: () => CONTINUE,
};
