import { familyWord } from '../../explain/index.ts';
import { deciding, exampleWords, fated, laneOf, surelyFated } from '../audited.ts';
import { isDodger } from '../dodgers.ts';
import type { Finding } from '../finding.ts';
import { TCP_ONLY } from '../lanes.ts';
import type { Kind } from './kind.ts';

/** Whatever runs as root passes: a mesh that finds no user for its proxy takes root's. */
export const rootExempt: Kind = {
  name: 'root-exempt',
  about:
    "Connections of root's go past the proxy, as if they were the proxy's own: so do those of each app that runs as root.",
  look: (audited) =>
    audited.families.flatMap((family) => {
      const lane = laneOf(audited, 'outbound', family);
      const [caught, direct] = [fated(lane, 'proxy')?.where(TCP_ONLY), surelyFated(lane, 'direct')?.where(TCP_ONLY)];
      if (!caught || caught.isEmpty || !direct) return [];
      return (['uid', 'gid'] as const).flatMap((field): readonly Finding[] => {
        if (!caught.space.domain.fields.has(field)) return [];
        const root = { kind: 'in', field, ranges: [[0, 0]] } as const;
        // The same packet of somebody else is caught.
        const example = audited.example(direct.where(root).and(caught.whatever(field)));
        if (!example || !caught.where(root).isEmpty) return [];
        const rules = deciding(example.trace);
        if (isDodger(audited, rules)) return [];
        return [
          {
            level: 'medium',
            family,
            says:
              `outbound ${familyWord(family)} of ${field} 0 passes the proxy by, and with it whatever runs as root: ` +
              `${exampleWords(example)} is not intercepted.`,
            example,
            rules,
            mend: `run the proxy as a user of its own, and let that one pass instead of ${field} 0 (init: --proxy-uid, --proxy-gid)`,
          },
        ];
      });
    }),
};
