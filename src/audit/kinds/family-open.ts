import { FAMILIES, type Family } from '../../address/index.ts';
import { askedWords, familyWord, outcomePhrase } from '../../explain/index.ts';
import { type Audited, deciding, exampleWords, fated, laneOf } from '../audited.ts';
import type { Finding } from '../finding.ts';
import { TCP_ONLY } from '../lanes.ts';
import type { Kind } from './kind.ts';

/** One family is intercepted, and the other goes past the proxy. */
export const familyOpen: Kind = {
  name: 'family-open',
  about: 'Connections of one family go through the proxy, and none of the other.',
  look: (audited) =>
    (['inbound', 'outbound'] as const).flatMap((name) =>
      FAMILIES.flatMap((family): readonly Finding[] => {
        const other = family === 'ipv4' ? 'ipv6' : 'ipv4';
        const [lane, beside] = [laneOf(audited, name, family), laneOf(audited, name, other)];
        if (fated(lane, 'proxy') || !fated(beside, 'proxy')) return [];
        const example = audited.example(fated(lane, 'direct')?.where(TCP_ONLY));
        const here = hasAddress(audited, family);
        if (!example || here === false) return [];
        const packet = `${exampleWords(example)} → ${outcomePhrase(example.trace.outcome)}`;
        const open = `${name} ${familyWord(family)} is not intercepted, though ${familyWord(other)} is: ${packet}.`;
        return [
          {
            level: here ? 'high' : 'medium',
            family,
            says: here
              ? open
              : `${open} It matters if this host has an ${familyWord(family)} address: that was not read.`,
            example,
            rules: deciding(example.trace),
            mend: mend(audited, family),
          },
        ];
      }),
    ),
};

/** Whether others can reach this host by a family, beyond its own link; undefined where that was not read. */
const hasAddress = ({ snapshot: { interfaces } }: Audited, family: Family): boolean | undefined =>
  interfaces?.some(({ addresses }) => addresses.some((own) => own.family === family && own.scope === 'global'));

function mend({ written, command }: Audited, family: Family): string {
  if (!written) return `write the same rules for ${familyWord(family)}, or take the ${familyWord(family)} address away`;
  const both = { ...written.interception, families: FAMILIES };
  return command(`init ${askedWords(both).join(' ')}`);
}
