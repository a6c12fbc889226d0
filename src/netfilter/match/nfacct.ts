import { plainName } from '../codec.ts';
import { type MatchExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';
import { unknown } from '../predicate.ts';

export interface NfacctOptions {
  readonly object?: string;
}

/** `-m nfacct`: counts into an object; one with a quota matches once that is used up. Source: iptables-extensions(8), nfacct; net/netfilter/xt_nfacct.c. */
export const nfacct: MatchExtension<NfacctOptions> = {
  name: 'nfacct',
  options: { object: value(['--nfacct-name'], plainName('the name of an accounting object', 31)) },
  listed: listed([/nfacct-name +("(?:[^"\\]|\\.)*"|[\w-]+)/, (name) => `--nfacct-name ${name}`]),
  required: ['object'],
  predicate: ({ object = '' }) =>
    unknown(`whether the accounting object ${JSON.stringify(object)} has a quota that is not used up is not known`),
};
