// The one program of `sidestep run` beside the app that lives in the pod: it makes sockets there and at the other end of the link,
// and hands them out to the sidecar, which stays outside. When the sidecar is gone, however it went, it ends whatever is left
// in the pod, and itself.
import { closeSync, openSync, writeFileSync } from 'node:fs';
import {
  closeDescriptor,
  endpointOf,
  isRunning,
  limitQueue,
  openListeners,
  openSocketFor,
  openUdpSocket,
  sendDescriptors,
  setNetworkNamespace,
  setSocketMark,
  whichWritable,
} from '../linux/socket/index.ts';
import { endInhabitants, networkOf } from './inhabitants.ts';
import type { Channels, Inside } from './plan.ts';

const { channels, families, gateway, listeners, mark } = JSON.parse(process.argv[2] ?? '') as Inside;
/** Until a socket is made again when one could not be, in milliseconds. */
const PAUSE = 50;
/** How long the link may take, and how often it is looked at meanwhile, in milliseconds. */
const LINK_WAITING = 2000;
const LINK_LOOK = 2;
/** Sockets that wait in each channel, made already. */
const READY = 16;
const HERE = '/proc/thread-self/ns/net';
const own = { pod: openSync(HERE, 'r'), gateway: openSync(gateway, 'r') };

/** Not every container's /proc/sys can be written; then the app can do no more than it could outside, or waits for what never comes. */
function trySysctl(path: string, value: string): void {
  try {
    writeFileSync(`/proc/sys/net/${path}`, value);
  } catch {}
}

/** The link's ends are told of each other a while after they are up: an app must not find a network that drops what it sends. */
function awaitLink(): void {
  for (const end = Date.now() + LINK_WAITING; !isRunning('eth0') && Date.now() < end; ) pause(LINK_LOOK);
}

const pause = (time: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, time);

/** Sends every listening socket and every one for names, each with what it is. */
function sendListeners(): void {
  for (const { purpose, address, port } of listeners) {
    const at = endpointOf(address, port);
    if (purpose === 'names') {
      const udp = openUdpSocket(at);
      setSocketMark(udp, mark);
      send(purpose, udp);
    }
    const { descriptors } = openListeners(at, false, 1, 4096, () => {});
    send(purpose === 'names' ? 'names over tcp' : purpose, descriptors[0]!);
  }
  send('all', undefined);
}

function send(what: string, fd: number | undefined): void {
  sendDescriptors(channels.control, Buffer.from(what), fd === undefined ? [] : [fd]);
  if (fd !== undefined) closeDescriptor(fd);
}

/** Fills the channels whenever there is room in them, until nobody is at the other end. */
function serve(): void {
  const sources = families.flatMap((family) => [
    { family, where: 'pod' as const, channel: channels[`pod ${family}` as keyof Channels] },
    { family, where: 'gateway' as const, channel: channels[`gateway ${family}` as keyof Channels] },
  ]);
  const watched = sources.map(({ channel }) => channel);
  for (const channel of watched) limitQueue(channel, READY);
  for (;;) {
    const { writable, gone } = whichWritable(watched, channels.control);
    if (gone) return;
    for (const where of ['pod', 'gateway'] as const) {
      const wanted = sources.filter((source) => source.where === where && writable.includes(source.channel));
      if (wanted.length === 0) continue;
      if (where === 'gateway') setNetworkNamespace(own.gateway);
      try {
        for (const { family, channel } of wanted) hand(channel, openSocketFor(family), where === 'pod' ? mark : 0);
      } catch {
        // Out of descriptors or of memory, for a while; or there is nobody to send to, which the next look finds.
        pause(PAUSE);
      }
      if (where === 'gateway') setNetworkNamespace(own.pod);
    }
  }
}

function hand(channel: number, fd: number, mark: number): void {
  try {
    if (mark > 0) setSocketMark(fd, mark);
    sendDescriptors(channel, Buffer.of(0), [fd]);
  } finally {
    closeDescriptor(fd);
  }
}

const pod = networkOf('self');
// A port below 1024 is nobody else's here.
trySysctl('ipv4/ip_unprivileged_port_start', '0');
setNetworkNamespace(own.gateway);
// Only who forwards says that there is no way on.
trySysctl('ipv4/ip_forward', '1');
trySysctl('ipv6/conf/all/forwarding', '1');
setNetworkNamespace(own.pod);
try {
  sendListeners();
  awaitLink();
  process.stdout.write('ready\n');
  serve();
} finally {
  closeSync(own.gateway);
  endInhabitants(pod);
}
