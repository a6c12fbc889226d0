import { parseQuestion, prepareConversation } from '../../src/trace/index.ts';
import { foretoldPasses, passText } from './foretold-passes.ts';
import { openAccount } from './kernel-account.ts';
import { openLaboratory } from './observe.ts';
/** The caller's port is one that its kernel chose: it is called so in both accounts. */
const named = (text, callerPort) => callerPort === undefined
    ? text
    : text
        .replaceAll(`:${callerPort} `, ':CALLER ')
        .replaceAll(new RegExp(`:${callerPort}(?=$|:|\\n)`, 'g'), ':CALLER');
/** Chains that hold no rules are asked too: nothing of them is foretold. */
const withoutEmpty = (pass, holding) => ({
    ...pass,
    asked: pass.asked.filter(({ chain }) => holding.has(`${pass.family} ${chain}`)),
});
/** The client's UDP server is bound to any address: what was sent to its second address it answers from its first. */
const answersFromElsewhere = (expression) => /^out udp > (?!10\.0\.0\.9:)/.test(expression);
/**
 * Makes the connections of a case for real, has the kernel trace every packet of them, and compares: the chains that it asked,
 * the rules that matched, the mark after each, the addresses at each chain. With `open`, connections that are not foretold to
 * be open are passed over, and what the case expects of packets is not looked at.
 */
export async function agreeOnConnections(from, expect, { open = false } = {}) {
    const laboratory = await openLaboratory(from);
    try {
        const follow = prepareConversation(laboratory.snapshot, from.proxyPorts);
        const holding = new Set(laboratory.snapshot.held.flatMap(({ rules }) => rules.tables.flatMap(({ name, chains }) => chains.flatMap((chain) => chain.policy && chain.rules.length > 0 ? [`${rules.family} ${chain.name} ${name}`] : []))));
        const account = await openAccount(laboratory.pod);
        for (const { expression, line, expected } of from.packets) {
            const told = follow(parseQuestion(expression, laboratory.snapshot));
            const place = `${from.file}:${line}: ${expression}`;
            if (!open)
                expect(`${place} = ${told.outcome.kind}`).toBe(`${place} = ${expected}`);
            else if (told.outcome.kind !== 'open' || answersFromElsewhere(expression))
                continue;
            const first = told.turns[0].trace;
            await account.passes();
            await laboratory.send(first);
            const protocols = new Set(told.turns.map(({ trace }) => trace.question.packet.protocol));
            const kernel = (await account.passes()).filter(({ protocol }) => protocols.has(protocol));
            const port = Number(kernel[0]?.ends.split(' ')[0]?.split(':').at(-1));
            const textsOf = (passes, callerPort) => new Set(passes.map((pass) => named(passText(withoutEmpty(pass, holding)), callerPort)));
            const seen = textsOf(kernel, port);
            const foretold = textsOf(foretoldPasses(told), told.question.packet.sourcePort);
            // Not every connection needs every packet; each that there is must have been foretold. Whoever does not know the
            // connection resets it.
            const unforetold = [...seen].filter((text) => !foretold.has(text));
            const astray = told.outcome.kind === 'broken';
            expect({ place, seen: unforetold.filter((text) => !(astray && text.startsWith('RST'))) }).toEqual({
                place,
                seen: [],
            });
            const needed = textsOf(foretoldPasses({ ...told, turns: told.turns.slice(0, 2) }), told.question.packet.sourcePort);
            expect({ place, missing: [...needed].filter((text) => !seen.has(text)) }).toEqual({ place, missing: [] });
        }
    }
    finally {
        laboratory.close();
    }
}
