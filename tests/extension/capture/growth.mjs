// How work grows with its input, from the process's own CPU time: a ratio, so neither a slow machine nor a busy one decides a test.

const ROUNDS = 3;
const MOST_ROUNDS = 15;
const TIMES = 4;
/** Above it is looked again: what else the machine does only ever adds to a cost, so more looks come nearer to what it is. */
const DOUBTFUL = 6;

/**
 * @param {number} size @param {(size: number) => () => unknown} prepare gives the work for an input of that size; preparing is not counted
 * @returns {number} CPU time at `size` over CPU time at a quarter of it, each the least of all looks: 4 is linear, 16 quadratic
 */
export function growth(size, prepare) {
  const cost = (/** @type {number} */ of) => {
    const work = prepare(of);
    const began = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(began);
    return user + system;
  };
  let [large, small, ratio] = [Infinity, Infinity, Infinity];
  for (let round = 0; round < ROUNDS || (round < MOST_ROUNDS && ratio > DOUBTFUL); round += 1) {
    [large, small] = [Math.min(large, cost(size)), Math.min(small, cost(Math.floor(size / TIMES)))];
    ratio = large / Math.max(small, 1000);
  }
  return ratio;
}
