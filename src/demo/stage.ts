import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { demandTools, type Finished, openScratch, type Scratch, type Tool } from '../linux/index.ts';

export const CLIENT = '10.0.0.9';
export const POD = '10.0.0.5';
export const APP_PORTS: readonly number[] = [8080, 8888];

/** What the app answered: the port it was reached on, and the address it was called from. */
export interface Reply {
  readonly port: number;
  readonly caller: string;
}

/** The part of an access-log line that the story reads. */
export interface Connection {
  readonly downstream_local_address: string;
  readonly downstream_remote_address: string;
  readonly upstream_host: string;
}

/** A client and a pod on a veth pair, each in a network namespace that dies with this process. */
export interface Stage {
  readonly client: Scratch;
  readonly pod: Scratch;
  /** The commands that laid the link, as a user would type them. */
  readonly laid: readonly string[];
  /** Starts the app in the pod; resolves when both ports listen. */
  startApp(): Promise<void>;
  /** Starts `sidestep proxy` in the pod; resolves when it says that it is ready. */
  startProxy(args: readonly string[]): Promise<void>;
  /** Runs `sidestep` on the pod's namespace from outside, as a user on the node would. */
  sidestep(args: readonly string[]): Finished;
  /** A request from the client to the pod over a new connection. Throws when no answer comes. */
  request(port: number): Reply;
  /** The proxy's access log, once it holds `count` lines or a second has passed, and a moment more. */
  accessLog(count: number): Promise<readonly Connection[]>;
  close(): void;
}

const program = (name: string): string => fileURLToPath(new URL(`./${name}.js`, import.meta.url));
const SIDESTEP = fileURLToPath(new URL('../../bin/sidestep.js', import.meta.url));
const READY = 'http://127.0.0.1:15021/healthz/ready';

/** What the story's commands call: looked for before anything is made. */
const TOOLS: readonly Tool[] = [
  'iptables-save',
  'iptables-restore',
  'ip6tables-save',
  'ip6tables-restore',
  'ip',
  'nsenter',
  'unshare',
  'setpriv',
  'sh',
];

/**
 * Sets the stage. Throws MissingPackage, NamespaceRefused or NotPermitted where this system cannot; nothing is left then.
 */
export async function openStage(look: { readonly columns: number; readonly colour: boolean }): Promise<Stage> {
  demandTools(TOOLS);
  const client = await openScratch();
  const pod = await client.beside();
  const children: ChildProcess[] = [];
  const log: Connection[] = [];
  const close = (): void => {
    for (const child of children) child.kill('SIGKILL');
    pod.close();
    client.close();
  };
  try {
    for (const [where, lines] of LINKS(pod.pid)) batch(where === 'client' ? client : pod, lines);
  } catch (error) {
    close();
    throw error;
  }
  const environment = { COLUMNS: String(look.columns), ...(look.colour ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }) };
  const start = (args: readonly string[], uid?: number): ChildProcess => {
    const child = pod.start([process.execPath, ...args], { env: environment, ...(uid === undefined ? {} : { uid }) });
    child.stdin?.on('error', () => {});
    children.push(child);
    return child;
  };
  return {
    client,
    pod,
    laid: LINKS(pod.pid).flatMap(([, lines]) => lines.map((line) => `ip ${line}`)),
    async startApp() {
      const child = start([program('app'), ...APP_PORTS.map(String)]);
      const seen: string[] = [];
      follow(child, (line) => seen.push(line));
      await until(() => seen.length >= APP_PORTS.length, child, 'the app');
    },
    async startProxy(args) {
      // Where there is but one user, the proxy is told by its mark instead of its uid.
      const child = start([SIDESTEP, 'proxy', ...args], pod.manyUsers ? 1337 : undefined);
      follow(child, (line) => log.push(JSON.parse(line) as Connection));
      await until(() => pod.run([process.execPath, program('request'), READY]).status === 0, child, 'the proxy');
    },
    sidestep: (args) => client.run([process.execPath, SIDESTEP, ...args], { env: environment, timeout: 20_000 }),
    request(port) {
      const done = client.run([process.execPath, program('request'), `http://${POD}:${port}/`], { timeout: 5000 });
      if (done.status !== 0) throw new Error(`a request to ${POD}:${port} failed: ${done.stderr.trim()}`);
      return JSON.parse(done.stdout) as Reply;
    },
    async accessLog(count) {
      for (let tries = 0; tries < 100 && log.length < count; tries += 1) await sleep(10);
      // A line too many would come about now.
      await sleep(50);
      return [...log];
    },
    close,
  };
}

const LINKS = (pod: number): readonly (readonly ['client' | 'pod', readonly string[]])[] => [
  ['client', [`link add eth0 type veth peer name eth0 netns ${pod}`]],
  ['client', ['link set lo up', `address add ${CLIENT}/24 dev eth0`, 'link set eth0 up']],
  ['pod', ['link set lo up', `address add ${POD}/24 dev eth0`, 'link set eth0 up', `route add default via ${CLIENT}`]],
];

function batch(scratch: Scratch, lines: readonly string[]): void {
  scratch.must(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
}

function follow(child: ChildProcess, take: (line: string) => void): void {
  if (child.stdout) createInterface({ input: child.stdout }).on('line', take);
}

/** Waits for a child to be up; throws with what it said when it ends first or ten seconds pass. */
async function until(up: () => boolean, child: ChildProcess, name: string): Promise<void> {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2000);
  });
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) break;
    if (up()) return;
    await sleep(10);
  }
  throw new Error(`${name} did not start: ${said.trim() || `status ${child.exitCode ?? child.signalCode}`}`);
}
