import { FAMILIES, type Family } from '../address/index.ts';
import { type Backend, emptyRuleSet, type Snapshot } from '../netfilter/index.ts';
import type { Program } from './interception.ts';
import { nativeModel } from './native-text.ts';
import { programmed } from './programmed.ts';

/**
 * The rules of a program as they stand in an empty namespace.
 *
 * @example asWritten(dialectOf('istio').write(interception), 'a dry run').held // ipv4's, then ipv6's
 */
export function asWritten(
  program: Program,
  origin: string,
  { families = FAMILIES, backend = 'nft' }: { readonly families?: readonly Family[]; readonly backend?: Backend } = {},
): Snapshot {
  if (program.native) return { origin, held: [], native: nativeModel(program.native) };
  const held = families.map((family) => {
    const rules = programmed(emptyRuleSet(family), program, family);
    // Legacy lists the table first that was made last.
    return { backend, rules: backend === 'nft' ? rules : { ...rules, tables: [...rules.tables].reverse() } };
  });
  return { origin, held };
}
