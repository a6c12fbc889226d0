import type { MatchExtension, TargetExtension } from './extension.ts';
import { tcp } from './match/tcp.ts';
import { redirect } from './target/redirect.ts';

// A new match or target: its file, and one line here.
const matches = [tcp];
const targets = [redirect];

type AnyMatch = MatchExtension<object>;
type AnyTarget = TargetExtension<object>;

const byName = <T extends { readonly name: string; readonly aliases?: readonly string[] }>(list: readonly T[]) =>
  new Map(list.flatMap((extension) => [extension.name, ...(extension.aliases ?? [])].map((name) => [name, extension])));

// The options of a use come from the extension's own reader, so the types meet again inside each extension.
const matchTable = byName(matches as unknown as readonly AnyMatch[]);
const targetTable = byName(targets as unknown as readonly AnyTarget[]);

/** The match that `-m NAME` loads, or undefined when Sidestep does not know it. */
export const findMatch = (name: string): AnyMatch | undefined => matchTable.get(name);

/** The target that `-j NAME` means, or undefined when it is a chain or not known. */
export const findTarget = (name: string): AnyTarget | undefined => targetTable.get(name);

/** All matches and targets, for "did you mean" and for tests that visit each of them. */
export const allMatches: readonly AnyMatch[] = [...new Set(matchTable.values())];
export const allTargets: readonly AnyTarget[] = [...new Set(targetTable.values())];
