export function kubeNode(services: number, pods: number, seed?: number): string;
