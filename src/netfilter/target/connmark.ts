import { EVERY_BIT, integer, type MaskedMark, mask32 } from '../codec.ts';
import { type Assignment, CONTINUE } from '../effect.ts';
import { flag, type TargetExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';
import { listedMarks, markChanges } from './mark.ts';

/** One of `xmark`, `save` and `restore`. */
export interface ConnmarkTargetOptions {
  /** The connection's mark becomes `(ctmark & ~mask) ^ value`. */
  readonly xmark?: MaskedMark;
  /** The packet's mark goes to the connection. */
  readonly save?: true;
  /** The connection's mark goes to the packet. */
  readonly restore?: true;
  readonly packetMask?: number;
  readonly connectionMask?: number;
  /** Both masks at once. */
  readonly masks?: number;
  readonly shiftLeft?: number;
  readonly shiftRight?: number;
}

const bits = integer('a number of bits', 0, 31);
const inverse = (mask: number): number => (~mask & EVERY_BIT) >>> 0;

/** `-j CONNMARK`. Source: iptables-extensions(8), CONNMARK; net/netfilter/xt_connmark.c. */
export const connmarkTarget: TargetExtension<ConnmarkTargetOptions> = {
  name: 'CONNMARK',
  options: {
    xmark: markChanges,
    save: flag('--save-mark'),
    restore: flag('--restore-mark'),
    packetMask: value(['--nfmask'], mask32),
    connectionMask: value(['--ctmask'], mask32),
    masks: { ...value(['--mask'], mask32), print: () => '' },
    shiftLeft: value(['--left-shift-mark'], bits),
    shiftRight: value(['--right-shift-mark'], bits),
  },
  listed: listed(
    ...listedMarks('CONNMARK'),
    [/CONNMARK (save|restore)/, '--$1-mark'],
    [/mask (0x\w+)/, '--mask $1'],
    [/nfmask (0x\w+) ctmask ~(0x\w+)/, '--nfmask $1 --ctmask $2'],
    [/ctmask (0x\w+) nfmask ~(0x\w+)/, '--ctmask $1 --nfmask $2'],
    [/(left|right)-shift-mark (\d+)/, '--$1-shift-mark $2'],
  ),
  refuse({ xmark, save, restore, packetMask, connectionMask, masks, shiftLeft, shiftRight }) {
    const given = [xmark, save, restore].filter((option) => option !== undefined).length;
    if (given !== 1) return 'CONNMARK needs one of --set-xmark (or --set-mark …), --save-mark and --restore-mark';
    if (masks !== undefined && (packetMask !== undefined || connectionMask !== undefined))
      return '--mask stands for --nfmask and --ctmask: give it or them';
    return shiftLeft !== undefined && shiftRight !== undefined
      ? 'a mark is shifted left or right, not both'
      : undefined;
  },
  complete({ xmark, save, restore, packetMask, connectionMask, masks, shiftLeft, shiftRight }) {
    const mask = connectionMask ?? masks;
    return {
      // A mask beside a value to set takes the place of the value's own.
      ...(xmark ? { xmark: mask === undefined ? xmark : { value: xmark.value, mask } } : {}),
      ...(xmark ? {} : { packetMask: packetMask ?? masks ?? EVERY_BIT, connectionMask: mask ?? EVERY_BIT }),
      ...(save ? { save } : {}),
      ...(restore ? { restore } : {}),
      ...(shiftLeft ? { shiftLeft } : {}),
      ...(shiftRight ? { shiftRight } : {}),
    };
  },
  effect({ xmark, save, restore, packetMask = EVERY_BIT, connectionMask = EVERY_BIT, shiftLeft = 0, shiftRight = 0 }) {
    const shift = shiftLeft - shiftRight;
    if (xmark) return { kind: 'continue', assign: [setTo(xmark), ...(shift ? [shifted(shift)] : [])] };
    if (save) {
      const xor = { field: 'mark', mask: packetMask, ...(shift ? { shift } : {}) } as const;
      return { kind: 'continue', assign: [{ field: 'ctmark', keep: inverse(connectionMask), xor }] };
    }
    if (!restore) return CONTINUE;
    const xor = { field: 'ctmark', mask: connectionMask, ...(shift ? { shift } : {}) } as const;
    return { kind: 'continue', assign: [{ field: 'mark', keep: inverse(packetMask), xor }] };
  },
};

const setTo = ({ value: of, mask }: MaskedMark): Assignment => ({ field: 'ctmark', keep: inverse(mask), xor: of });

/** A mark that is set is shifted as a whole; one that is copied is shifted on its way. */
const shifted = (shift: number): Assignment => ({
  field: 'ctmark',
  keep: 0,
  xor: { field: 'ctmark', mask: EVERY_BIT, shift },
});
