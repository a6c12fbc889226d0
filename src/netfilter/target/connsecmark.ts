import { CONTINUE } from '../effect.ts';
import { flag, type TargetExtension } from '../extension.ts';
import { listed } from '../listed.ts';

export interface ConnsecmarkOptions {
  readonly save?: true;
  readonly restore?: true;
}

/** `-j CONNSECMARK`: security labels between packet and connection. Source: iptables-extensions(8); net/netfilter/xt_CONNSECMARK.c. */
export const connsecmark: TargetExtension<ConnsecmarkOptions> = {
  name: 'CONNSECMARK',
  places: { tables: ['mangle', 'security'] },
  options: { save: flag('--save'), restore: flag('--restore') },
  listed: listed([/CONNSECMARK (save|restore)/, '--$1']),
  refuse: ({ save, restore }) => (save === restore ? 'CONNSECMARK needs either --save or --restore' : undefined),
  effect: () => CONTINUE,
};
