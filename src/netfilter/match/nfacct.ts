import { plainName } from '../codec.ts';
import { type MatchExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';
import { choice } from '../predicate.ts';

export interface NfacctOptions {
  readonly object?: string;
}

const plain = plainName('the name of an accounting object', 31);
/** The tools print two blanks before it. */
const name: typeof plain = { ...plain, print: (object, family) => ` ${plain.print(object, family)}` };

/** `-m nfacct`: counts into an object; one with a quota matches once that is used up. Source: iptables-extensions(8), nfacct; net/netfilter/xt_nfacct.c. */
export const nfacct: MatchExtension<NfacctOptions> = {
  name: 'nfacct',
  options: { object: value(['--nfacct-name'], name) },
  listed: listed([/nfacct-name +("(?:[^"\\]|\\.)*"|[\w-]+)/, (name) => `--nfacct-name ${name}`]),
  required: ['object'],
  predicate: ({ object = '' }) => {
    const quoted = JSON.stringify(object);
    return choice(
      `nfacct ${object}`,
      `whether the accounting object ${quoted} has a quota that is not used up is not known`,
    );
  },
};
