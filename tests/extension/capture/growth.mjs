// How work grows with its input, from the process's own CPU time: a ratio, so neither a slow machine nor a busy one decides a test.

const ROUNDS = 3;
const TIMES = 4;

/**
 * @param {number} size @param {(size: number) => () => unknown} prepare gives the work for an input of that size; preparing is not counted
 * @returns {number} CPU time at `size` over CPU time at a quarter of it, each the least of three: 4 is linear, 16 quadratic
 */
export function growth(size, prepare) {
  const cost = (/** @type {number} */ of) => Math.min(...Array.from({ length: ROUNDS }, () => {
    const work = prepare(of);
    const began = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(began);
    return user + system;
  }));
  return cost(size) / Math.max(cost(Math.floor(size / TIMES)), 1000);
}
