import { readFileSync } from 'node:fs';
import { dialectOf, fromIstioFlags, } from '../../src/interception/index.ts';
import { parseRule, printRule } from '../../src/text/index.ts';
/** Reads a file of cases: `# title`, `$ flags`, then a line a rule under `ipv4`, `ipv6` and `routing`. */
export function readCases(name) {
    const text = readFileSync(new URL(`cases/${name}.txt`, import.meta.url), 'utf8');
    return text
        .trim()
        .split(/\n\n+/)
        .map((block) => {
        const [title = '', asked = '', ...lines] = block.split('\n');
        const expected = { ipv4: [], ipv6: [], routing: [] };
        let resolvConf;
        let part = 'ipv4';
        for (const line of lines) {
            if (line === 'ipv4' || line === 'ipv6' || line === 'routing')
                part = line;
            else if (line.startsWith('resolv.conf: '))
                resolvConf = line.slice('resolv.conf: '.length);
            else
                expected[part].push(line);
        }
        return {
            title: title.replace(/^# /, ''),
            asked: asked.replace(/^\$ ?/, '').split(' ').filter(Boolean),
            ...(resolvConf ? { resolvConf } : {}),
            expected,
        };
    });
}
/** What a dialect writes for words as the cases have them. */
export function programOf(asked, dialect, resolvConf = '') {
    const env = {};
    const marks = [];
    const argv = [];
    const words = [...asked];
    for (let word = words.shift(); word !== undefined; word = words.shift()) {
        const [, name, value] = /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(word) ?? [];
        if (name !== undefined)
            env[name] = value ?? '';
        else if (word === '--proxy-mark')
            marks.push(Number(words.shift()));
        else
            argv.push(word);
    }
    const { interception } = fromIstioFlags(argv, env, { resolvConf }, { dialect, proxyMarks: marks });
    return dialectOf(dialect).write(interception);
}
/** A program's rules of a family as `-t TABLE -A CHAIN RULE`, each rule as the kernel reprints it. */
export const emitted = (program, family) => program.commands[family].map(({ table, chain, at, rule }) => {
    const how = at === 'append' ? `-A ${chain}` : `-I ${chain} ${at}`;
    return `-t ${table} ${how} ${printRule(rule, family)}`;
});
/** A line of a case, its rule read and reprinted likewise: it may be spelled as people type it. */
export function asEmitted(line, family) {
    const [, head = '', table = '', words = ''] = /^(-t (\S+) (?:-A \S+|-I \S+ \d+)) (.*)$/.exec(line) ?? [];
    const chains = [...line.matchAll(/-[jg] (ISTIO_\w+)/g)].map(([, chain]) => chain);
    return `${head} ${printRule(parseRule(words, { family, table: table, chains }), family)}`;
}
/** A routing change as the command that would make it. */
export function routingCommand(change) {
    const ip = `ip -${change.family === 'ipv4' ? 4 : 6}`;
    switch (change.kind) {
        case 'rule':
            return `${ip} rule add fwmark ${change.mark} lookup ${change.table}`;
        case 'local-route':
            return `${ip} route add local default dev lo table ${change.table}`;
        case 'address':
            return `${ip} address add ${change.prefix} dev ${change.device}`;
    }
}
