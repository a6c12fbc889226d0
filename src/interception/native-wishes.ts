import type { NftRule, Snapshot } from '../netfilter/index.ts';
import { printNft } from '../text/index.ts';
import { BYPASS_COMMENT } from './comments.ts';
import type { NativeTable, Program } from './interception.ts';
import { istioTables } from './native-sets.ts';
import { nativeModel, tableText } from './native-text.ts';

/** A native table as it should be; without a text it should not be there. */
export interface NativeWish {
  readonly name: string;
  readonly text?: string;
}

/**
 * What becomes of each of Istio's native tables: a program's are written, all others go. Sidestep's bypasses outlast an interception
 * that is written again; without a program they go with it.
 */
export function nativeWishes(
  snapshot: Pick<Snapshot, 'native'>,
  program: Pick<Program, 'native'> | undefined,
): readonly NativeWish[] {
  const wanted = program?.native ?? [];
  const gone = istioTables(snapshot).filter(({ name }) => !wanted.some((table) => table.name === name));
  const kept = bypassesIn(snapshot);
  return [
    ...wanted.map((table) => ({ name: table.name, text: textOf(table, kept.get(table.name)) })),
    ...gone.map(({ name }) => ({ name })),
  ];
}

type Bypasses = ReadonlyMap<string, readonly NftRule[]>;

/** By table and base chain. */
function bypassesIn(snapshot: Pick<Snapshot, 'native'>): ReadonlyMap<string, Bypasses> {
  return new Map(
    istioTables(snapshot).map(({ name, chains }) => [
      name,
      new Map(
        chains
          .filter(({ base }) => base)
          .map((chain) => [chain.name, chain.rules.filter(({ comment }) => comment === BYPASS_COMMENT)] as const)
          .filter(([, rules]) => rules.length > 0),
      ),
    ]),
  );
}

function textOf(table: NativeTable, bypasses: Bypasses | undefined): string {
  const [model] = bypasses && bypasses.size > 0 ? nativeModel([table]) : [];
  if (!model || !bypasses) return tableText(table);
  const chains = model.chains.map((chain) => ({
    ...chain,
    rules: [...(bypasses.get(chain.name) ?? []), ...chain.rules],
  }));
  return printNft([{ ...model, chains }]);
}
