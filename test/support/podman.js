import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync, } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
// crun refuses hybrid cgroups, and limits above the current ones need a capability that a container's root may lack.
const CONTAINERS_CONF = `[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
`;
/** Opens the sandbox. Everything Podman writes lies in a tmpfs that only the sandbox sees. */
export async function openPodman() {
    const folder = mkdtempSync(join(tmpdir(), 'sidestep-podman-'));
    const holder = spawn('unshare', ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private', 'cat'], { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
    holder.stdin.write('inside\n');
    await new Promise((resolve, reject) => {
        holder.stdout.once('data', () => resolve());
        holder.once('exit', () => reject(new Error('no sandbox for Podman')));
    });
    const pid = readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, 'utf8').trim();
    const environment = { ...process.env, CONTAINERS_CONF: join(folder, 'containers.conf') };
    const run = (command, input = '') => {
        const done = spawnSync('nsenter', [`--target=${pid}`, '--net', '--mount', '--pid', '--', ...command], {
            encoding: 'utf8',
            input,
            env: environment,
            maxBuffer: 1 << 26,
        });
        return { status: done.status ?? 128, stdout: done.stdout, stderr: done.stderr };
    };
    const must = (command, input) => {
        const done = run(command, input);
        if (done.status !== 0)
            throw new Error(`${command.join(' ')}: ${done.stderr.trim() || `status ${done.status}`}`);
        return done.stdout;
    };
    const podman = (args, input) => must(['podman', '--root', join(folder, 'root'), '--runroot', join(folder, 'run'), ...args], input);
    must(['mount', '-t', 'tmpfs', 'tmpfs', folder]);
    // Podman keeps names of namespaces and locks there; this machine's own stay as they are.
    must(['mount', '-t', 'tmpfs', 'tmpfs', '/run']);
    must(['tee', join(folder, 'containers.conf')], CONTAINERS_CONF);
    must(['ip', 'link', 'set', 'lo', 'up']);
    return {
        run,
        podman,
        play: (yaml) => void podman(['play', 'kube', '-'], yaml),
        close() {
            // Containers' cgroups lie outside the sandbox: only Podman takes them away.
            run(['podman', '--root', join(folder, 'root'), '--runroot', join(folder, 'run'), 'pod', 'rm', '-fat', '0']);
            holder.stdin.end();
            holder.kill('SIGKILL');
            rmSync(folder, { recursive: true, force: true });
        },
    };
}
/** Lays out the files of an image: Node.js, the rule tools, Sidestep as it is installed. Returns the folder. */
export function layImage() {
    const image = mkdtempSync(join(tmpdir(), 'sidestep-image-'));
    // It becomes the container's root folder, which other users than root must be able to enter.
    chmodSync(image, 0o755);
    const copy = (file, as = file) => {
        mkdirSync(dirname(join(image, as)), { recursive: true });
        cpSync(realpathSync(file), join(image, as), { recursive: true, dereference: true });
    };
    const withLibraries = (file) => {
        copy(file);
        const { stdout } = spawnSync('ldd', [file], { encoding: 'utf8' });
        for (const [library] of stdout.matchAll(/\/\S+/g))
            if (!existsSync(join(image, library)))
                copy(library);
    };
    const programs = [
        'node',
        'env',
        'sh',
        'ip',
        'nft',
        'xtables-nft-multi',
        'xtables-legacy-multi',
        'nsenter',
        'cat',
        'setsid',
    ];
    for (const program of programs) {
        const { stdout } = spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program], { encoding: 'utf8' });
        if (stdout.trim() !== '')
            withLibraries(stdout.trim());
    }
    // One program by many names, as Debian installs it.
    for (const [backend, names] of [
        ['nft', ['iptables', 'ip6tables', 'iptables-nft', 'ip6tables-nft']],
        ['legacy', ['iptables-legacy', 'ip6tables-legacy']],
    ])
        for (const name of names)
            for (const verb of ['', '-save', '-restore'])
                symlinkSync(`xtables-${backend}-multi`, join(image, 'usr/sbin', `${name}${verb}`));
    const plugins = dirname(realpathSync(findPlugin()));
    copy(plugins);
    for (const part of ['bin', 'dist', 'package.json', 'LICENSE'])
        copy(join(ROOT, part), join('opt/sidestep', part));
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    for (const name of [...Object.keys(dependencies), '@koromix'])
        if (existsSync(join(ROOT, 'node_modules', name)))
            copy(join(ROOT, 'node_modules', name), join('opt/sidestep/node_modules', name));
    mkdirSync(join(image, 'usr/bin'), { recursive: true });
    symlinkSync('/opt/sidestep/bin/sidestep.js', join(image, 'usr/bin/sidestep'));
    for (const folder of ['run', 'tmp', 'etc', 'proc', 'sys', 'dev'])
        mkdirSync(join(image, folder), { recursive: true });
    writeFileSync(join(image, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n');
    return image;
}
/** One of iptables' plugins: its folder is copied whole. */
function findPlugin() {
    const { stdout } = spawnSync('dpkg', ['-L', 'iptables'], { encoding: 'utf8' });
    const plugin = stdout.split('\n').find((line) => line.endsWith('/libxt_tcp.so'));
    if (!plugin)
        throw new Error('the folder of iptables plugins was not found');
    return plugin;
}
/** Imports a folder as an image under a name that pods can use. */
export function importImage(podman, folder, name) {
    const done = podman.run(['sh', '-c', 'tar -C "$1" -c . > "$2"', 'sh', folder, `${folder}.tar`]);
    if (done.status !== 0)
        throw new Error(done.stderr);
    try {
        // Like every image that is built, it says where its programs are.
        podman.podman(['import', '--change', 'ENV PATH=/usr/sbin:/usr/bin', `${folder}.tar`, name]);
    }
    finally {
        rmSync(`${folder}.tar`, { force: true });
    }
}
