import { type Catching, catchesExactly, type Strayed } from './catching.ts';
import { endDocument } from './difference-document.ts';
import { outcomePhrase, questionWords } from './packet.ts';
import { movedDocument, saidDocument } from './plan-document.ts';
import type { ProgramDocument } from './schema/program.ts';

/** What an interception would catch beside the rules of others, as JSON has it. */
export const catchingDocument = (catching: Catching): NonNullable<ProgramDocument['catching']> => ({
  exact: catchesExactly(catching),
  caught: catching.caught.map((one) => ({ ...saidDocument(one), end: endDocument(one.end, one.family) })),
  missed: catching.missed.map(strayedDocument),
  extra: catching.extra.map(strayedDocument),
  open: [...catching.open],
});

const strayedDocument = (strayed: Strayed) => {
  const { question, outcome } = strayed.example;
  return { ...movedDocument(strayed), example: `${questionWords(question)}: ${outcomePhrase(outcome)}` };
};
