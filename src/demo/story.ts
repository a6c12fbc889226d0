import { APP_PORTS, CLIENT, type Connection, POD, type Stage } from './stage.ts';

/** Something the story says, and whether the kernel and the proxy's record bear it out. */
export interface Claim {
  readonly text: string;
  readonly holds: boolean;
  /** What was seen, where it does not hold. */
  readonly seen?: string;
}

/** One step that was taken. */
export interface Told {
  readonly title: string;
  /** What a user would type. */
  readonly commands: readonly string[];
  /** What the commands printed, or what was seen. */
  readonly output: string;
  readonly claims: readonly Claim[];
}

/** One step of the story: its title is told before it runs. */
export interface Scene {
  readonly title: string;
  run(stage: Stage): Promise<Omit<Told, 'title'>> | Omit<Told, 'title'>;
}

export type DemoDialect = 'istio-2018' | 'istio';

/** The port whose packets are to step aside, and one that stays with the proxy. */
const ASIDE = 8888;
const PROXIED = 8080;

interface Cast {
  /** The flags that tell `init` which traffic is the proxy's own. */
  readonly identity: readonly string[];
  readonly init: readonly string[];
  readonly proxy: readonly string[];
  readonly inboundPort: number;
  /** The address that the app is called from by the proxy. */
  readonly proxyAddress: string;
}

function castOf(dialect: DemoDialect, stage: Stage): Cast {
  const { manyUsers } = stage.pod;
  const identity = manyUsers ? ['-u', '1337'] : ['--proxy-mark', '1337'];
  const mark = manyUsers ? [] : ['--mark', '1337'];
  return dialect === 'istio-2018'
    ? {
        identity,
        init: [
          '--dialect',
          dialect,
          '-p',
          '15001',
          ...identity,
          '-m',
          'REDIRECT',
          '-i',
          '*',
          '-b',
          APP_PORTS.join(','),
        ],
        proxy: ['--dialect', dialect, ...mark],
        inboundPort: 15001,
        proxyAddress: '127.0.0.1',
      }
    : {
        identity,
        init: ['--dialect', dialect, ...identity, '-i', '*', '-b', '*', '-d', '15090,15021,15020'],
        proxy: ['--dialect', dialect, ...mark],
        inboundPort: 15006,
        proxyAddress: '127.0.0.6',
      };
}

