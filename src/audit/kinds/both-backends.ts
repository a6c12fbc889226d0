import { familyWord } from '../../explain/index.ts';
import { heldFor } from '../../netfilter/index.ts';
import type { Finding } from '../finding.ts';
import type { Kind } from './kind.ts';

/** Both back ends hold rules in the same table. */
export const bothBackends: Kind = {
  name: 'both-backends',
  about: 'Both back ends of iptables hold rules of the same table: each of its tools shows one half of them.',
  look: ({ snapshot, families, command }) =>
    families.flatMap((family): readonly Finding[] => {
      const [one, other] = heldFor(snapshot, family);
      if (!one || !other) return [];
      const shared = one.rules.tables.filter(
        (table) => holdsRules(table) && other.rules.tables.some((each) => each.name === table.name && holdsRules(each)),
      );
      if (shared.length === 0) return [];
      const tables = shared.map((table) => table.name).join(', ');
      return [
        {
          level: 'medium',
          family,
          says: `both back ends hold ${familyWord(family)} rules (${tables}): both run, and iptables shows only its own.`,
          rules: [],
          mend: `see both: ${command('list')}; then take away those of the back end that is not in use`,
        },
      ];
    }),
};

const holdsRules = ({ chains }: { readonly chains: readonly { readonly rules: readonly unknown[] }[] }): boolean =>
  chains.some(({ rules }) => rules.length > 0);
