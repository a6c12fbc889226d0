import type { Interception } from './interception.ts';
import { append, insert, type Line } from './line.ts';
import type { Side } from './side.ts';

/** The mark of a call that the proxy makes to its own pod, so that it comes in through the proxy once, and no more. */
export const OWN_CALL_MARK = 1338;

/**
 * With TPROXY the proxy calls the app with the client's address as the source. The app's answers to it must come back to
 * the proxy: the mark of the call is kept in its connection and put on the answers, which are then routed to this host.
 */
export function transparentReturn({ proxy, tproxy: { mark } }: Interception, side: Side): readonly Line[] {
  const marked = `-m mark --mark ${mark}`;
  const owners = [
    ...proxy.uids.map((uid) => `-m owner --uid-owner ${uid}`),
    ...proxy.gids.map((gid) => `-m owner --gid-owner ${gid}`),
    ...proxy.marks.map((own) => `-m mark --mark ${own}`),
  ];
  return [
    append(
      'mangle',
      'PREROUTING',
      `-p tcp ${marked} -j CONNMARK --save-mark`,
      "the connection keeps the mark of the proxy's call to the app",
    ),
    append('mangle', 'OUTPUT', `-p tcp -o lo ${marked} -j RETURN`, 'a call that is marked is not marked again'),
    ...owners.map((owner) =>
      append(
        'mangle',
        'OUTPUT',
        `! -d ${side.loopback} -p tcp -o lo ${owner} -j MARK --set-mark ${OWN_CALL_MARK}`,
        'the proxy calls its own pod: this comes in through the proxy',
      ),
    ),
    append(
      'mangle',
      'OUTPUT',
      `-p tcp -m connmark --mark ${mark} -j CONNMARK --restore-mark`,
      "the app's answers get the mark of their connection",
    ),
    inbound(1, `-p tcp ${marked} -j RETURN`, "the proxy's call to the app is not caught again"),
    inbound(2, `-p tcp -s ${side.passthrough} -i lo -j RETURN`, 'nor is one from its passthrough address'),
    inbound(
      3,
      `-p tcp -i lo -m mark ! --mark ${OWN_CALL_MARK} -j RETURN`,
      'an app that calls its own address is left alone',
    ),
  ];
}

const inbound = (at: number, words: string, reason: string): Line =>
  insert('mangle', 'ISTIO_INBOUND', at, words, reason);
