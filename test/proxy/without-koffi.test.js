import Module from 'node:module';
import { expect, test } from 'vitest';
import { startProxy } from '../../src/proxy/index.ts';
test('without koffi it does not start, instead of refusing every connection', async () => {
    const modules = Module;
    const load = modules._load;
    modules._load = (name, ...rest) => {
        if (name === 'koffi')
            throw new Error("Cannot find module 'koffi'\nRequire stack: …");
        return load.call(Module, name, ...rest);
    };
    try {
        const started = startProxy({
            address: '127.0.0.1',
            outboundPort: 0,
            inboundPort: 0,
            readinessPort: 'none',
            metricsPort: 'none',
            adminPort: 'none',
        });
        await expect(started).rejects.toMatchObject({
            name: 'MissingPackage',
            message: "system calls need the package koffi, which cannot be loaded: Cannot find module 'koffi'",
            exitStatus: 3,
        });
    }
    finally {
        modules._load = load;
    }
});
