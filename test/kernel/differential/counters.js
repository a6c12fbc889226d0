import { checked, SOL_IP, SOL_IPV6, socketCalls } from '../../../src/linux/socket/calls.ts';
import { requireKoffi } from '../../../src/linux/socket/installed.ts';
// Source: linux/netfilter_ipv4/ip_tables.h, linux/netfilter_ipv6/ip6_tables.h, linux/netfilter/x_tables.h.
const GET_INFO = 64;
const GET_ENTRIES = 65;
const NAME = 32;
const HOOKS = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'];
/** struct ipt_getinfo: name, valid hooks, where each begins, where its policy stands, how many entries, their size. */
const INFO = { hooks: NAME, entry: NAME + 4, underflow: NAME + 24, size: NAME + 48, length: NAME + 52 };
/** struct ipt_get_entries: name, size, the entries aligned to eight bytes. */
const ENTRIES = { size: NAME, first: NAME + 8 };
/** struct ipt_entry and ip6t_entry: where each entry says where its target and the next entry stand, and what it has counted. */
const ENTRY = {
    ipv4: { target: 88, next: 90, packets: 96 },
    ipv6: { target: 140, next: 142, packets: 152 },
};
/** struct xt_entry_target: the size, then the name; a chain of one's own begins with the target ERROR, whose data is its name. */
const TARGET = { name: 2, data: 32 };
const SOCKET = {
    ipv4: { family: 2, level: SOL_IP },
    ipv6: { family: 10, level: SOL_IPV6 },
};
const SOCK_RAW_CLOEXEC = 0x8_0003;
const IPPROTO_RAW = 255;
let bound;
function getOption() {
    // Unlike src/linux, what stands in `value` says what is wanted.
    bound ??= requireKoffi().load(null).func('int getsockopt(int, int, int, void *, void *)');
    return bound;
}
/**
 * Opens the counters of tables of the network namespace that this thread is in, as they stand now; of built-in chains that
 * are not `busy` (`nat PREROUTING`) not the policy's.
 */
export function openCounters(family, tables, busy) {
    const fd = checked('socket', socketCalls().socket(SOCKET[family].family, SOCK_RAW_CLOEXEC, IPPROTO_RAW));
    const places = new Map();
    const parts = tables.map((table) => openTable(fd, family, table, { places, busy }));
    let before = new Int32Array(places.size);
    const now = () => {
        const all = new Int32Array(places.size);
        for (const part of parts)
            part(all);
        return all;
    };
    before = now();
    return {
        read() {
            const after = now();
            const since = after.map((count, index) => count - before[index]);
            before = after;
            return since;
        },
        indexOf: (place) => places.get(place),
        close: () => void socketCalls().close(fd),
    };
}
/** Finds the places of a table's rules, and gives what writes down all that they have counted. */
function openTable(fd, family, table, { places, busy }) {
    const { level } = SOCKET[family];
    const info = ask(fd, level, GET_INFO, table, INFO.length);
    const view = new DataView(info.buffer);
    const size = view.getUint32(INFO.size, true);
    const bytes = new Uint8Array(ENTRIES.first + size);
    const fill = () => {
        bytes.set(info.subarray(0, NAME));
        const entries = new DataView(bytes.buffer);
        entries.setUint32(ENTRIES.size, size, true);
        checked('getsockopt', getOption()(fd, level, GET_ENTRIES, bytes, lengthOf(bytes)));
        return entries;
    };
    const asked = ({ place }) => !place.endsWith(' policy') || busy.has(`${table} ${place.slice(0, -' policy'.length)}`);
    const counted = placesIn(fill(), info, family)
        .filter(asked)
        .map(({ place, at }) => {
        const index = places.size;
        places.set(`${table} ${place}`, index);
        return { index, at };
    });
    return (into) => {
        const entries = fill();
        // 64 bits, of which 32 are enough for what is sent here.
        for (const { index, at } of counted)
            into[index] = entries.getUint32(at, true);
    };
}
/** Where in the answer each rule's and each policy's counter stands. */
function placesIn(entries, info, family) {
    const layout = ENTRY[family];
    const about = new DataView(info.buffer);
    const places = [];
    let [chain, number, own] = ['', 0, false];
    for (let at = 0; at < entries.byteLength - ENTRIES.first;) {
        const entry = ENTRIES.first + at;
        const target = entry + entries.getUint16(entry + layout.target, true);
        const hook = HOOKS.findIndex((_, index) => isHook(about, index) && about.getUint32(INFO.entry + 4 * index, true) === at);
        if (hook >= 0)
            [chain, number] = [HOOKS[hook], 0];
        const policy = HOOKS.findIndex((_, index) => isHook(about, index) && about.getUint32(INFO.underflow + 4 * index, true) === at);
        if (policy >= 0)
            places.push({ place: `${HOOKS[policy]} policy`, at: entry + layout.packets });
        else if (textAt(entries, target + TARGET.name) === 'ERROR') {
            // The return at the end of a chain of one's own counts, too, but it is no rule.
            if (own)
                places.pop();
            [chain, number, own] = [textAt(entries, target + TARGET.data), 0, true];
        }
        else {
            number += 1;
            places.push({ place: `${chain} ${number}`, at: entry + layout.packets });
        }
        at += entries.getUint16(entry + layout.next, true);
    }
    return places;
}
const isHook = (about, index) => ((about.getUint32(INFO.hooks, true) >> index) & 1) === 1;
function textAt(entries, at) {
    let text = '';
    for (let index = at; entries.getUint8(index) !== 0; index += 1)
        text += String.fromCharCode(entries.getUint8(index));
    return text;
}
function ask(fd, level, option, table, length) {
    const bytes = new Uint8Array(length);
    bytes.set(new TextEncoder().encode(table));
    checked('getsockopt', getOption()(fd, level, option, bytes, lengthOf(bytes)));
    return bytes;
}
const lengthOf = (bytes) => new Uint8Array(Uint32Array.of(bytes.length).buffer);
