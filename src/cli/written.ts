import { Command } from 'commander';
import type { Family } from '../address/index.ts';
import { asWritten, dialectOf, type Interception } from '../interception/index.ts';
import type { Snapshot } from '../netfilter/index.ts';
import { askedOf, familiesAsked, interceptionOptions, settleOutputFlag } from './interception-flags.ts';
import { machineFor } from './machine.ts';
import { programFamilyOption } from './options.ts';

/** Words that stand for rules which init would write: `init -b '*' -i '*'`. */
export const isWritten = (word: string): boolean => /^init(\s|$)/.test(word);

/** The rules that init would write for these flags into an empty namespace. Throws as init does. */
export const readWritten = async (word: string): Promise<Snapshot> => writtenFrom(await askedBy(word), word);

/** The same, of what the flags ask for. */
export const writtenFrom = (interception: Interception, word: string): Snapshot =>
  asWritten(dialectOf(interception.dialect).write(interception), word.trim());

/** What such flags ask for. Throws as init does. */
export async function askedBy(word: string): Promise<Interception> {
  const [, ...given] = [...word.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([part]) => part.replace(/['"]/g, ''));
  const words = settleOutputFlag(given);
  const command = new Command('init').exitOverride().configureOutput({ outputError: () => {} });
  interceptionOptions(command);
  programFamilyOption(command);
  const options = command.parse([...words], { from: 'user' }).opts<{ family?: Family | 'both' }>();
  const { interception } = await askedOf(options, words, machineFor({}), familiesAsked(options.family));
  return interception;
}