/** The 2018 story, step by step. Every scene acts for real and checks what it says. */
export function story(dialect: DemoDialect): readonly Scene[] {
  let before = '';
  let intercepted = '';
  let connections = 0;
  const saved = (stage: Stage): string => withoutComments(stage.pod.must(['iptables-save']));

  /** Requests both ports and says who was called by whom, and what the proxy recorded. */
  const requests = async (stage: Stage, viaProxy: (port: number) => boolean): Promise<Omit<Told, 'title'>> => {
    const cast = castOf(dialect, stage);
    const replies = APP_PORTS.map((port) => ({ port, reply: stage.request(port) }));
    const expected = APP_PORTS.filter(viaProxy).length;
    const log = (await stage.accessLog(connections + expected)).slice(connections);
    connections += log.length;
    const recorded = (port: number): Connection | undefined =>
      log.find((line) => line.downstream_local_address === `${POD}:${port}`);
    const claims = replies.flatMap(({ port, reply }): Claim[] => {
      const line = recorded(port);
      const caller = viaProxy(port) ? cast.proxyAddress : CLIENT;
      return [
        claim(`the app on :${port} was called by ${viaProxy(port) ? 'the proxy' : 'the client itself'}, ${caller}`, {
          holds: reply.port === port && reply.caller === caller,
          seen: `it was called by ${reply.caller}`,
        }),
        viaProxy(port)
          ? claim(`the proxy's record holds this connection, original destination ${POD}:${port}`, {
              holds: line?.downstream_remote_address.startsWith(`${CLIENT}:`) === true,
              seen: line ? JSON.stringify(line) : 'no such line',
            })
          : claim(`the proxy's record holds nothing of :${port}`, {
              holds: line === undefined,
              seen: JSON.stringify(line),
            }),
      ];
    });
    return {
      commands: APP_PORTS.map((port) => `curl http://${POD}:${port}/`),
      output: replies.map(({ port, reply }) => `:${port}  the app was called by ${reply.caller}`).join('\n'),
      claims,
    };
  };

  /** Runs `sidestep` and shows it; a failing command is a claim that does not hold. */
  const command = (stage: Stage, args: readonly string[], ok: readonly number[] = [0]) => {
    const located = [...args, '--pid', String(stage.pod.pid)];
    const done = stage.sidestep(located);
    const failed: Claim[] = ok.includes(done.status)
      ? []
      : [{ text: `sidestep ${args[0]} succeeds`, holds: false, seen: `status ${done.status}: ${done.stderr.trim()}` }];
    return { shown: shell(['sidestep', ...located]), done, failed };
  };
  const json = (stage: Stage, args: readonly string[]): Record<string, unknown> =>
    JSON.parse(command(stage, [...args, '-o', 'json']).done.stdout || '{}') as Record<string, unknown>;
  const traced = (stage: Stage, port: number): Record<string, unknown> =>
    (json(stage, ['trace', `in tcp ${CLIENT}:40000 > ${POD}:${port}`]).outcome ?? {}) as Record<string, unknown>;

  return [
    {
      title: `A client ${CLIENT} and a pod ${POD}, an app on ${APP_PORTS.join(' and ')}, nothing in between`,
      async run(stage) {
        await stage.startApp();
        before = saved(stage);
        const reached = await requests(stage, () => false);
        return {
          ...reached,
          commands: [...stage.laid, ...reached.commands],
          claims: [
            claim('the pod has no rules', { holds: before === '', seen: before }),
            ...reached.claims.filter(({ text }) => !text.includes('record')),
          ],
        };
      },
    },
    {
      title: 'The init step programs the interception',
      run(stage) {
        const { init } = castOf(dialect, stage);
        const asked = stage.sidestep(['init', ...init, '--dry-run', '-o', 'save', '--family', 'ipv4']);
        const { shown, done, failed } = command(stage, ['init', ...init]);
        intercepted = saved(stage);
        return {
          commands: [shown],
          output: done.stdout,
          claims: [
            ...failed,
            claim('the kernel holds exactly the rules that a dry run prints', {
              holds: intercepted !== '' && intercepted === withoutComments(asked.stdout),
              seen: `${intercepted}\n--- asked for ---\n${asked.stdout}${asked.stderr}`,
            }),
          ],
        };
      },
    },
    {
      title: 'The sidecar starts; both ports now go through it',
      async run(stage) {
        const { proxy } = castOf(dialect, stage);
        await stage.startProxy(proxy);
        const reached = await requests(stage, () => true);
        return { ...reached, commands: [shell(['sidestep', 'proxy', ...proxy, '&']), ...reached.commands] };
      },
    },
    {
      title: 'Who is intercepted here?',
      run(stage) {
        const { shown, done, failed } = command(stage, ['list']);
        return { commands: [shown], output: done.stdout, claims: failed };
      },
    },
    {
      title: `What happens to a packet to ${ASIDE}?`,
      run(stage) {
        const { inboundPort } = castOf(dialect, stage);
        const { shown, done, failed } = command(stage, ['trace', `in tcp/${ASIDE}`]);
        const outcome = traced(stage, ASIDE);
        return {
          commands: [shown],
          output: done.stdout,
          claims: [
            ...failed,
            claim(`the walk ends where the connection did: at the proxy, :${inboundPort}`, {
              holds: outcome.kind === 'proxy' && outcome.port === inboundPort,
              seen: JSON.stringify(outcome),
            }),
          ],
        };
      },
    },
    {
      title: `A bypass for ${ASIDE}, planned: nothing changes yet`,
      run(stage) {
        const { shown, done, failed } = command(stage, ['bypass', String(ASIDE)]);
        const now = saved(stage);
        return {
          commands: [shown],
          output: done.stdout,
          claims: [...failed, claim('the rules are as they were', { holds: now === intercepted, seen: now })],
        };
      },
    },
    {
      title: `The bypass, applied: ${ASIDE} steps aside, ${PROXIED} stays with the proxy`,
      async run(stage) {
        const { shown, done, failed } = command(stage, ['bypass', String(ASIDE), '--apply']);
        const first = stage.pod.must(['iptables', '-t', 'nat', '-S', 'PREROUTING', '1']).trim();
        const reached = await requests(stage, (port) => port !== ASIDE);
        const outcome = traced(stage, ASIDE);
        return {
          commands: [shown, ...reached.commands],
          output: `${done.stdout}${reached.output}`,
          claims: [
            ...failed,
            claim(`nat PREROUTING begins with the bypass`, {
              holds: first.includes(`--dport ${ASIDE} `) && first.endsWith('-j RETURN'),
              seen: first,
            }),
            ...reached.claims,
            claim('a trace says the same', { holds: outcome.kind === 'app', seen: JSON.stringify(outcome) }),
          ],
        };
      },
    },
    {
      title: 'Undone: both ports are proxied again',
      async run(stage) {
        const { shown, done, failed } = command(stage, ['bypass', String(ASIDE), '--undo']);
        const now = saved(stage);
        const reached = await requests(stage, () => true);
        return {
          commands: [shown, ...reached.commands],
          output: `${done.stdout}${reached.output}`,
          claims: [
            ...failed,
            claim('the rules are what they were before the bypass, byte for byte', {
              holds: now === intercepted,
              seen: now,
            }),
            ...reached.claims,
          ],
        };
      },
    },
    {
      title: 'Cleaned: the pod is as it was found',
      run(stage) {
        const { shown, done, failed } = command(stage, ['clean']);
        const now = saved(stage);
        return {
          commands: [shown],
          output: done.stdout,
          claims: [...failed, claim('no rule is left', { holds: now === before, seen: now })],
        };
      },
    },
  ];
}

const claim = (text: string, { holds, seen }: { readonly holds: boolean; readonly seen: string }): Claim =>
  holds ? { text, holds } : { text, holds, seen };

/** What iptables-save prints, without its `#` lines and with its counters at zero. */
const withoutComments = (text: string): string =>
  text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .replace(/\[\d+:\d+\]/g, '[0:0]')
    .trim();

/** A command as a user would type it: words that a shell would change are quoted. */
const shell = (words: readonly string[]): string =>
  words.map((word) => (/^[\w@%+=:,./&-]+$/.test(word) ? word : `'${word}'`)).join(' ');
