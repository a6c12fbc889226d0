import type { FieldName } from '../netfilter/index.ts';
import { type CompiledChain, contentsOfChain } from '../trace/parts.ts';
import type { Edge } from './diagram.ts';
import { type Environment, sameAs } from './environment.ts';
import { HAVING } from './having.ts';
import { kept } from './kept.ts';
import { isLookedUp } from './looked-up.ts';
import { Natures } from './nature.ts';
import type { Space } from './space.ts';

/**
 * Packets that come to chains, as far as a chain can tell them apart: with them those that differ in nothing that any rule of it, or of
 * the chains that it leads to, reads. What a rule matches among them it matches among those that come, and the other way round. So
 * packets on their way to thousands of hosts are few sets, where only the way to their chains tells them apart.
 */
export class Sight {
  readonly #space: Space;
  readonly #natures = new Natures();
  readonly #reads = new Map<CompiledChain, ReadonlySet<FieldName>>();

  constructor(space: Space) {
    this.#space = space;
  }

  of(chain: CompiledChain, { fields }: Environment, when: Edge): Edge {
    const { diagram, domain } = this.#space;
    const reads = this.#readsOf(chain);
    // What changes packets looks at more of them than its rules ask for; so does who looks something up.
    if (this.#natures.of(chain).changes || [...reads].some(isLookedUp)) return when;
    // Which case a packet is hangs on all of it.
    if ([...reads].some((field) => fields.get(field)?.kind === 'case')) return when;
    const seen = new Set<FieldName>();
    for (const field of reads) {
      const current = fields.get(field) ?? sameAs(field);
      if (current.kind !== 'of') continue;
      seen.add(current.field);
      if (HAVING[current.field]) seen.add('protocol');
    }
    const gone = [...domain.fields.values()].filter(({ field }) => !seen.has(field));
    const isGone = (level: number): boolean =>
      gone.some(({ first, levels }) => level >= first && level < first + levels);
    return diagram.exists(when, isGone, Math.max(-1, ...gone.map(({ first, levels }) => first + levels - 1)));
  }

  /** Of rules that only count, too. */
  #readsOf(chain: CompiledChain): ReadonlySet<FieldName> {
    return kept(this.#reads, chain, () => {
      const { reads: own, targets } = contentsOfChain(chain);
      const reads = new Set(own);
      for (const target of targets) for (const field of this.#readsOf(target)) reads.add(field);
      return reads;
    });
  }
}
