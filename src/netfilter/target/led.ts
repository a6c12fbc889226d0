import { parseNumber, quoted, text } from '../codec.ts';
import { CONTINUE } from '../effect.ts';
import { type Codec, flag, type TargetExtension, value } from '../extension.ts';

export interface LedOptions {
  readonly trigger?: string;
  /** Milliseconds until the light goes out; `inf` leaves it on. */
  readonly delay?: number | 'inf';
  readonly alwaysBlink?: true;
}

const delay: Codec<number | 'inf'> = {
  expected: 'a number of milliseconds, or inf',
  read: (word) => (word === 'inf' ? word : parseNumber(word, 0x7fff_ffff)),
  print: String,
};

/** `-j LED`: a light blinks. The kernel that the tests run on has no such module. Source: iptables-extensions(8), LED; libxt_LED.c. */
export const led: TargetExtension<LedOptions> = {
  name: 'LED',
  options: {
    trigger: value(['--led-trigger-id'], { ...text(1, 16), print: quoted }),
    delay: value(['--led-delay'], delay),
    alwaysBlink: flag('--led-always-blink'),
  },
  required: ['trigger'],
  effect: () => CONTINUE,
};
