import { readdirSync, readFileSync } from 'node:fs';
/** All cases of a folder of test/cases, in the order of their names. */
export function readKernelCases(folder) {
    const directory = new URL(`../cases/${folder}/`, import.meta.url);
    return readdirSync(directory)
        .filter((name) => name.endsWith('.txt'))
        .sort()
        .map((name) => parseCase(name, readFileSync(new URL(name, directory), 'utf8')));
}
/** Reads one case. */
export function parseCase(file, text) {
    const [head = '', ...sections] = text.split(/^== /m);
    const settings = head
        .split('\n')
        .map((line) => /^(\w+): *(.*)$/.exec(line))
        .flatMap((match) => (match ? [{ key: match[1], value: match[2] }] : []));
    const all = (key) => settings.filter((setting) => setting.key === key).map(({ value }) => value);
    const bodies = sections.map((section) => ({
        name: section.slice(0, section.indexOf('\n')).trim(),
        body: section.slice(section.indexOf('\n') + 1),
    }));
    const firstLine = (body) => text.slice(0, text.indexOf(body)).split('\n').length;
    return {
        file,
        title: all('title')[0] ?? file,
        backend: all('backend')[0] === 'legacy' ? 'legacy' : 'nft',
        countsNat: all('nat')[0] !== 'not counted' && !bodies.some(({ name }) => name === 'nft'),
        mute: all('mute').length > 0,
        ip: all('ip'),
        sysctl: all('sysctl'),
        listeners: all('listen').map(parseListening),
        proxyPorts: all('proxy').flatMap((words) => words.split(' ').map(Number)),
        forwards: all('forwards').length > 0,
        rules: bodies.flatMap(({ name, body }) => name === 'ipv4' || name === 'ipv6' ? [{ family: name, text: body }] : []),
        native: bodies.filter(({ name }) => name === 'nft').map(({ body }) => body),
        packets: bodies.filter(({ name }) => name === 'packets').flatMap(({ body }) => parsePackets(body, firstLine(body))),
    };
}
/** `tcp 0.0.0.0:15001`, `tcp [::]:8080 only`, `tcp [::]:15006 transparent`, `udp 0.0.0.0:53 on eth1`. */
function parseListening(words) {
    const [, protocol, bracketed, plain, port, more = ''] = /^(tcp|udp) (?:\[([^\]]+)\]|([\d.]+)):(\d+)(.*)$/.exec(words) ?? [];
    if (!protocol || !port)
        throw new Error(`no listener: ${words}`);
    return {
        name: `pod ${protocol} ${bracketed ? `[${bracketed}]` : plain}:${port}`,
        protocol: protocol,
        address: bracketed ?? plain ?? '',
        port: Number(port),
        only: more.includes('only'),
        transparent: more.includes('transparent'),
        ...(/ on (\S+)/.test(more) ? { device: / on (\S+)/.exec(more)[1] } : {}),
    };
}
const parsePackets = (body, first) => body.split('\n').flatMap((line, index) => {
    const [expression = '', expected] = line.split(/ += +/);
    return expected === undefined
        ? []
        : [{ expression: expression.trim(), expected: expected.trim(), line: first + index }];
});
