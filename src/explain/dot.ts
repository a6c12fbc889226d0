import { escapeControl } from '../text/index.ts';
import type { Step, Trace } from '../trace/index.ts';
import { OUTCOME_WORD, outcomePhrase, packetWords, questionWords } from './packet.ts';
import { stepRuleWords } from './rule.ts';

/** A box of the picture: its first line, and lines below it that begin at the left. */
interface Box {
  readonly title: readonly string[];
  readonly lines: readonly string[];
  readonly style: string;
}

/**
 * One packet's walk as a picture, in Graphviz's language: the hooks from top to bottom, the rules that matched in them,
 * and where it ends. `sidestep trace … -o dot | dot -Tsvg`.
 */
export function walkDot(trace: Trace): string {
  const boxes = [
    { title: [questionWords(trace.question)], lines: [], style: 'plain' },
    ...boxesOf(trace.steps),
    { title: [OUTCOME_WORD[trace.outcome.kind], outcomePhrase(trace.outcome)], lines: [], style: 'box, style=bold' },
  ];
  const nodes = boxes.map(({ title, lines, style }, id) => {
    const label = [...title.map((text) => `${quoted(text)}\\n`), ...lines.map((text) => `${quoted(text)}\\l`)].join('');
    return `  n${id} [label="${label}", shape=${style}];`;
  });
  const edges = boxes.slice(1).map((_, index) => `  n${index} -> n${index + 1};`);
  return `digraph walk {\n  node [fontname="monospace"];\n${nodes.join('\n')}\n${edges.join('\n')}\n}\n`;
}

/** Text inside a label: nothing in it ends the string or is read as an escape. */
const quoted = (text: string): string => escapeControl(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"');

/** Each hook with the rules that matched in it; routing and the socket between them. */
function boxesOf(steps: readonly Step[]): Box[] {
  const boxes: { title: string[]; lines: string[]; style: string }[] = [];
  for (const step of steps) {
    if (step.kind === 'hook') {
      const title = [`${step.hook}${step.pass === 2 ? ' (over lo)' : ''}`, packetWords(step.packet)];
      boxes.push({ title, lines: [], style: 'box' });
    } else if (step.kind === 'rule' && step.answer !== 'passed by') {
      const mark = step.answer === 'undecided' ? '? ' : '';
      const text = stepRuleWords(step);
      boxes.at(-1)?.lines.push(`${mark}${step.table} ${step.chain} ${step.number}: ${text}`);
    } else if (step.kind === 'route' || step.kind === 'socket') {
      boxes.push({ title: [step.decision], lines: [], style: 'box, style=dashed' });
    }
  }
  return boxes;
}
