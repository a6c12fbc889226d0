import { Command } from 'commander';
import type { Family } from '../address/index.ts';
import { asWritten, dialectOf, type Interception } from '../interception/index.ts';
import type { Backend, Snapshot } from '../netfilter/index.ts';
import { askedOf, familiesAsked, interceptionOptions, settleOutputFlag } from './interception-flags.ts';
import { machineFor } from './machine.ts';
import { backendOption, programFamilyOption } from './options.ts';

/** Words that stand for rules which init would write: `init -b '*' -i '*'`. */
export const isWritten = (word: string): boolean => /^init(\s|$)/.test(word);

/** What such words ask for. */
export interface Asked {
  readonly interception: Interception;
  /** The back end of iptables; without it nft. */
  readonly backend?: Backend;
}

/** The rules that init would write for it into an empty namespace. */
export const writtenFrom = ({ interception, backend }: Asked, word: string): Snapshot =>
  asWritten(dialectOf(interception.dialect).write(interception), word.trim(), backend ? { backend } : {});

/** What such flags ask for. Throws as init does. */
export async function askedBy(word: string): Promise<Asked> {
  const [, ...given] = [...word.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([part]) => part.replace(/['"]/g, ''));
  const words = settleOutputFlag(given);
  const command = new Command('init').exitOverride().configureOutput({ outputError: () => {} });
  interceptionOptions(command);
  programFamilyOption(command);
  backendOption(command);
  const options = command.parse([...words], { from: 'user' }).opts<{ family?: Family | 'both'; backend?: Backend }>();
  const { interception } = await askedOf(options, words, machineFor({}), familiesAsked(options.family));
  return { interception, ...(options.backend ? { backend: options.backend } : {}) };
}
