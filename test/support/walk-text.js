import { formatAddress } from '../../src/address/index.ts';
import { formatField } from '../../src/netfilter/index.ts';
const end = (family, address, port) => {
    const text = address === undefined ? '?' : formatAddress(family, address);
    if (port === undefined)
        return text;
    return family === 'ipv6' ? `[${text}]:${port}` : `${text}:${port}`;
};
const ends = ({ family, source, sourcePort, destination, destinationPort }) => `${end(family, source, sourcePort)} > ${end(family, destination, destinationPort)}`;
const onWires = (packet) => [packet.in ? `in ${packet.in}` : '', packet.out ? `out ${packet.out}` : ''].filter((part) => part !== '').join(' ');
const marked = (packet) => packet.mark ? ` mark ${formatField('mark', packet.mark, packet.family)}` : '';
function stepLines(step) {
    switch (step.kind) {
        case 'hook':
            return [
                `${step.hook}${step.pass === 2 ? ' again' : ''}  ${ends(step.packet)}  ${onWires(step.packet)}${marked(step.packet)}`,
            ];
        case 'table':
            // Every hook has tables that nobody uses.
            return step.silent === 'no rules' ? [] : [`  ${step.table}${step.silent ? `: ${step.silent}` : ''}`];
        case 'rule': {
            const sign = step.answer === 'matched' ? '✓' : step.answer === 'undecided' ? OPEN[String(step.taken)] : '·';
            const why = step.decisive ? `  (${step.decisive.part})` : '';
            const note = step.note ? `  ${step.note}` : '';
            return [`    ${'  '.repeat(step.depth)}${sign} ${step.chain} ${step.number}${why}${note}`];
        }
        case 'policy':
            return [`    policy ${step.policy}`];
        case 'route':
            return [`route  ${step.decision}`];
        case 'socket':
            return [`socket  ${step.decision}`];
    }
}
const outcomeText = (outcome) => {
    const { kind } = outcome;
    const more = kind === 'proxy' || kind === 'app' || kind === 'nobody listens'
        ? ` :${outcome.port}`
        : kind === 'rejected'
            ? ` with ${outcome.with}`
            : kind === 'sent' || kind === 'forwarded'
                ? `${outcome.out && ` by ${outcome.out}`}`
                : '';
    return `${kind}${more}: ${outcome.because}`;
};
/** A walk as text: what the cases of test/cases/trace hold. Tables without rules are left out. */
export const walkText = ({ question, steps, outcome, possible }) => [
    ...question.assumptions.map((clause) => `# ${clause}`),
    ...steps.flatMap(stepLines),
    `= ${outcomeText(outcome)}`,
    ...possible.map((other) => `  ${outcomeText(other.outcome)}; ${other.because}`),
    '',
].join('\n');
/** Which way a walk goes where it is open: where both are alike, none. */
const OPEN = { true: '?✓', false: '?·', undefined: '?' };
